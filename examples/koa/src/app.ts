import { PassThrough } from 'node:stream'

import { type BackchannelLogout, type SessionClaims, sessionClaims } from '@bcl/core'
import { activeSession, backchannelLogout } from '@bcl/koa'
import { bodyParser } from '@koa/bodyparser'
import { Router } from '@koa/router'
import Koa from 'koa'

import type { Config } from './config.ts'
import { fromOwnPages } from './from-own-pages.ts'
import { signInFailedPage, signedInPage, signedOutPage } from './page.ts'
import { createSessions, type SessionContext } from './session.ts'
import { logError, logSignInError } from './shared/log.ts'
import type { Readiness } from './shared/readiness.ts'
import { createSignIn, type PendingSignIn } from './shared/sign-in.ts'
import { createSignOut } from './shared/sign-out.ts'
import { createStreams } from './shared/streams.ts'
import { createSignedCookie } from './signed-cookie.ts'
import type { SessionStore } from './store.ts'

type Context = Koa.ParameterizedContext<Koa.DefaultState, SessionContext>

const HEARTBEAT_MS = 15_000

export function createApp(
  config: Config,
  logout: BackchannelLogout,
  store: SessionStore,
  readiness: Pick<Readiness, 'isReady'>,
  streams = createStreams(),
): Koa {
  const app = new Koa()
  const secure = config.baseUrl.startsWith('https:')
  app.keys = [config.sessionSecret]
  app.proxy = secure // a proxy terminates https and sends X-Forwarded-Proto
  app.on('error', (error) => {
    const pageWasClosed = error.code === 'ERR_STREAM_PREMATURE_CLOSE' // the page was closed while its /events stream was open
    if (!error.expose && !pageWasClosed) logError('Request failed', error)
  })

  const sessions = createSessions(app, config, logout, store)
  const signIn = createSignIn(config)
  const signOut = createSignOut(logout, signIn)
  // The pending sign-in is not in the session, because a logout of the old session must not end the new sign-in.
  const pendingSignIn = createSignedCookie<PendingSignIn>('koa_sign_in', { secure, maxAge: 10 * 60 })
  // A copy of the session's claims. With it, the user can sign out while the session store is down.
  const signOutClaims = createSignedCookie<SessionClaims>('koa_sign_out', { secure, maxAge: config.sessionMaxAge })

  const active = (onLoggedOut: (ctx: Context) => void) =>
    activeSession<Koa.DefaultState, SessionContext>(logout, {
      session: (ctx) => sessions.read(ctx)?.claims,
      onLoggedOut: (ctx) => {
        ctx.session = null
        onLoggedOut(ctx)
      },
    })

  const router = new Router<Koa.DefaultState, SessionContext>()

  router.get('/', active(signedOut), (ctx) => {
    const session = sessions.read(ctx)
    if (!session) return signedOut(ctx)
    ctx.body = signedInPage(session.claims)
  })

  router.get('/me', active(unauthorized), (ctx) => {
    const session = sessions.read(ctx)
    if (!session) return unauthorized(ctx)
    const { iss, sub, sid, iat } = session.claims
    ctx.body = { iss, sub, sid: sid ?? null, iat }
  })

  // This route is not behind activeSession(). A page that was loaded just before the logout must still receive the
  // event.
  router.get('/events', (ctx) => {
    const session = sessions.read(ctx)
    if (!session) return unauthorized(ctx)
    // Koa also uses this handler for HEAD. The answer to HEAD has no body, so there is no stream.
    if (ctx.method === 'HEAD') {
      ctx.set('content-type', 'text/event-stream')
      ctx.status = 200
      return
    }
    const close = streams.open(session.claims)
    if (typeof close === 'number') {
      ctx.status = close
      ctx.body = { error: 'too many open streams' }
      return
    }
    const stream = new PassThrough()
    const heartbeat = setInterval(() => stream.write(':\n\n'), HEARTBEAT_MS)
    let stopWatching = () => {}
    // If two requests arrive at once over one connection, the answer to the second request waits. With some versions of Node,
    // Koa does not notice that the connection of this answer is lost.
    const destroy = () => stream.destroy()
    ctx.req.socket.on('close', destroy)
    stream.on('close', () => {
      clearInterval(heartbeat)
      stopWatching()
      close()
      ctx.req.socket.off('close', destroy)
    })
    stream.write(':\n\n')
    ctx.set('content-type', 'text/event-stream')
    ctx.body = stream // Koa destroys the stream when the browser disconnects, and when an error is thrown
    stopWatching = logout.watch(session.claims, () => {
      clearInterval(heartbeat)
      stream.end(`event: logged-out\ndata: ${JSON.stringify({ at: new Date().toISOString() })}\n\n`)
    })
  })

  router.get('/login', async (ctx) => {
    try {
      const { login_hint: hint } = ctx.query
      const { url, pending } = await signIn.start(typeof hint === 'string' ? hint : undefined)
      pendingSignIn.write(ctx, pending)
      ctx.redirect(url.href)
    } catch (error) {
      await logSignInError('Sign-in not started', error)
      ctx.status = 503
      ctx.body = signInFailedPage('the provider cannot be reached.')
    }
  })

  router.get('/callback', async (ctx) => {
    const pending = pendingSignIn.read(ctx)
    pendingSignIn.clear(ctx)
    ctx.status = 400
    if (!pending) {
      ctx.body = signInFailedPage('it was not started in this browser, or it was started too long ago.')
      return
    }
    try {
      const { claims, idToken } = await signIn.finish(ctx.search, pending)
      if (await sessions.start(ctx, claims, idToken)) {
        signOutClaims.write(ctx, sessionClaims(claims))
        ctx.redirect('/')
      } else ctx.body = signInFailedPage('the provider has ended the session already.')
    } catch (error) {
      await logSignInError('Sign-in refused', error)
      ctx.body = signInFailedPage('the answer of the provider was refused.')
    }
  })

  router.post('/logout', async (ctx) => {
    const kept = signOutClaims.read(ctx)
    const url = await signOut.here(sessions.read(ctx) ?? (kept && { claims: kept }))
    leave(ctx, url)
  })

  // This route is behind activeSession(). A stolen cookie of an ended session must not sign the user out everywhere.
  router.post('/logout-everywhere', active(unauthorized), async (ctx) => {
    const session = sessions.read(ctx)
    if (!session) return unauthorized(ctx)
    leave(ctx, await signOut.everywhere(session))
  })

  function leave(ctx: Context, url: string): void {
    sessions.clear(ctx)
    signOutClaims.clear(ctx)
    ctx.status = 303
    ctx.redirect(url)
  }

  router.get('/healthz', (ctx) => {
    ctx.status = readiness.isReady() ? 200 : 503
    ctx.body = readiness.isReady() ? 'ok' : 'no keys of the provider yet'
  })

  // The endpoint comes before the check of the Origin, because the provider's POST has no Origin. It comes before the body
  // parser, because the parser has other limits.
  app.use(backchannelLogout(logout, { path: '/backchannel-logout' }))
  app.use(fromOwnPages(new URL(config.baseUrl).origin))
  app.use(bodyParser())
  app.use((ctx, next) => {
    ctx.set('cache-control', 'no-store')
    return next()
  })
  app.use<Koa.DefaultState, SessionContext>(async (ctx, next) => {
    let isRead = false
    try {
      await sessions.middleware(ctx, () => {
        isRead = true
        return next()
      })
    } catch (error) {
      // The session store is down. Sign-out works without the store.
      const isSignOut = ctx.method === 'POST' && ctx.path === '/logout'
      if (!isSignOut || (error as { status?: unknown }).status !== 503) throw error
      if (!isRead) await next()
    }
  })
  app.use(router.routes())

  return app
}

function signedOut(ctx: Context): void {
  ctx.body = signedOutPage()
}

function unauthorized(ctx: Context): void {
  ctx.status = 401
  ctx.body = { error: 'not signed in' }
}
