import { createBackchannelLogout, MemoryStore } from '@bcl/core'
import { createSecurityEventReceiver, createStreamClient } from '@bcl/ssf'
import { createTestTransmitter, type TestTransmitter } from '@bcl/testing'
import { inspect } from 'node:util'
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
    await expect(client.accessToken()).rejects.toThrow(
      new TypeError('URL is not allowed, got "http://127.0.0.1:1/token"'),
    )
    expect(transmitter.requests.filter((request) => request.includes('127.0.0.1'))).toEqual([])
  })
})

describe('metadata that has changed', () => {
  /** A transmitter that has moved its endpoints, and a client that has read the old metadata. */
  async function moved(options: object, answerOfOldEndpoint: (request: Request) => Response) {
    const transmitter = await createTestTransmitter({ key })
    const { issuer: own, accessToken, fetch } = transmitter
    const client = createStreamClient({ transmitter: own, fetch, ...options })
    const { stream_id } = await client.createStream({ delivery })
    const reads = (name: string) => transmitter.requests.filter((request) => request.includes(name)).length
    transmitter.fault = async (request) => {
      const { pathname } = new URL(request.url)
      if (pathname.includes('ssf-configuration'))
        return Response.json({
          issuer: own,
          configuration_endpoint: `${own}/new/streams`,
          status_endpoint: `${own}/new/status`,
        })
      if (pathname.includes('oauth-authorization-server'))
        return Response.json({ issuer: own, token_endpoint: `${own}/new/token` })
      if (pathname.endsWith('/new/token')) return Response.json({ access_token: accessToken, token_type: 'Bearer' })
      return pathname.includes('/new/') ? Response.json({ stream_id, status: 'enabled' }) : answerOfOldEndpoint(request)
    }
    return { client, stream_id, reads }
  }
  const accessToken = 'test-access-token'
  const failures: [string, () => Response][] = [
    ['a network error', () => expect.fail('connection refused')],
    ['status 404', () => new Response(null, { status: 404 })],
    ['status 401', () => new Response(null, { status: 401 })],
    ['a wrong body', () => new Response('<html>')],
  ]

  test.each(failures)(
    'the call after %s reads the metadata of the transmitter again, and keeps it',
    async (_, answer) => {
      const { client, stream_id, reads } = await moved({ accessToken }, answer)
      await expect(client.getStream(stream_id)).rejects.toThrow(Error)
      expect(reads('ssf-configuration')).toBe(1)
      for (let calls = 0; calls < 2; calls += 1) expect(await client.getStream(stream_id)).toMatchObject({ stream_id })
      expect(reads('ssf-configuration')).toBe(2)
    },
  )

  test('the call after a missing endpoint reads the metadata again', async () => {
    const transmitter = await createTestTransmitter({ key })
    const { issuer: own, fetch } = transmitter
    const client = createStreamClient({ transmitter: own, accessToken, fetch })
    transmitter.fault = ({ url }) => (url.includes('ssf-conf') ? Response.json({ issuer: own }) : undefined)
    await expect(client.getStatus('s')).rejects.toThrow('status_endpoint is not in the metadata')
    transmitter.fault = undefined
    await expect(client.getStatus('s')).rejects.toMatchObject({ status: 404 })
  })

  test('a new access token comes from the token endpoint in the metadata of that time', async () => {
    const { client, reads } = await moved({ clientCredentials }, () => new Response(null, { status: 404 }))
    expect([await client.accessToken(), reads('oauth-authorization-server')]).toEqual([accessToken, 1])
    expect([await client.accessToken(true), reads('oauth-authorization-server')]).toEqual([accessToken, 2])
    expect(reads('/new/token')).toBe(1)
  })
})

describe('no error shows a secret', () => {
  const secret = 'secret-value'
  /** Everything that a log can show. */
  const textOf = (error: unknown) => inspect(error, { depth: 9, showHidden: true })
  const failureOf = async (work: () => unknown): Promise<Error> => {
    try {
      await work()
    } catch (error) {
      expect(error).toBeInstanceOf(Error)
      return error as Error
    }
    return expect.fail('did not fail')
  }

  test.each([
    ['a line feed', `${secret}\nx`],
    ['a null character', `${secret}\0`],
    ['a character that is not Latin', `${secret}\u{1F511}`],
  ])('an access token with %s', async (_, token) => {
    const { issuer: own, fetch } = await createTestTransmitter({ key })
    for (const accessToken of [token, () => token]) {
      const client = createStreamClient({ transmitter: own, accessToken, fetch })
      const error = await failureOf(() => client.getStream('s'))
      expect(error.message).toBe('accessToken must be printable ASCII')
      expect(textOf(error)).not.toContain(secret)
    }
  })

  test('a line feed at the end of an access token is ignored, because a file often has one', async () => {
    const transmitter = await createTestTransmitter({ key })
    const requests = watchRequests(transmitter)
    const { issuer: own, fetch, accessToken } = transmitter
    const client = createStreamClient({ transmitter: own, accessToken: `${accessToken}\n`, fetch })
    await client.createStream({ delivery })
    expect(to(requests, '/acme/streams')[0]!.headers.get('authorization')).toBe(`Bearer ${accessToken}`)
  })

  test.each([
    ['no token_type', JSON.stringify({ access_token: secret })],
    ['a wrong scope', JSON.stringify({ access_token: secret, token_type: 'Bearer', scope: [] })],
    ['a wrong expires_in', JSON.stringify({ access_token: secret, token_type: 'Bearer', expires_in: 'x' })],
    ['an unknown token_type', JSON.stringify({ access_token: secret, token_type: 'mac' })],
    ['wrong JSON', `{"access_token":${secret}}`],
  ])('an answer of the authorization server with %s', async (_, body) => {
    const transmitter = await createTestTransmitter({ key })
    transmitter.fault = ({ url }) =>
      url.endsWith('/token') ? new Response(body, { headers: { 'content-type': 'application/json' } }) : undefined
    const { issuer: own, fetch } = transmitter
    const client = createStreamClient({ transmitter: own, clientCredentials, fetch })
    expect(textOf(await failureOf(() => client.accessToken()))).not.toMatch(/secret-v|-value/)
  })

  test.each([`https://user:${secret}@op.example.com`, `https://user:${secret}@op.example.com:port/x`])(
    'the address %s',
    async (address) => {
      const transmitter = await createTestTransmitter({ key })
      const { issuer: own, accessToken, fetch } = transmitter
      const client = createStreamClient({ transmitter: own, accessToken, fetch })
      const stream = { delivery: { ...delivery, endpoint_url: address } }
      const { receiver } = receiving({ transmitters: [{ issuer: own, audience: 'x', keys: op.jwks }], fetch })
      transmitter.fault = ({ url }) =>
        url.includes('ssf-conf') ? Response.json({ issuer: own, status_endpoint: address }) : undefined
      const works = {
        'the endpoint of a stream': () => receiver.pollOnce({ transmitter: own, stream, accessToken }),
        'an endpoint in the metadata': () => client.getStatus('s'),
        'the transmitter of a poll': () => receiver.pollOnce({ transmitter: address, stream, accessToken }),
        'the transmitter of a client': () => createStreamClient({ transmitter: address, accessToken }),
        'the authorization server': () =>
          createStreamClient({
            transmitter: own,
            clientCredentials: { ...clientCredentials, authorizationServer: address },
            fetch,
          }).accessToken(),
      }
      for (const [name, work] of Object.entries(works))
        expect(textOf(await failureOf(work)), name).not.toContain(secret)
    },
  )
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
