import { BACKCHANNEL_LOGOUT_EVENT, type SessionClaims, type TrustedIssuer } from '@bcl/core'
import { base64url, CompactSign, exportJWK, generateKeyPair, type CryptoKey, type JSONWebKeySet, type JWK } from 'jose'

/** Options of {@link createTestIssuer}. */
export interface TestIssuerOptions {
  /** @default 'https://op.example.com' */
  issuer?: string | undefined
  /** @default 'test-client' */
  clientId?: string | undefined
  /** JWS algorithm of its keys. @default 'RS256' */
  alg?: string | undefined
  /** The `kid` of its first key. @default 'key-1' */
  kid?: string | undefined
  /** Its first key, instead of a new one by `alg` and `kid`. */
  key?: TestKey | undefined
  /** The clock: a NumericDate, seconds. @default the system's */
  now?: (() => number) | undefined
}

/** A key pair of an issuer. */
export interface TestKey {
  kid: string
  alg: string
  privateKey: CryptoKey
  publicKey: CryptoKey
  publicJwk: JWK
}

/** An OpenID Provider in memory: it signs tokens, and serves its discovery document and keys to a `fetch`. */
export interface TestIssuer {
  readonly issuer: string
  readonly clientId: string
  /** The client registration to trust, with the keys by value. */
  readonly trusted: TrustedIssuer
  /** The key it signs with now. */
  readonly key: TestKey
  /** What its `jwks_uri` serves. */
  readonly jwks: JSONWebKeySet
  /** NumericDate, seconds. */
  now(): number
  /**
   * A Logout Token for `sub` "alice" and `sid` "session-1". Claims and header parameters given replace its own,
   * `undefined` takes one away.
   */
  logoutToken(claims?: object, header?: object): Promise<string>
  /** What an application keeps of a sign-in of that user, in that session, a minute ago. */
  session(claims?: Partial<SessionClaims>): SessionClaims
  /** Signs any payload with any header, by its own key or another. */
  sign(payload: object | string | Uint8Array, header: object, key?: CryptoKey | Uint8Array): Promise<string>
  /** Signs with a new key from now on, and publishes it beside the old ones, or instead of them. */
  rotate(options?: { keepOld?: boolean }): Promise<void>
  /** Serves discovery and keys; counts in {@link requests}. */
  readonly fetch: typeof fetch
  /** The URLs that {@link fetch} was asked for. */
  readonly requests: string[]
}

const encoder = new TextEncoder()

/** Makes a key pair, with its public JWK as a provider publishes it. */
export async function createTestKey(alg: string, kid: string): Promise<TestKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  return { kid, alg, privateKey, publicKey, publicJwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } }
}

const strangers = new Map<string, Promise<TestKey>>()

/** A key that no issuer publishes. Making one takes longer than all else that a case does, so there is one by algorithm. */
export async function keyOfStranger(alg: string, kid: string): Promise<TestKey> {
  const made = strangers.get(alg) ?? createTestKey(alg, kid)
  strangers.set(alg, made)
  return { ...(await made), kid }
}

/** Takes away the members that are `undefined`, as JSON would. */
const defined = (object: object): Record<string, unknown> =>
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
  let made = 1
  let published = [key.publicJwk]
  const requests: string[] = []
  const jwksUri = `${issuer.replace(/\/$/, '')}/jwks`

  const sign: TestIssuer['sign'] = async (payload, header, signer = key.privateKey) => {
    const bytes =
      payload instanceof Uint8Array
        ? payload
        : encoder.encode(typeof payload === 'string' ? payload : JSON.stringify(payload))
    const jws = new CompactSign(bytes).setProtectedHeader(header as { alg: string })
    return jws.sign(signer)
  }

  const serve = async (input: string | URL | Request): Promise<Response> => {
    const url = input instanceof Request ? input.url : String(input)
    requests.push(url)
    if (url === jwksUri) return Response.json({ keys: published })
    const discovery = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
    if (url === discovery) return Response.json({ issuer, jwks_uri: jwksUri, backchannel_logout_supported: true })
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
        jti: base64url.encode(crypto.getRandomValues(new Uint8Array(16))),
        sub: 'alice',
        sid: 'session-1',
        events: { [BACKCHANNEL_LOGOUT_EVENT]: {} },
        ...claims,
      }
      return sign(defined(payload), defined({ alg, kid: key.kid, typ: 'logout+jwt', ...header }))
    },
    session: (claims = {}) => ({ iss: issuer, sub: 'alice', sid: 'session-1', iat: now() - 60, ...claims }),
    sign,
    async rotate({ keepOld = true } = {}) {
      key = await createTestKey(alg, `key-${(made += 1)}`)
      published = keepOld ? [...published, key.publicJwk] : [key.publicJwk]
    },
    fetch: serve as typeof fetch,
    requests,
  }
}
