import { promisify } from 'node:util'

import { type BackchannelLogout, type SessionClaims, sessionClaims } from '@bcl/core'
import { InjectBackchannelLogout } from '@bcl/nestjs'
import { Inject, Injectable } from '@nestjs/common'
import type { Request, RequestHandler } from 'express'
import expressSession from 'express-session'
import type { IDToken } from 'openid-client'

import type { Config } from './config.ts'
import { CONFIG } from './tokens.ts'

declare module 'express-session' {
  interface SessionData {
    claims: SessionClaims
    /** For the provider's `id_token_hint`. */
    idToken: string
  }
}

/** Puts the session into the request. It is in the store, under the id in its cookie. */
export function sessionMiddleware(config: Config, store: expressSession.Store): RequestHandler {
  const secure = config.baseUrl.startsWith('https:')
  return expressSession({
    name: 'nestjs_session',
    secret: config.sessionSecret,
    store,
    resave: false,
    saveUninitialized: false,
    rolling: true,
    proxy: secure, // a proxy terminates https, and sends X-Forwarded-Proto
    cookie: { httpOnly: true, sameSite: 'lax', secure, maxAge: config.sessionMaxAge * 1000 },
  })
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
   * Replaces the session, under a new id. Refuses a Logout Token in place of an ID Token. Resolves to false if the
   * provider has ended the session already. Then there is no session.
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

  claims(request: Request): SessionClaims | undefined {
    return claimsOf(request, this.#config)
  }

  async end(request: Request): Promise<void> {
    await this.#untrack(request)
    await destroySessionOf(request)
  }

  async #untrack({ session, sessionID }: Request): Promise<void> {
    if (session.claims) await this.#logout.untrackSession(session.claims, sessionID)
  }
}
