import { type BackchannelLogout, type SessionClaims, sessionClaims } from '@bcl/core'
import type { Context } from 'hono'
import type { IDToken } from 'openid-client'

import type { Config } from './config.ts'
import { createSealedCookie } from './sealed-cookie.ts'

export interface Session {
  claims: SessionClaims
  /** The ID Token for the provider's `id_token_hint`. */
  idToken?: string
}

/** Browsers accept 4096 bytes for one cookie. This limit leaves room for the name and the attributes. */
const MAX_LENGTH = 3800

/** The session is in an encrypted cookie. The server stores no part of it. */
export function createSessions(config: Config, logout: BackchannelLogout) {
  const cookie = createSealedCookie<Session>('hono_session', {
    secret: config.sessionSecret,
    secure: config.baseUrl.startsWith('https:'),
    maxAge: config.sessionMaxAge,
  })

  return {
    /**
     * Replaces the session. Throws if the ID Token is really a Logout Token. If the provider has already ended the
     * session, resolves to false and creates no session.
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

    /** Clears the cookie. Copies of the cookie stay valid until the session ends. See `signOut` in app.ts. */
    end(c: Context): void {
      cookie.clear(c)
    },
  }
}
