import { isLogoutToken, type SessionClaims, sessionClaims } from '@bcl/core'
import NextAuth, { customFetch, type NextAuthConfig } from 'next-auth'
import type { Provider } from 'next-auth/providers'

import { application } from './application.ts'
import type { Config } from './config.ts'
import { createDecryptingFetch } from './decrypting-fetch.ts'
import { logError } from './shared/log.ts'
import { logRefusal, logSignInError } from './sign-in-error.ts'

/** The content of the session cookie, which Auth.js encrypts. */
export interface Session {
  claims: SessionClaims
  /** The ID Token for the provider's `id_token_hint`. */
  idToken: string
}

declare module 'next-auth/jwt' {
  interface JWT {
    /**
     * The session is a member of its own in the JWT, because Auth.js replaces `iat`, `exp` and `jti` each time it
     * encodes the JWT.
     */
    signedIn?: Session
  }
}

export const SESSION_COOKIE = 'nextjs_session'
export const SIGN_IN_FAILED = '/sign-in-failed'

/** The settings are read at the first request, because a build has no settings. */
export const { handlers, signIn, signOut } = NextAuth(async (): Promise<NextAuthConfig> => {
  const { config, logout } = await application()
  return {
    trustHost: true,
    secret: config.sessionSecret,
    session: { strategy: 'jwt', maxAge: config.sessionMaxAge },
    cookies: { sessionToken: { name: SESSION_COOKIE } },
    pages: { error: SIGN_IN_FAILED },
    providers: [openIdProvider(config)],
    callbacks: {
      /** Checks the new session once. So a logout that arrives before the sign-in has finished still counts. */
      async signIn({ account, profile }) {
        if (isLogoutToken(account!.id_token!)) throw new Error('the ID Token is a Logout Token')
        if (await logout.isLoggedOut(sessionClaims(profile!))) return `${SIGN_IN_FAILED}?error=SessionEnded`
        return true
      },
      /** Must not use the store, because Auth.js deletes the session cookie if this callback throws. */
      jwt({ token, account, profile }) {
        if (!account) return token
        return { signedIn: { claims: sessionClaims(profile!), idToken: account.id_token! } }
      },
    },
    events: {
      /** Ends this session and all copies of its cookie, on every instance. Then Auth.js clears the cookie. */
      async signOut(message) {
        const session = 'token' in message ? message.token?.signedIn : undefined
        if (!session) return
        await logout.endSession(session.claims).catch((error: unknown) => {
          // If the store is down, this instance refuses the session from now on. The instance writes the marker when
          // the store is back.
          logError('Signed out, but the logout was not carried out in full', error)
        })
      },
    },
    logger: {
      error: logSignInError,
      warn: (code) => console.warn(`Auth.js: ${code}`),
      debug: logRefusal,
    },
  }
})

function openIdProvider({ issuer, clientId, clientSecret, clientAuth, trusted }: Config): Provider {
  const [algorithm] = trusted.algorithms ?? []
  return {
    id: 'oidc',
    name: 'OpenID Provider',
    type: 'oidc',
    issuer,
    clientId,
    clientSecret,
    checks: ['pkce', 'state', 'nonce'],
    authorization: { params: { scope: 'openid' } },
    client: {
      token_endpoint_auth_method: clientAuth,
      ...(algorithm !== undefined && { id_token_signed_response_alg: algorithm }),
    },
    profile: ({ sub }) => ({ id: sub }),
    ...(trusted.decryption && { [customFetch]: createDecryptingFetch(trusted.decryption) }),
  }
}
