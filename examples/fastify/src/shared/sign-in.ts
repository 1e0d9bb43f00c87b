import { isLogoutToken } from '@bcl/core'
import * as openid from 'openid-client'

import { createDecryptingFetch } from './decrypting-fetch.ts'
import { type Config, isLoopback } from './environment.ts'

/** The data of a started sign-in. The browser keeps this data until the provider redirects back. */
export interface PendingSignIn {
  state: string
  nonce: string
  codeVerifier: string
}

/** The discovery document is cached for 10 minutes, because the endpoints can change. */
const METADATA_MAX_AGE_MS = 10 * 60 * 1000

/** The authorization code flow, with PKCE, `state` and `nonce`. */
export function createSignIn({ issuer, clientId, clientSecret, clientAuth, trusted, baseUrl }: Config) {
  const redirectUri = `${baseUrl}/callback`
  const authentication =
    clientAuth === 'client_secret_post' ? openid.ClientSecretPost(clientSecret) : openid.ClientSecretBasic(clientSecret)
  let discovered: { metadata: Promise<openid.ServerMetadata>; until: number } | undefined

  /**
   * Reads the discovery document at the first sign-in, so the application can start before its provider. Failures are not cached.
   */
  function discover(): Promise<openid.ServerMetadata> {
    if (discovered && Date.now() < discovered.until) return discovered.metadata
    const metadata = openid
      .discovery(new URL(issuer), clientId, undefined, authentication, {
        execute: isLoopback(issuer) ? [openid.allowInsecureRequests] : [],
      })
      .then((configuration) => configuration.serverMetadata())
    const latest = { metadata, until: Date.now() + METADATA_MAX_AGE_MS }
    discovered = latest
    metadata.catch(() => {
      if (discovered === latest) discovered = undefined
    })
    return metadata
  }

  /**
   * Makes a new Configuration for each sign-in. openid-client caches the keys of a Configuration for minutes. If the
   * provider has changed its keys, a sign-in with cached keys would fail. The user would have to sign in again, because an
   * authorization code is valid only once.
   */
  async function configure(): Promise<openid.Configuration> {
    const configuration = new openid.Configuration(await discover(), clientId, undefined, authentication)
    if (isLoopback(issuer)) openid.allowInsecureRequests(configuration)
    if (trusted.decryption) configuration[openid.customFetch] = createDecryptingFetch(trusted.decryption)
    // openid-client does not check an HMAC. For an ID Token with an HMAC, the TLS connection proves who issued the token
    // (OpenID Connect Core 3.1.3.7, step 6).
    const usesHmac = trusted.algorithms?.some((algorithm) => algorithm.startsWith('HS'))
    if (!usesHmac) openid.enableNonRepudiationChecks(configuration)
    return configuration
  }

  return {
    async start(loginHint: string | undefined): Promise<{ url: URL; pending: PendingSignIn }> {
      const pending = {
        state: openid.randomState(),
        nonce: openid.randomNonce(),
        codeVerifier: openid.randomPKCECodeVerifier(),
      }
      const url = openid.buildAuthorizationUrl(await configure(), {
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

    /**
     * Finishes a sign-in. `query` is the query of the request to the redirect URI. Throws an error if the provider sends a
     * Logout Token where the ID Token should be.
     */
    async finish(query: string, pending: PendingSignIn): Promise<{ claims: openid.IDToken; idToken: string }> {
      const tokens = await openid.authorizationCodeGrant(await configure(), new URL(redirectUri + query), {
        expectedState: pending.state,
        expectedNonce: pending.nonce,
        pkceCodeVerifier: pending.codeVerifier,
        idTokenExpected: true,
      })
      const idToken = tokens.id_token!
      if (isLogoutToken(idToken)) throw new Error('the ID Token is a Logout Token')
      return { claims: tokens.claims()!, idToken }
    },

    /** Returns the URL at which the browser signs out at the provider. */
    async endSessionUrl(idToken: string | undefined): Promise<URL> {
      return openid.buildEndSessionUrl(await configure(), {
        post_logout_redirect_uri: `${baseUrl}/`,
        ...(idToken !== undefined && { id_token_hint: idToken }),
      })
    },
  }
}
