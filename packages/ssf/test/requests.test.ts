import { createBackchannelLogout, MemoryStore } from '@bcl/core'
import { createSecurityEventReceiver, createStreamClient } from '@bcl/ssf'
import { createTestTransmitter, type TestTransmitter } from '@bcl/testing'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { alice, complex, issuer, op, receiving, session, signSet } from './support.js'

const delivery = { method: 'urn:ietf:rfc:8936' }
const clientCredentials = { clientId: 'receiver', clientSecret: 'secret' }
const { key } = (await createTestTransmitter()).op

/** Keeps the requests to a transmitter. */
function watchRequests(transmitter: TestTransmitter) {
  const requests: Request[] = []
  transmitter.fault = (request) => {
    requests.push(request.clone())
    return undefined
  }
  return requests
}
const to = (requests: Request[], path: string) => requests.filter(({ url }) => new URL(url).pathname === path)

describe('SE-4: the addresses of the metadata', () => {
  const inserted = '/.well-known/ssf-configuration'
  test.each([
    ['https://op.example.com', [inserted]],
    ['https://op.example.com/', [inserted]],
    ['https://op.example.com/acme', [`${inserted}/acme`, `/acme${inserted}`]],
    ['https://op.example.com/acme/', [`${inserted}/acme`, `/acme${inserted}`]],
  ])('%s', async (transmitter, paths) => {
    const asked: string[] = []
    const fetch = async (url: string) => {
      asked.push(url)
      return new Response(null, { status: 404 })
    }
    const client = createStreamClient({ transmitter, accessToken: 'x', fetch: fetch as typeof globalThis.fetch })
    await expect(client.getStream('s')).rejects.toThrow('status 404')
    expect(asked).toEqual(paths.map((path) => `https://op.example.com${path}`))
  })

  test('an address over http to another machine is refused', () => {
    const metadata = new URL('http://op.example.com/x')
    const client = { transmitter: 'https://op.example.com', accessToken: 'x', metadata }
    expect(() => createStreamClient(client)).toThrow(
      new TypeError('metadata must be https, got "http://op.example.com/x"'),
    )
    expect(() => createStreamClient({ ...client, allowInsecureRequests: true })).not.toThrow()
  })

  test('an issuer over http to another machine is refused, and named', () => {
    const client = { transmitter: 'http://op.example.com', accessToken: 'x' }
    expect(() => createStreamClient(client)).toThrow(/^issuer must be https/)
  })

  test('a fetch that ignores its signal and never answers: the call rejects', async ({ onTestFinished }) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const fetch = () => new Promise<Response>(() => {})
    const client = createStreamClient({ transmitter: 'https://silent.example.com', accessToken: 'x', fetch })
    const outcomes: unknown[] = []
    client.getStream('s').catch((error: unknown) => outcomes.push(error))
    await vi.advanceTimersByTimeAsync(10_000)
    expect(outcomes).toEqual([new Error('took over 10 s')])
  })

  test('metadata without the endpoint is an error that names it', async () => {
    const fetch = async () => Response.json({ issuer, configuration_endpoint: `${issuer}/streams` })
    const client = createStreamClient({
      transmitter: issuer,
      accessToken: 'x',
      fetch: fetch as typeof globalThis.fetch,
    })
    await expect(client.getStatus('s')).rejects.toThrow(new TypeError('status_endpoint is not in the metadata'))
  })
})

describe('SE-6: the critical members in the metadata', () => {
  const planet = complex({ user: alice, planet: session('mars') })
  test.each([
    [undefined, 'all'],
    ['planet', 'nothing'],
    [['planet'], 'nothing'],
    [{ planet: true }, 'all'],
  ])('%j: an event with a member that is not known ends %s', async (critical_subject_members, ended) => {
    const metadata = { issuer, jwks_uri: `${issuer}/jwks`, critical_subject_members }
    const fetch = async (url: string) => (url.includes('ssf-configuration') ? Response.json(metadata) : op.fetch(url))
    const { push, events } = receiving({ fetch: fetch as typeof globalThis.fetch, transmitter: { keys: undefined } })
    expect((await push(await signSet({ sub_id: planet }))).status).toBe(202)
    expect(events).toMatchObject([{ ended }])
  })
})

