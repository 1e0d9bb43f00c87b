import { promisify } from 'node:util'

import { type BackchannelLogout, type SessionClaims, sessionClaims } from '@bcl/core'
import type { Request, RequestHandler, Response } from 'express'
import expressSession, { type SessionData } from 'express-session'
import type { IDToken } from 'openid-client'

import type { Config } from './config.ts'

declare module 'express-session' {
  interface SessionData {
    claims: SessionClaims
    /** The ID Token for the provider's `id_token_hint`. */
    idToken: string
  }
}

export interface Session {
  claims: SessionClaims
  idToken: string
}

const COOKIE = 'express_session'

const destroy = ({ session }: Request): Promise<unknown> => promisify(session.destroy.bind(session))()

/** The session is in the store. Its id is in the cookie. */
export function createSessions(config: Config, logout: BackchannelLogout, store: expressSession.Store) {
  const secure = config.baseUrl.startsWith('https:')
  const middleware = expressSession({
    name: COOKIE,
    secret: config.sessionSecret,
    store,
    resave: false,
    saveUninitialized: false,
    rolling: true, // `sessionMaxAge` still counts from sign-in
    proxy: secure, // a proxy terminates https and sends X-Forwarded-Proto
    cookie: { httpOnly: true, sameSite: 'lax', secure, maxAge: config.sessionMaxAge * 1000 },
  })

  return {
    /** Adds the session to the request. Sign-out continues without a session, so it also works while the store is down. */
    middleware: ((request, response, next) => {
      const isSignOut = request.method === 'POST' && request.path === '/logout'
      middleware(request, response, (error?: unknown) => (error && !isSignOut ? next(error) : next()))
    }) satisfies RequestHandler,

    /**
     * Replaces the session. The new session has a new id. Throws if the ID Token is really a Logout Token. If the
     * provider has already ended the session, resolves to false and creates no session.
     */
    async start(request: Request, idTokenClaims: IDToken, idToken: string): Promise<boolean> {
      const claims = sessionClaims(idTokenClaims)
      if (request.session.claims) await logout.untrackSession(request.session.claims, request.sessionID)
      await promisify(request.session.regenerate.bind(request.session))()
      const alive = await logout.trackSession(claims, request.sessionID)
      if (alive) Object.assign(request.session, { claims, idToken })
      else await destroy(request)
      return alive
    },

    /** Returns the session, or undefined. `request.session` is absent if the store is down. */
    read(request: Request): Session | undefined {
      const { claims, idToken } = (request.session as Partial<SessionData> | undefined) ?? {}
      return claims?.iss === config.issuer && idToken !== undefined ? { claims, idToken } : undefined
    },

    destroy,

    /** Clears the cookie. Also destroys the session in the store if the store works. */
    async clear(request: Request, response: Response): Promise<void> {
      response.clearCookie(COOKIE)
      // A failure does no harm, because `signOut` has already written the marker, or logged that the store is down.
      if (request.session as unknown) await destroy(request).catch(() => {})
    },
  }
}
