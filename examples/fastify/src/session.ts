import { hkdfSync } from 'node:crypto'

import { type BackchannelLogout, type SessionClaims, sessionClaims } from '@bcl/core'
import secureSession from '@fastify/secure-session'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { IDToken } from 'openid-client'

import type { Config } from './config.ts'
import type { PendingSignIn } from './shared/sign-in.ts'

export interface Session {
  claims: SessionClaims
  /** For the provider's `id_token_hint`. */
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
    /** A cookie of its own, because a logout that ends the old session must not end the new sign-in. */
    signIn: secureSession.Session<{ pending: PendingSignIn }>
  }
}

/** Browsers take 4096 bytes for one cookie. This leaves room for its name and attributes. */
const MAX_LENGTH = 3800

/** The session is an encrypted cookie. The server keeps no part of it. */
export function createSessions(app: FastifyInstance, config: Config, logout: BackchannelLogout) {
  const cookie = (sessionName: string, cookieName: string, maxAge: number) => ({
    sessionName,
    cookieName,
    // The name goes into the key, so that one cookie's value means nothing in another.
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
     * Replaces the session. Refuses a Logout Token in place of an ID Token. Resolves to false if the provider has ended the
     * session already. Then there is no session.
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

    /** Clears the cookie. Copies of it stay good until the session ends: see `/logout` in app.ts. */
    end({ session }: FastifyRequest): void {
      session.delete()
    },
  }
}
