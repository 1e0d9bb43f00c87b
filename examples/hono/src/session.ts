import { type BackchannelLogout, type SessionClaims, sessionClaims } from '@bcl/core'
import type { Context } from 'hono'
import type { IDToken } from 'openid-client'

import type { Config } from './config.ts'
import { createSealedCookie } from './sealed-cookie.ts'

export interface Session {
  claims: SessionClaims
  /** For the provider's `id_token_hint`. */
  idToken?: string
}

/** Browsers take 4096 bytes for one cookie. This leaves room for its name and attributes. */
const MAX_LENGTH = 3800

/** The session is the cookie. The server keeps no part of it. */
export function createSessions(config: Config, logout: BackchannelLogout) {
  const cookie = createSealedCookie<Session>('hono_session', {
    secret: config.sessionSecret,
    secure: config.baseUrl.startsWith('https:'),
    maxAge: config.sessionMaxAge,
  })

  return {
    /**
     * Replaces the session. Refuses a Logout Token in place of an ID Token. Resolves to false if the provider has ended the
     * session already. Then there is no session.
     */
    async start(c: Context, idTokenClaims: IDToken, idToken: string): Promise<boolean> {
      const claims = sessionClaims(idTokenClaims)
      const alive = !(await logout.isLoggedOut(claims))
      const whole = await cookie.seal({ claims, idToken })
      if (alive) cookie.write(c, whole.length <= MAX_LENGTH ? whole : await cookie.seal({ claims }))
      else cookie.clear(c)
      return alive
    },

    async read(c: Context): Promise<Session | undefined> {
      const session = await cookie.read(c)
      return session?.claims.iss === config.issuer ? session : undefined
    },

    /** Clears the cookie. Copies of it stay good until the session ends: see `signOut` in app.ts. */
    end(c: Context): void {
      cookie.clear(c)
    },
  }
}
