import { createBackchannelLogout, type BackchannelLogout, type LogoutEndpoint } from '@bcl/core'
import {
  answer,
  asLogoutError,
  claimError,
  createKeySource,
  decodeObject,
  doneKey,
  expiryFor,
  handleWith,
  internalsOf,
  invalidToken,
  isObject,
  monotonicNow,
  readBody,
  readHeader,
  requestError,
  retryUntil,
  signatureError,
  singleFlight,
  splitCompact,
  verifySignature,
  withTimeout,
  type Flight,
} from '@bcl/core/kit'
import { createTestIssuer, type TestIssuer } from '@bcl/testing'
import { expect, test, vi } from 'vitest'
import { SpyStore } from './support.js'

const sessionRevoked = 'https://schemas.openid.net/secevent/caep/event-type/session-revoked'
const metadata = [
  'https://op.example.com/.well-known/ssf-configuration/acme',
  'https://op.example.com/acme/.well-known/ssf-configuration',
]
const issuer = 'https://op.example.com/acme'
const op = await createTestIssuer({ issuer })

interface Transmitter {
  logout: BackchannelLogout
  fetch: typeof fetch
  onMetadata?: (metadata: object) => void
}

/** A small but complete receiver of pushed Security Event Tokens (RFC 8935). A sibling package builds one like this. */
function createPushReceiver({ logout, ...options }: Transmitter): LogoutEndpoint {
  const { store, isTrusted, now } = internalsOf(logout)
  const keys = createKeySource({ issuer, metadata }, options)
  const flights = singleFlight<Flight<void>>(10)

  const carryOut = async (set: string): Promise<void> => {
    const [head, payload] = splitCompact(set, 3) as [string, string, string]
    const header = readHeader(head) as { alg: string; kid?: string; typ?: string }
    const claims = decodeObject(payload)
    if (header.typ !== 'secevent+jwt') throw invalidToken('has a wrong "typ"')
    if (claims['iss'] !== issuer) throw claimError('iss', 'is not trusted', issuer)
    if (claims['aud'] !== 'receiver') throw claimError('aud', 'is not this receiver', 'receiver')
    if (header.alg !== 'RS256') throw signatureError()
    await verifySignature(set, header, keys)
    const {
      jti,
      iat,
      sub_id: subject,
      events,
    } = claims as { jti: string; iat: number; sub_id: unknown; events: object }
    if (!isObject(subject)) throw claimError('sub_id', 'is not an object')
    const { iss, sub, sid } = subject as { iss: string; sub: string; sid: string }
    const key = doneKey({ iss: issuer, jti, iat }, sessionRevoked)
    if (!(await isTrusted(iss))) return
    // If the store is down, the session still ends on this instance.
    const isDone = async () => (await store.values([key]))[0]![0] !== undefined
    if (await isDone().catch(() => false)) return
    await logout.endSession({ iss, sub, sid, iat }, { source: 'security-event', key, jti, events, claims })
    const expiresAt = expiryFor(iat, now(), 7 * 86_400)
    await retryUntil(monotonicNow() + 0.5, async () => store.add(key, '1', expiresAt))
  }

  return {
    async respond({ method, contentType, authorization, body }) {
      try {
        if (method !== 'POST') throw requestError(405, 'method')
        if (authorization !== 'Bearer secret') throw requestError(401, 'authorization')
        if (contentType !== 'application/secevent+jwt') throw requestError(400, 'media type')
        const set = (await readBody(body)) ?? ''
        await withTimeout(0.9, () => flights.run(() => carryOut(set), set).result)
        return answer(202, '')
      } catch (reason) {
        const {
          code,
          claim,
          status = 400,
        } = asLogoutError('the event', reason) as { code: string; claim?: string; status?: number }
        if (/UNAVAILABLE|FAILED/.test(code)) return answer(503, '')
        const err =
          code === 'ERR_LOGOUT_TOKEN_SIGNATURE'
            ? 'invalid_key'
            : /^(?:iss|aud)$/.test(claim!)
              ? `invalid_${claim}`
              : 'invalid_request'
        return answer(status, JSON.stringify({ err, description: code }))
      }
    },
  }
}

/** Serves the metadata at the second address. The metadata names the keys of `op`. */
const serve = vi.fn(async (url: string) => {
  if (url === metadata[1]) return Response.json({ issuer, jwks_uri: `${issuer}/jwks`, critical_subject_members: [] })
  return op.fetch(url)
})

function receiving(store = new SpyStore()) {
  const logout = createBackchannelLogout({ issuers: [op.trusted], sessionMaxAge: 3600, store })
  const events: unknown[] = []
  logout.onLogout((event) => void events.push(event))
  const onMetadata = vi.fn()
  const receiver = createPushReceiver({ logout, fetch: serve as typeof fetch, onMetadata })
  const post = (body: string, headers: object = {}, method = 'POST') =>
    handleWith(
      receiver.respond,
      new Request('https://app.example/events', {
        method,
        headers: { 'content-type': 'application/secevent+jwt', authorization: 'Bearer secret', ...headers },
        ...(method === 'POST' && { body }),
      }),
    )
  return { logout, events, post, store, onMetadata }
}

const set = (claims: object = {}, header: object = {}, key?: Parameters<TestIssuer['sign']>[2]) =>
  op.sign(
    {
      iss: issuer,
      aud: 'receiver',
      iat: op.now(),
      jti: 'event-1',
      sub_id: { format: 'x', iss: issuer, sub: 'alice', sid: 'session-1' },
      events: { [sessionRevoked]: {} },
      ...claims,
    },
    { alg: 'RS256', kid: op.key.kid, typ: 'secevent+jwt', ...header },
    key,
  )

