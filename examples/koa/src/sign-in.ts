import { isLogoutToken } from '@bcl/core'
import * as openid from 'openid-client'

import { type Config, isLoopback } from './config.ts'

/** What must be remembered between the way to the provider and the way back. */
export interface PendingSignIn {
  state: string
  nonce: string
  codeVerifier: string
}

/** The authorization code flow, with PKCE, `state` and `nonce`. */
export function createSignIn({ issuer, clientId, clientSecret, baseUrl }: Config) {
  const redirectUri = `${baseUrl}/callback`
  let discovered: Promise<openid.Configuration> | undefined

  /** Discovery happens once, at the first need; a failed one is forgotten, so the provider may start later. */
  function provider(): Promise<openid.Configuration> {
    discovered ??= discover().catch((error: unknown) => {
      discovered = undefined
      throw error
    })
    return discovered
  }

  function discover(): Promise<openid.Configuration> {
    return openid.discovery(new URL(issuer), clientId, undefined, openid.ClientSecretBasic(clientSecret), {
      execute: [openid.enableNonRepudiationChecks, ...(isLoopback(issuer) ? [openid.allowInsecureRequests] : [])],
    })
  }

  return {
    async start(loginHint: string | undefined): Promise<{ url: URL; pending: PendingSignIn }> {
      const pending = {
        state: openid.randomState(),
        nonce: openid.randomNonce(),
        codeVerifier: openid.randomPKCECodeVerifier(),
      }
      const url = openid.buildAuthorizationUrl(await provider(), {
        redirect_uri: redirectUri,
        scope: 'openid',
        state: pending.state,
        nonce: pending.nonce,
        code_challenge: await openid.calculatePKCECodeChallenge(pending.codeVerifier),
        code_challenge_method: 'S256',
        ...(loginHint !== undefined && { login_hint: loginHint }),
      })
      return { url, pending }
    },

    /** `query` is what the provider sent along to the redirect URI. Refuses a Logout Token that came as an ID Token. */
    async finish(query: string, pending: PendingSignIn): Promise<{ claims: openid.IDToken; idToken: string }> {
      const tokens = await openid.authorizationCodeGrant(await provider(), new URL(redirectUri + query), {
        expectedState: pending.state,
        expectedNonce: pending.nonce,
        pkceCodeVerifier: pending.codeVerifier,
        idTokenExpected: true,
      })
      const idToken = tokens.id_token!
      if (isLogoutToken(idToken)) throw new Error('the ID Token is a Logout Token')
      return { claims: tokens.claims()!, idToken }
    },

    /** Where the user signs out at the provider as well. */
    async endSessionUrl(idToken: string | undefined): Promise<URL> {
      return openid.buildEndSessionUrl(await provider(), {
        post_logout_redirect_uri: `${baseUrl}/`,
        ...(idToken !== undefined && { id_token_hint: idToken }),
      })
    },
  }
}
