import { promisify } from 'node:util'

import { type BackchannelLogout, type SessionClaims, sessionClaims } from '@bcl/core'
import { InjectBackchannelLogout } from '@bcl/nestjs'
import { Inject, Injectable } from '@nestjs/common'
import type { Request, RequestHandler, Response } from 'express'
import expressSession, { type SessionData } from 'express-session'
import type { IDToken } from 'openid-client'

import type { Config } from './config.ts'
import { CONFIG } from './tokens.ts'

declare module 'express-session' {
  interface SessionData {
    claims: SessionClaims
    /** The ID Token for the provider's `id_token_hint`. */
    idToken: string
  }
}

const COOKIE = 'nestjs_session'

/**
 * Adds the session to the request. The session is in the store, and its id is in the cookie. Sign-out continues without a
 * session, so it also works while the store is down.
 */
export function sessionMiddleware(config: Config, store: expressSession.Store): RequestHandler {
  const secure = config.baseUrl.startsWith('https:')
  const middleware = expressSession({
    name: COOKIE,
    secret: config.sessionSecret,
    store,
    resave: false,
    saveUninitialized: false,
    rolling: true,
    proxy: secure, // a proxy terminates https and sends X-Forwarded-Proto
    cookie: { httpOnly: true, sameSite: 'lax', secure, maxAge: config.sessionMaxAge * 1000 },
  })
  return (request, response, next) => {
    const isSignOut = request.method === 'POST' && request.path === '/logout'
    middleware(request, response, (error?: unknown) => (error && !isSignOut ? next(error) : next()))
  }
}

export function claimsOf(request: Request, { issuer }: Config): SessionClaims | undefined {
  const { claims } = request.session
  return claims?.iss === issuer ? claims : undefined
}

export function destroySessionOf({ session }: Request): Promise<unknown> {
  return promisify(session.destroy.bind(session))()
}

@Injectable()
export class Sessions {
  readonly #config: Config
  readonly #logout: BackchannelLogout

  constructor(@Inject(CONFIG) config: Config, @InjectBackchannelLogout() logout: BackchannelLogout) {
    this.#config = config
    this.#logout = logout
  }

  /**
   * Replaces the session. The new session has a new id. Throws if the ID Token is really a Logout Token. If the
   * provider has already ended the session, resolves to false and creates no session.
   */
  async start(request: Request, idTokenClaims: IDToken, idToken: string): Promise<boolean> {
    const claims = sessionClaims(idTokenClaims)
    await this.#untrack(request)
    await promisify(request.session.regenerate.bind(request.session))()
    const alive = await this.#logout.trackSession(claims, request.sessionID)
    if (alive) Object.assign(request.session, { claims, idToken })
    else await destroySessionOf(request)
    return alive
  }

  /** Returns the session, or undefined. `request.session` is absent if the store is down. */
  read(request: Request): { claims: SessionClaims; idToken: string } | undefined {
    const { claims, idToken } = (request.session as Partial<SessionData> | undefined) ?? {}
    return claims?.iss === this.#config.issuer && idToken !== undefined ? { claims, idToken } : undefined
  }

  claims(request: Request): SessionClaims | undefined {
    return claimsOf(request, this.#config)
  }

  /** Clears the cookie. Also destroys the session in the store if the store works. */
  async clear(request: Request, response: Response): Promise<void> {
    response.clearCookie(COOKIE)
    // A failure does no harm, because `signOut` has already written the marker, or logged that the store is down.
    if (request.session as unknown) await destroySessionOf(request).catch(() => {})
  }

  async #untrack({ session, sessionID }: Request): Promise<void> {
    if (session.claims) await this.#logout.untrackSession(session.claims, sessionID)
  }
}