test('a push receiver that uses the kit ends the session once, and answers 202 each time', async () => {
  const { logout, events, post, onMetadata } = receiving()
  const jwt = await set()
  expect(await logout.isLoggedOut(op.session())).toBe(false)
  for (const response of [...(await Promise.all([post(jwt), post(jwt)])), await post(jwt)]) {
    expect([response.status, await response.text()]).toEqual([202, ''])
    expect(response.headers.get('cache-control')).toBe('no-store')
  }
  expect(await logout.isLoggedOut(op.session())).toBe(true)
  expect(await logout.isLoggedOut(op.session({ sid: 'session-2' }))).toBe(false)
  expect(events).toMatchObject([{ source: 'security-event', jti: 'event-1', events: { [sessionRevoked]: {} } }])
  expect(onMetadata.mock.calls).toEqual([[expect.objectContaining({ critical_subject_members: [] })]])
})

test('a SET about an unknown issuer has no effect', async () => {
  const { post, store } = receiving()
  expect((await post(await set({ sub_id: { iss: 'https://other.example', sub: 'alice' } }))).status).toBe(202)
  expect(store.entries.size).toBe(0)
})

const stranger = await createTestIssuer()
test.each([
  ['another signature', 400, 'invalid_key', () => set({}, {}, stranger.key.privateKey)],
  ['another algorithm', 400, 'invalid_key', () => set({}, { alg: 'HS256' }, new Uint8Array(32))],
  ['another issuer', 400, 'invalid_iss', () => set({ iss: 'https://other.example' })],
  ['another audience', 400, 'invalid_aud', () => set({ aud: 'other' })],
  ['a Logout Token', 400, 'invalid_request', () => op.logoutToken()],
  ['no token', 400, 'invalid_request', async () => ''],
  ['too large a body', 413, 'invalid_request', async () => 'a'.repeat(65_537)],
])('%s is answered %d %s', async (_, status, err, make) => {
  const { post, store } = receiving()
  const response = await post(await make())
  expect(response.status).toBe(status)
  expect(await response.json()).toMatchObject({ err })
  expect(store.entries.size).toBe(0)
})

test('a wrong authorization, method or media type is refused', async () => {
  const { post } = receiving()
  expect((await post(await set(), { authorization: 'Bearer other' })).status).toBe(401)
  expect((await post(await set(), { 'content-type': 'application/json' })).status).toBe(400)
  expect((await post('', {}, 'GET')).headers.get('allow')).toBe('POST')
})

test('if the store is down, the answer is 503, but the session has ended here. A retry completes the event', async () => {
  const store = new SpyStore()
  const { logout, post, events } = receiving(store)
  store.before = () => Promise.reject(new Error('down'))
  const jwt = await set()
  const { status, headers } = await post(jwt)
  expect([status, headers.get('retry-after')]).toEqual([503, '5'])
  await vi.waitFor(async () => expect(await logout.isLoggedOut(op.session())).toBe(true), 5000)
  store.before = () => {}
  expect((await post(jwt)).status).toBe(202)
  expect(events).toHaveLength(1)
})

test('later requests first try the metadata URL that worked', async () => {
  const { post } = receiving()
  serve.mockClear()
  const kid = async (name: string) => (await post(await set({}, { kid: name }))).status
  expect([await kid('unknown-1'), await kid('unknown-2')]).toEqual([400, 400])
  const asked = serve.mock.calls.map(([url]) => url)
  expect(asked.slice(0, 3)).toEqual([metadata[0], metadata[1], `${issuer}/jwks`])
  expect(asked.filter((url) => url === metadata[0])).toHaveLength(1)
})

test('each metadata URL is tried once, and the error of the first one is reported', async () => {
  const asked: string[] = []
  const fetchNothing = async (url: string) => (asked.push(url), new Response(null, { status: 404 }))
  const keys = createKeySource({ issuer, metadata }, { fetch: fetchNothing as typeof fetch })
  await expect(keys.warm!()).rejects.toMatchObject({ cause: { message: `${metadata[0]}: answer refused, status 404` } })
  expect(asked).toEqual(metadata)
})

test('keys can also come from discovery, a URL, a JWK Set or a function', async () => {
  const jwt = await set()
  const header = { alg: 'RS256', kid: op.key.kid }
  const options = { fetch: op.fetch }
  // Without keys and metadata, OpenID Connect Discovery finds the keys.
  for (const keys of [undefined, new URL(`${issuer}/jwks`), op.jwks, async () => op.key.publicKey])
    await expect(verifySignature(jwt, header, createKeySource({ issuer, keys }, options))).resolves.toBeUndefined()
})

test('verifySignature accepts only the algorithm of the header that it gets', async () => {
  const keys = { getKey: async () => op.key.publicKey }
  await expect(verifySignature(await set(), { alg: 'RS256' }, keys)).resolves.toBeUndefined()
  await expect(verifySignature(await set(), { alg: 'RS384' }, keys)).rejects.toThrow()
})

test('verifySignature fetches the keys again after a bad signature, also for keys that jose has not imported', async () => {
  const getKey = async () => stranger.key.publicKey
  const renew = vi.fn(async () => async () => op.key.publicKey)
  await verifySignature(await set(), { alg: 'RS256', kid: 'k' }, { getKey, renew })
  expect(renew.mock.calls).toEqual([[expect.any(Number), 'k']])
})

test('internalsOf accepts a receiver of createBackchannelLogout and a copy of it, but no other object', () => {
  const { logout } = receiving()
  expect(internalsOf({ ...logout })).toBe(internalsOf(logout))
  expect(() => internalsOf({} as BackchannelLogout)).toThrow(
    new TypeError('logout must be from createBackchannelLogout'),
  )
})
