import type { BackchannelLogout, LogoutEndpoint } from '@bcl/core'
import { activeSession, backchannelLogout } from '@bcl/hono'
import { type Context, Hono } from 'hono'
import { csrf } from 'hono/csrf'
import { streamSSE } from 'hono/streaming'

import type { Config } from './config.ts'
import { signInFailedPage, signedInPage, signedOutPage } from './page.ts'
import { createSealedCookie } from './sealed-cookie.ts'
import { createSessions, type Session } from './session.ts'
import { logSignInError } from './shared/log.ts'
import type { Readiness } from './shared/readiness.ts'
import { createSignIn, type PendingSignIn } from './shared/sign-in.ts'
import { createSignOut } from './shared/sign-out.ts'
import { createStreams } from './shared/streams.ts'

type Env = { Variables: { session: Session | undefined } }

const HEARTBEAT_MS = 15_000

export function createApp(
  config: Config,
  logout: BackchannelLogout,
  readiness: Pick<Readiness, 'isReady'>,
  streams = createStreams(),
  securityEvents?: LogoutEndpoint,
): Hono<Env> {
  const sessions = createSessions(config, logout)
  const signIn = createSignIn(config)
  const signOut = createSignOut(logout, signIn)
  const pendingSignIn = createSealedCookie<PendingSignIn>('hono_sign_in', {
    secret: config.sessionSecret,
    secure: config.baseUrl.startsWith('https:'),
    maxAge: 10 * 60,
  })
  const app = new Hono<Env>()

  // The endpoint comes before csrf(), because the provider's POST has no Origin. The signature of the token authenticates the
  // provider.
  app.all('/backchannel-logout', backchannelLogout(logout))
  if (securityEvents) app.all('/security-events', backchannelLogout(securityEvents))
  // Browsers send `Origin` or `Sec-Fetch-Site` with every POST. A request with neither header did not come from a browser,
  // so it cannot be a cross-site request.
  const fromOwnPages = csrf({ origin: new URL(config.baseUrl).origin })
  app.use((c, next) => (c.req.header('origin') || c.req.header('sec-fetch-site') ? fromOwnPages(c, next) : next()))

  app.use(async (c, next) => {
    c.set('session', await sessions.read(c))
    c.header('cache-control', 'no-store')
    await next()
  })

  const active = (onLoggedOut: (c: Context<Env>) => Response | Promise<Response>) =>
    activeSession<Env>(logout, {
      session: (c) => c.get('session')?.claims,
      onLoggedOut: (c) => {
        sessions.end(c)
        return onLoggedOut(c)
      },
    })

  app.get('/', active(signedOut), (c) => {
    const session = c.get('session')
    return session ? c.html(signedInPage(session.claims)) : signedOut(c)
  })

  app.get('/me', active(unauthorized), (c) => {
    const session = c.get('session')
    if (!session) return unauthorized(c)
    const { iss, sub, sid, iat } = session.claims
    return c.json({ iss, sub, sid: sid ?? null, iat })
  })

  // This route is not behind activeSession(). A page that was loaded just before the logout must still receive the
  // event.
  app.get('/events', (c) => {
    const session = c.get('session')
    if (!session) return unauthorized(c)
    // Hono also uses this handler for HEAD. A stream for HEAD would never end.
    if (c.req.method === 'HEAD') return c.body(null, 200, { 'content-type': 'text/event-stream' })
    const close = streams.open(session.claims)
    if (typeof close === 'number') return c.json({ error: 'too many open streams' }, close)
    return streamSSE(c, async (stream) => {
      const { promise, resolve } = Promise.withResolvers<'logged out' | 'gone'>()
      stream.onAbort(() => resolve('gone'))
      let stopWatching = () => {}
      const heartbeat = setInterval(() => stream.write(':\n\n'), HEARTBEAT_MS)
      try {
        stopWatching = logout.watch(session.claims, () => resolve('logged out'))
        await stream.write(':\n\n')
        if ((await promise) === 'logged out') {
          await stream.writeSSE({ event: 'logged-out', data: JSON.stringify({ at: new Date().toISOString() }) })
        }
      } finally {
        clearInterval(heartbeat)
        stopWatching()
        close()
      }
    })
  })

  app.get('/login', async (c) => {
    try {
      const { url, pending } = await signIn.start(c.req.query('login_hint'))
      pendingSignIn.write(c, await pendingSignIn.seal(pending))
      return c.redirect(url.href)
    } catch (error) {
      await logSignInError('Sign-in not started', error)
      return c.html(signInFailedPage('the provider cannot be reached.'), 503)
    }
  })

  app.get('/callback', async (c) => {
    const pending = await pendingSignIn.read(c)
    pendingSignIn.clear(c)
    if (!pending)
      return c.html(signInFailedPage('it was not started in this browser, or it was started too long ago.'), 400)
    try {
      const { claims, idToken } = await signIn.finish(new URL(c.req.url).search, pending)
      if (await sessions.start(c, claims, idToken)) return c.redirect('/')
      return c.html(signInFailedPage('the provider has ended the session already.'), 400)
    } catch (error) {
      await logSignInError('Sign-in refused', error)
      return c.html(signInFailedPage('the answer of the provider was refused.'), 400)
    }
  })

  app.post('/logout', async (c) => {
    sessions.end(c)
    return c.redirect(await signOut.here(c.get('session')), 303)
  })

  // This route is behind activeSession(). A stolen cookie of an ended session must not sign the user out everywhere.
  app.post('/logout-everywhere', active(unauthorized), async (c) => {
    const session = c.get('session')
    if (!session) return unauthorized(c)
    sessions.end(c)
    return c.redirect(await signOut.everywhere(session), 303)
  })

  app.get('/healthz', (c) => (readiness.isReady() ? c.text('ok') : c.text('no keys of the provider yet', 503)))

  return app
}

function signedOut(c: Context<Env>) {
  return c.html(signedOutPage())
}

function unauthorized(c: Context<Env>): Response {
  return c.json({ error: 'not signed in' }, 401)
}
