import { sessionClaims, type SessionClaims } from '@bcl/core'
import { EncryptJWT, jwtDecrypt } from 'jose'
import * as openid from 'openid-client'

/** A redirect of the sign-in, with a cookie. */
export interface Step {
  location: string
  cookie: string
}

interface Pending {
  state: string
  nonce: string
  verifier: string
}

const [pendingCookie, sessionCookie] = ['pending', 'session']

const redirectUri = (url: URL): string => `${url.origin}/callback`

/** Encrypts and decrypts cookies that hold the session. The same code works on every runtime. */
function createSealed() {
  const key = crypto.getRandomValues(new Uint8Array(32))
  return {
    async seal(name: string, value: object): Promise<string> {
      const sealed = await new EncryptJWT({ value }).setProtectedHeader({ alg: 'dir', enc: 'A256GCM' }).encrypt(key)
      return `${name}=${sealed}; Path=/; HttpOnly; SameSite=Lax`
    },
    async open<T>(cookies: string | null | undefined, name: string): Promise<T | undefined> {
      const sealed = new RegExp(`(?:^|; )${name}=([^;]+)`).exec(cookies ?? '')?.[1]
      return sealed === undefined ? undefined : ((await jwtDecrypt(sealed, key)).payload['value'] as T)
    },
  }
}

/** Implements the authorization code flow without a framework. So the applications differ only in their servers. */
export function createSignIn(issuer: string) {
  const { seal, open } = createSealed()
  let discovered: openid.Configuration | undefined

  const provider = async (): Promise<openid.Configuration> =>
    (discovered ??= await openid.discovery(new URL(issuer), 'test-client', 'test-secret', undefined, {
      execute: [openid.allowInsecureRequests],
    }))

  return {
    async start(url: URL): Promise<Step> {
      const pending = {
        state: openid.randomState(),
        nonce: openid.randomNonce(),
        verifier: openid.randomPKCECodeVerifier(),
      }
      const { href } = openid.buildAuthorizationUrl(await provider(), {
        redirect_uri: redirectUri(url),
        scope: 'openid',
        state: pending.state,
        nonce: pending.nonce,
        code_challenge: await openid.calculatePKCECodeChallenge(pending.verifier),
        code_challenge_method: 'S256',
      })
      return { location: href, cookie: await seal(pendingCookie, pending) }
    },

    async finish(url: URL, cookies: string | null | undefined): Promise<Step> {
      const pending = await open<Pending>(cookies, pendingCookie)
      if (!pending) throw new Error('the sign-in was not started here')
      const tokens = await openid.authorizationCodeGrant(await provider(), url, {
        expectedState: pending.state,
        expectedNonce: pending.nonce,
        pkceCodeVerifier: pending.verifier,
        idTokenExpected: true,
      })
      return { location: '/me', cookie: await seal(sessionCookie, sessionClaims(tokens.claims()!)) }
    },

    session: (cookies: string | null | undefined): Promise<SessionClaims | undefined> => open(cookies, sessionCookie),
  }
}

export type SignIn = ReturnType<typeof createSignIn>
