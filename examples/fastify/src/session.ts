import { hkdfSync } from 'node:crypto'

import { type BackchannelLogout, type SessionClaims, sessionClaims } from '@bcl/core'
import secureSession from '@fastify/secure-session'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { IDToken } from 'openid-client'

import type { Config } from './config.ts'
import type { PendingSignIn } from './shared/sign-in.ts'

export interface Session {
  claims: SessionClaims
  /** The ID Token for the provider's `id_token_hint`. */
  idToken?: string | undefined
}

declare module '@fastify/secure-session' {
  interface SessionData {
    claims: SessionClaims
    idToken?: string | undefined
  }
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The pending sign-in has its own cookie, because a logout of the old session must not end the new sign-in. */
    signIn: secureSession.Session<{ pending: PendingSignIn }>
  }
}

/** Browsers accept 4096 bytes for one cookie. This limit leaves room for the name and the attributes. */
const MAX_LENGTH = 3800

/** The session is in an encrypted cookie. The server stores no part of it. */
export function createSessions(app: FastifyInstance, config: Config, logout: BackchannelLogout) {
  const cookie = (sessionName: string, cookieName: string, maxAge: number) => ({
    sessionName,
    cookieName,
    // The key depends on the name, so the value of one cookie is not valid in another cookie.
    key: Buffer.from(hkdfSync('sha256', config.sessionSecret, '', cookieName, 32)),
    expiry: maxAge,
    cookie: {
      path: '/',
      httpOnly: true,
      sameSite: 'lax' as const,
      secure: config.baseUrl.startsWith('https:'),
      maxAge,
    },
  })
  app.register(secureSession, [
    cookie('session', 'fastify_session', config.sessionMaxAge),
    cookie('signIn', 'fastify_sign_in', 10 * 60),
  ])

  return {
    /**
     * Replaces the session. Throws if the ID Token is really a Logout Token. If the provider has already ended the
     * session, resolves to false and creates no session.
     */
    async start({ session }: FastifyRequest, idTokenClaims: IDToken, idToken: string): Promise<boolean> {
      const claims = sessionClaims(idTokenClaims)
      const alive = !(await logout.isLoggedOut(claims))
      session.regenerate()
      session.set('claims', claims)
      session.set('idToken', idToken)
      const { length } = encodeURIComponent(app.encodeSecureSession(session))
      if (length > MAX_LENGTH) session.set('idToken', undefined)
      if (!alive) session.delete()
      return alive
    },

    read({ session }: FastifyRequest): Session | undefined {
      const claims = session.get('claims')
      return claims?.iss === config.issuer ? { claims, idToken: session.get('idToken') } : undefined
    },

    /** Clears the cookie. Copies of the cookie stay valid until the session ends. See `/logout` in app.ts. */
    end({ session }: FastifyRequest): void {
      session.delete()
    },
  }
}
