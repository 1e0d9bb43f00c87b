import { BACKCHANNEL_LOGOUT_EVENT, type SessionClaims, type TrustedIssuer } from '@bcl/core'
import { CompactSign, type CryptoKey, type JSONWebKeySet } from 'jose'
import { randomId } from '../random-id.js'
import { createTestKey, type TestKey } from './test-key.js'

/** Options of {@link createTestIssuer}. */
export interface TestIssuerOptions {
  /** The issuer identifier. @default 'https://op.example.com' */
  issuer?: string | undefined
  /** The client that the Logout Tokens are for. @default 'test-client' */
  clientId?: string | undefined
  /** The JWS algorithm of the keys. @default 'RS256' */
  alg?: string | undefined
  /** The `kid` of the first key. @default 'key-1' */
  kid?: string | undefined
  /** The first key, from {@link createTestKey}. If it is set, `alg` and `kid` are ignored. @default a new key */
  key?: TestKey | undefined
  /** Returns the current time as a NumericDate, in seconds. @default the system clock */
  now?: (() => number) | undefined
}

/** An OpenID Provider in memory. It signs tokens, and its `fetch` serves its discovery document and its keys. */
export interface TestIssuer {
  readonly issuer: string
  readonly clientId: string
  /** An entry for the option `issuers` of `createBackchannelLogout`. It contains the keys. */
  readonly trusted: TrustedIssuer
  /** The current signing key. */
  readonly key: TestKey
  /** The JWK Set at the `jwks_uri`. */
  readonly jwks: JSONWebKeySet
  /** Returns the current time as a NumericDate, in seconds. */
  now(): number
  /**
   * Signs a Logout Token with `sub` "alice" and `sid` "session-1".
   *
   * @param claims Claims to replace or to add. The value `undefined` removes a claim.
   * @param header Header parameters to replace or to add. The value `undefined` removes a parameter.
   */
  logoutToken(claims?: object, header?: object): Promise<string>
  /**
   * Returns the claims that an application keeps after a sign-in. The user is "alice", and the session is "session-1". The session
   * began a minute ago.
   */
  session(claims?: Partial<SessionClaims>): SessionClaims
  /** Signs any payload with any header. `key` replaces the key of the provider. */
  sign(payload: object | string | Uint8Array, header: object, key?: CryptoKey | Uint8Array): Promise<string>
  /** Makes a new key and uses it to sign from now on. By default, the old keys stay published. */
  rotate(options?: { keepOld?: boolean }): Promise<void>
  /** Answers requests for the discovery document and the keys. Adds each URL to {@link requests}. */
  readonly fetch: typeof fetch
  /** The URLs of all calls of {@link fetch}. */
  readonly requests: string[]
}

const encoder = new TextEncoder()

const bytesOf = (payload: object | string | Uint8Array): Uint8Array => {
  if (payload instanceof Uint8Array) return payload
  return encoder.encode(typeof payload === 'string' ? payload : JSON.stringify(payload))
}

/** Removes the members that are `undefined`, because jose does not accept them in a header. */
const withoutUndefined = (object: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined))

/**
 * Makes an OpenID Provider in memory.
 *
 * @example
 * ```ts
 * import { createBackchannelLogout, MemoryStore } from '@bcl/core'
 * import { createTestIssuer } from '@bcl/testing'
 *
 * const op = await createTestIssuer()
 * const logout = createBackchannelLogout({ issuers: [op.trusted], sessionMaxAge: 3600, store: new MemoryStore() })
 *
 * await logout.receive(await op.logoutToken({ sid: 'session-1' }))
 * await logout.isLoggedOut(op.session({ sid: 'session-1' })) // true
 * ```
 */
export async function createTestIssuer(options: TestIssuerOptions = {}): Promise<TestIssuer> {
  const { issuer = 'https://op.example.com', clientId = 'test-client', kid = 'key-1' } = options
  const { now = () => Math.floor(Date.now() / 1000) } = options
  let key = options.key ?? (await createTestKey(options.alg ?? 'RS256', kid))
  const { alg } = key
  let keyCount = 1
  let published = [key.publicJwk]
  const requests: string[] = []
  const base = issuer.replace(/\/$/, '')
  const jwksUri = `${base}/jwks`

  const sign: TestIssuer['sign'] = async (payload, header, signer = key.privateKey) =>
    new CompactSign(bytesOf(payload)).setProtectedHeader(header as { alg: string }).sign(signer)

  const serve = async (input: string | URL | Request): Promise<Response> => {
    const url = input instanceof Request ? input.url : String(input)
    requests.push(url)
    if (url === jwksUri) return Response.json({ keys: published })
    if (url === `${base}/.well-known/openid-configuration`)
      return Response.json({ issuer, jwks_uri: jwksUri, backchannel_logout_supported: true })
    return new Response('not found', { status: 404 })
  }

  return {
    issuer,
    clientId,
    get trusted() {
      return { issuer, clientId, algorithms: [alg], keys: { keys: published } }
    },
    get key() {
      return key
    },
    get jwks() {
      return { keys: published }
    },
    now,
    logoutToken: async (claims = {}, header = {}) => {
      const time = now()
      const payload = {
        iss: issuer,
        aud: clientId,
        iat: time,
        exp: time + 120,
        jti: randomId(),
        sub: 'alice',
        sid: 'session-1',
        events: { [BACKCHANNEL_LOGOUT_EVENT]: {} },
        ...claims,
      }
      return sign(withoutUndefined(payload), withoutUndefined({ alg, kid: key.kid, typ: 'logout+jwt', ...header }))
    },
    session: (claims = {}) => ({ iss: issuer, sub: 'alice', sid: 'session-1', iat: now() - 60, ...claims }),
    sign,
    async rotate({ keepOld = true } = {}) {
      key = await createTestKey(alg, `key-${(keyCount += 1)}`)
      published = keepOld ? [...published, key.publicJwk] : [key.publicJwk]
    },
    fetch: serve as typeof fetch,
    requests,
  }
}