test('SE-2: keys at a URL are fetched there, and no metadata is read', async () => {
  const asked: string[] = []
  const fetch = async (url: string) => {
    asked.push(url)
    return op.fetch(url)
  }
  const keys = new URL(`${issuer}/jwks`)
  const { push } = receiving({ fetch: fetch as typeof globalThis.fetch, transmitter: { keys } })
  expect((await push(await signSet())).status).toBe(202)
  expect(asked).toEqual([keys.href])
})

describe('the requests to a transmitter', () => {
  test('have the access token and the right media types', async () => {
    const transmitter = await createTestTransmitter({ key })
    const requests = watchRequests(transmitter)
    const { issuer: own, accessToken, fetch } = transmitter
    const client = createStreamClient({ transmitter: own, accessToken, fetch })
    const { stream_id } = await client.createStream({ delivery })
    await client.getStream(stream_id)
    const headers = to(requests, '/acme/streams').map((request) =>
      ['authorization', 'accept', 'content-type'].map((name) => request.headers.get(name)),
    )
    expect(headers).toEqual([
      [`Bearer ${accessToken}`, 'application/json', 'application/json'],
      [`Bearer ${accessToken}`, 'application/json', null],
    ])
  })

  test('adding and removing a subject names the stream and the subject', async () => {
    const transmitter = await createTestTransmitter({ key })
    const requests = watchRequests(transmitter)
    const { issuer: own, accessToken, fetch } = transmitter
    const client = createStreamClient({ transmitter: own, accessToken, fetch })
    const { stream_id } = await client.createStream({ delivery })
    await client.addSubject(stream_id, alice, { verified: true })
    await client.removeSubject(stream_id, alice)
    const bodies = ['add', 'remove'].flatMap((verb) => to(requests, `/acme/subjects:${verb}`))
    expect(await Promise.all(bodies.map((request) => request.json()))).toEqual([
      { stream_id, subject: alice, verified: true },
      { stream_id, subject: alice },
    ])
  })

  test('a fixed access token that is refused is not tried again', async () => {
    const transmitter = await createTestTransmitter({ key })
    const requests = watchRequests(transmitter)
    const { issuer: own, fetch } = transmitter
    const client = createStreamClient({ transmitter: own, accessToken: 'wrong', fetch })
    const url = `${own}/streams?stream_id=s`
    await expect(client.getStream('s')).rejects.toThrow(`GET ${url}: status 401`)
    expect(to(requests, '/acme/streams')).toHaveLength(1)
  })

  test('a transmitter on this machine may use plain http', async () => {
    const transmitter = await createTestTransmitter({ key, issuer: 'http://127.0.0.1:8180/acme' })
    const requests = watchRequests(transmitter)
    const { issuer: own, fetch } = transmitter
    const client = createStreamClient({ transmitter: own, clientCredentials, fetch })
    expect(await client.createStream({ delivery })).toMatchObject({ iss: own })
    expect(to(requests, '/acme/token')).toHaveLength(1)
  })

  test('the metadata of a remote authorization server must not name an address on this machine', async () => {
    const transmitter = await createTestTransmitter({ key })
    const { issuer: own, fetch } = transmitter
    transmitter.fault = ({ url }) =>
      url.includes('oauth-authorization-server')
        ? Response.json({ issuer: own, token_endpoint: 'http://127.0.0.1:1/token' })
        : undefined
    const client = createStreamClient({ transmitter: own, clientCredentials, fetch })
    await expect(client.accessToken()).rejects.toThrow(new TypeError('http://127.0.0.1:1/token is not allowed'))
    expect(transmitter.requests.filter((request) => request.includes('127.0.0.1'))).toEqual([])
  })
})

