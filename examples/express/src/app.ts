import { type BackchannelLogout, type LogoutEndpoint, type SessionClaims, sessionClaims } from '@bcl/core'
import { activeSession, backchannelLogout } from '@bcl/express'
import cookieParser from 'cookie-parser'
import express, { type ErrorRequestHandler, type Express, type Request, type Response } from 'express'
import type { Store } from 'express-session'

import type { Config } from './config.ts'
import { fromOwnPages } from './from-own-pages.ts'
import { signInFailedPage, signedInPage, signedOutPage } from './page.ts'
import { createSessions } from './session.ts'
import { logError, logSignInError } from './shared/log.ts'
import type { Readiness } from './shared/readiness.ts'
import { createSignIn, type PendingSignIn } from './shared/sign-in.ts'
import { createSignOut } from './shared/sign-out.ts'
import { createStreams } from './shared/streams.ts'
import { createSignedCookie } from './signed-cookie.ts'

const HEARTBEAT_MS = 15_000
// Express would add a charset to the media type.
const eventStream = { 'content-type': 'text/event-stream' }

export function createApp(
  config: Config,
  logout: BackchannelLogout,
  store: Store,
  readiness: Pick<Readiness, 'isReady'>,
  streams = createStreams(),
  securityEvents?: LogoutEndpoint,
): Express {
  const app = express()
  const secure = config.baseUrl.startsWith('https:')
  app.disable('x-powered-by')
  app.set('trust proxy', secure) // a proxy terminates https and sends X-Forwarded-Proto

  const sessions = createSessions(config, logout, store)
  const signIn = createSignIn(config)
  const signOut = createSignOut(logout, signIn)
  // The pending sign-in is not in the session, because a logout of the old session must not end the new sign-in.
  const pendingSignIn = createSignedCookie<PendingSignIn>('express_sign_in', { secure, maxAge: 10 * 60 })
  // A copy of the session's claims. With it, the user can sign out while the session store is down.
  const signOutClaims = createSignedCookie<SessionClaims>('express_sign_out', { secure, maxAge: config.sessionMaxAge })

  const active = (onLoggedOut: (request: Request, response: Response) => void) =>
    activeSession(logout, {
      session: (request) => sessions.read(request)?.claims,
      onLoggedOut: async (request, response) => {
        await sessions.destroy(request)
        onLoggedOut(request, response)
      },
    })

  // The endpoint comes before the check of the Origin, because the provider's POST has no Origin. It comes before the
  // body parsers, because they have other limits.
  app.all('/backchannel-logout', backchannelLogout(logout))
  if (securityEvents) app.all('/security-events', backchannelLogout(securityEvents))
  app.use(fromOwnPages(new URL(config.baseUrl).origin))
  app.use((_request, response, next) => {
    response.set('cache-control', 'no-store')
    next()
  })
  // Before cookie-parser. Otherwise express-session also reads the values of cookie-parser, and fails if a value is JSON.
  app.use(sessions.middleware)
  app.use(cookieParser(config.sessionSecret))

  app.get('/', active(signedOut), (request, response) => {
    const session = sessions.read(request)
    if (session) response.send(signedInPage(session.claims))
    else signedOut(request, response)
  })

  app.get('/me', active(unauthorized), (request, response) => {
    const session = sessions.read(request)
    if (!session) return unauthorized(request, response)
    const { iss, sub, sid, iat } = session.claims
    response.json({ iss, sub, sid: sid ?? null, iat })
  })

  // This route is not behind activeSession(). A page that was loaded just before the logout must still receive the
  // event.
  app.get('/events', (request, response) => {
    const session = sessions.read(request)
    if (!session) return unauthorized(request, response)
    // Express also uses this handler for HEAD. The answer to HEAD has no body, so there is no stream.
    if (request.method === 'HEAD') return void response.writeHead(200, eventStream).end()
    if (response.closed) return
    const close = streams.open(session.claims)
    if (typeof close === 'number') return void response.status(close).json({ error: 'too many open streams' })
    const heartbeat = setInterval(() => response.write(':\n\n'), HEARTBEAT_MS)
    let stopWatching = () => {}
    const end = () => {
      clearInterval(heartbeat)
      stopWatching()
      close()
      request.socket.off('close', end)
    }
    response.on('close', end)
    // If two requests arrive at once over one connection, the answer to the second request waits. Some versions of Node emit
    // no `close` for this answer if the connection is lost.
    request.socket.on('close', end)
    response.writeHead(200, eventStream).write(':\n\n')
    stopWatching = logout.watch(session.claims, () => {
      end() // a heartbeat after the end of the answer would end the process
      response.end(`event: logged-out\ndata: ${JSON.stringify({ at: new Date().toISOString() })}\n\n`)
    })
  })

  app.get('/login', async (request, response) => {
    try {
      const { login_hint: hint } = request.query
      const { url, pending } = await signIn.start(typeof hint === 'string' ? hint : undefined)
      pendingSignIn.write(response, pending)
      response.redirect(url.href)
    } catch (error) {
      await logSignInError('Sign-in not started', error)
      response.status(503).send(signInFailedPage('the provider cannot be reached.'))
    }
  })

  app.get('/callback', async (request, response) => {
    const pending = pendingSignIn.read(request)
    pendingSignIn.clear(response)
    const failed = (reason: string) => void response.status(400).send(signInFailedPage(reason))
    if (!pending) return failed('it was not started in this browser, or it was started too long ago.')
    try {
      const { search } = new URL(request.originalUrl, config.baseUrl)
      const { claims, idToken } = await signIn.finish(search, pending)
      if (await sessions.start(request, claims, idToken)) {
        signOutClaims.write(response, sessionClaims(claims))
        response.redirect('/')
      } else failed('the provider has ended the session already.')
    } catch (error) {
      await logSignInError('Sign-in refused', error)
      failed('the answer of the provider was refused.')
    }
  })

  app.post('/logout', async (request, response) => {
    const kept = signOutClaims.read(request)
    const url = await signOut.here(sessions.read(request) ?? (kept && { claims: kept }))
    await leave(request, response, url)
  })

  // This route is behind activeSession(). A stolen cookie of an ended session must not sign the user out everywhere.
  app.post('/logout-everywhere', active(unauthorized), async (request, response) => {
    const session = sessions.read(request)
    if (!session) return unauthorized(request, response)
    await leave(request, response, await signOut.everywhere(session))
  })

  async function leave(request: Request, response: Response, url: string): Promise<void> {
    await sessions.clear(request, response)
    signOutClaims.clear(response)
    response.redirect(303, url)
  }

  app.get('/healthz', (_request, response) => {
    if (readiness.isReady()) response.send('ok')
    else response.status(503).send('no keys of the provider yet')
  })

  app.use(((error: Error & { status?: number; expose?: boolean }, _request, response, next) => {
    const status = error.status ?? 500
    if (status >= 500) logError('Request failed', error)
    if (response.headersSent) return next(error)
    response.sendStatus(status)
  }) satisfies ErrorRequestHandler)

  return app
}

function signedOut(_request: Request, response: Response): void {
  response.send(signedOutPage())
}

function unauthorized(_request: Request, response: Response): void {
  response.status(401).json({ error: 'not signed in' })
}