describe('an access token by client credentials', () => {
  afterEach(() => void vi.useRealTimers())

  test.each([
    ['with expires_in', { expires_in: 300 }, 270],
    ['without expires_in', {}, 60],
  ])('%s is used until shortly before its expiry', async (_, members, seconds) => {
    vi.useFakeTimers({ toFake: ['performance'] })
    const transmitter = await createTestTransmitter({ key })
    let count = 0
    transmitter.fault = ({ url }) =>
      url.endsWith('/token')
        ? Response.json({ access_token: `token-${(count += 1)}`, token_type: 'Bearer', ...members })
        : undefined
    const { issuer: own, fetch } = transmitter
    const client = createStreamClient({ transmitter: own, clientCredentials, fetch })
    const tokenAfter = (more: number) => {
      vi.advanceTimersByTime(more * 1000)
      return client.accessToken()
    }
    expect(await tokenAfter(0)).toBe('token-1')
    expect(await tokenAfter(seconds - 1)).toBe('token-1')
    expect(await tokenAfter(1)).toBe('token-2')
  })

  test.each(['/acme/token', '/.well-known/oauth-authorization-server/acme'])(
    'if the answer of %s does not end, at most a megabyte is read',
    async (path) => {
      const transmitter = await createTestTransmitter({ key })
      const spaces = new Uint8Array(65_536).fill(32)
      let read = 0
      let isCancelled = false
      const endless = new ReadableStream(
        {
          async pull(controller) {
            read += spaces.length
            // The limit keeps the test from running for ever.
            if (read > 16 * 1_048_576) controller.close()
            else controller.enqueue(spaces)
          },
          cancel: () => void (isCancelled = true),
        },
        { highWaterMark: 0 },
      )
      transmitter.fault = ({ url }) =>
        url.endsWith(path) ? new Response(endless, { headers: { 'content-type': 'application/json' } }) : undefined
      const { issuer: own, fetch } = transmitter
      const client = createStreamClient({ transmitter: own, clientCredentials, fetch })
      await expect(client.accessToken()).rejects.toThrow(Error)
      expect(read).toBeLessThan(2 * 1_048_576)
      expect(isCancelled).toBe(true)
    },
  )

  test('the answer of the authorization server with an error is not hidden', async () => {
    const transmitter = await createTestTransmitter({ key })
    const { issuer: own, fetch } = transmitter
    const client = createStreamClient({
      transmitter: own,
      clientCredentials: { ...clientCredentials, scope: 'other' },
      fetch,
    })
    await expect(client.accessToken()).rejects.toMatchObject({ error: 'invalid_scope', status: 400 })
    transmitter.fault = ({ url }) => (url.endsWith('/token') ? new Response(null, { status: 401 }) : undefined)
    await expect(client.accessToken()).rejects.toThrow('content-type must be application/json')
  })

  test('the first request has a token', async () => {
    const transmitter = await createTestTransmitter({ key })
    const requests = watchRequests(transmitter)
    const { issuer: own, accessToken, fetch } = transmitter
    const client = createStreamClient({ transmitter: own, clientCredentials, fetch })
    await client.createStream({ delivery })
    const tokens = to(requests, '/acme/streams').map(({ headers }) => headers.get('authorization'))
    expect(tokens).toEqual([`Bearer ${accessToken}`])
  })
})

describe('options', () => {
  const logout = createBackchannelLogout({ issuers: [op.trusted], sessionMaxAge: 60, store: new MemoryStore() })
  const right = { issuer, audience: 'receiver' }
  test.each<[object, string]>([
    [{ logout: 'x' }, 'logout must be from createBackchannelLogout, got "x"'],
    [{ transmitters: [{ ...right, metadata: 'x' }] }, 'transmitters[0].metadata must be a URL, got "x"'],
    [
      { transmitters: [{ ...right, subjectIssuers: 'x' }] },
      'transmitters[0].subjectIssuers must be a list of strings, got "x"',
    ],
    [{ transmitters: [{ ...right, algorithms: ['RS256', 'HS256'] }] }, 'transmitters[0].algorithms must not have HS*'],
  ])('%j: TypeError', (options, message) => {
    const create = () => createSecurityEventReceiver({ logout, transmitters: [right], ...options } as never)
    expect(create).toThrow(new TypeError(message))
  })

  test('keys over http on another machine are refused, and named', () => {
    const transmitters = [{ ...right, keys: new URL('http://op.example.com/jwks') }]
    expect(() => createSecurityEventReceiver({ logout, transmitters })).toThrow(
      /^transmitters\[0\]\.keys must be https/,
    )
  })

  test('a private key that is not a CryptoKey is refused, and not shown', () => {
    const options = { transmitter: issuer, clientCredentials: { clientId: 'x', privateKey: '-----BEGIN PRIVATE KEY' } }
    expect(() => createStreamClient(options as never)).toThrow(
      new TypeError('clientCredentials.privateKey must be a CryptoKey'),
    )
  })

  test('warm needs no fetch for a transmitter whose keys are a JWK Set', async () => {
    await expect(receiving().receiver.warm()).resolves.toBeUndefined()
  })
})
