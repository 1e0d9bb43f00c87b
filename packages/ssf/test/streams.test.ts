import { createBackchannelLogout, MemoryStore } from '@bcl/core'
import {
  createSecurityEventReceiver,
  createStreamClient,
  StreamRequestError,
  type SecurityEvent,
  type StreamConfiguration,
} from '@bcl/ssf'
import { createTestTransmitter, type TestTransmitter } from '@bcl/testing'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { types } from './support.js'

const pushMethod = 'urn:ietf:rfc:8935'
const delivery = { method: 'urn:ietf:rfc:8936' }
const first = await createTestTransmitter()

async function polling(options: object = {}) {
  const transmitter = await createTestTransmitter({ key: first.op.key })
  const { issuer, fetch, accessToken } = transmitter
  const logout = createBackchannelLogout({
    issuers: [{ issuer, clientId: 'test-client' }],
    sessionMaxAge: 3600,
    store: new MemoryStore(),
  })
  const events: SecurityEvent[] = []
  const errors: unknown[] = []
  const receiver = createSecurityEventReceiver({
    logout,
    transmitters: [{ issuer, audience: 'only for push' }],
    fetch,
    onEvent: (event) => void events.push(event),
    onError: (error) => void errors.push(error),
    ...options,
  })
  const client = createStreamClient({ transmitter: issuer, accessToken, fetch })
  const stream = await client.createStream({ delivery, events_requested: [types.sessionRevoked] })
  const round = { transmitter: issuer, stream, accessToken }
  const waiting = () => transmitter.streams.get(stream.stream_id)!.waiting
  return { transmitter, logout, receiver, client, stream, round, events, errors, waiting }
}
const pollsOf = ({ requests }: TestTransmitter) => requests.filter((request) => request.includes('/poll/')).length

describe('poll', () => {
  test('SE-3, SE-12: a round accepts the audience of the stream, ends the session, and then acknowledges the token', async () => {
    const { transmitter, receiver, round, events, logout, waiting } = await polling()
    await transmitter.emit()
    await transmitter.emit({ sub_id: { format: 'iss_sub', iss: transmitter.issuer, sub: 'bob' } })
    expect(await receiver.pollOnce(round)).toEqual({ handled: 2, refused: 0, failed: 0, moreAvailable: false })
    expect(waiting().size).toBe(0)
    expect(events).toHaveLength(2)
    expect(await logout.isLoggedOut(transmitter.op.session())).toBe(true)
    expect(await receiver.pollOnce(round)).toEqual({ handled: 0, refused: 0, failed: 0, moreAvailable: false })
    // The round with tokens sends two requests, and the round without tokens sends one.
    expect(pollsOf(transmitter)).toBe(3)
  })

  test('a round reports a wrong token with its code, and carries out a right token', async () => {
    const { transmitter, receiver, round, waiting, stream } = await polling()
    await transmitter.emit({ aud: 'other' })
    await transmitter.emit({ iss: 'https://other.example' })
    await transmitter.emit()
    expect(await receiver.pollOnce(round)).toMatchObject({ handled: 1, refused: 2 })
    expect(waiting().size).toBe(0)
    const { errors } = transmitter.streams.get(stream.stream_id)!
    expect([...errors.values()]).toMatchObject([{ err: 'invalid_audience' }, { err: 'invalid_issuer' }])
  })

  test('SE-12: if onEvent fails, nothing is acknowledged, and a later round completes the event', async () => {
    let isDown = true
    const onEvent = vi.fn(() => {
      if (isDown) throw new Error('down')
    })
    const { transmitter, receiver, round, waiting, errors } = await polling({ onEvent })
    await transmitter.emit()
    expect(await receiver.pollOnce(round)).toMatchObject({ handled: 0, refused: 0, failed: 1 })
    expect([waiting().size, errors.length]).toEqual([1, 1])
    isDown = false
    expect(await receiver.pollOnce(round)).toMatchObject({ handled: 1, failed: 0 })
    expect(waiting().size).toBe(0)
  })

  test('if an acknowledgement is lost, the token comes again but is carried out once', async () => {
    const { transmitter, receiver, round, events } = await polling()
    await transmitter.emit()
    await receiver.warm()
    let asked = 0
    transmitter.fault = () => ((asked += 1) === 2 ? new Response(null, { status: 500 }) : undefined)
    await expect(receiver.pollOnce(round)).rejects.toThrow(StreamRequestError)
    expect(await receiver.pollOnce(round)).toMatchObject({ handled: 1 })
    expect(events).toHaveLength(1)
  })

  test.each([
    ['204', () => new Response(null, { status: 204 })],
    ['an empty object', () => Response.json({})],
    ['sets of another kind', () => Response.json({ sets: [], moreAvailable: 'yes' })],
  ])('%s is an empty round', async (_, answer) => {
    const { transmitter, receiver, round } = await polling()
    transmitter.fault = answer
    expect(await receiver.pollOnce(round)).toEqual({ handled: 0, refused: 0, failed: 0, moreAvailable: false })
  })

  test.each<[string, () => Response]>([
    ['status 500', () => new Response('no', { status: 500 })],
    ['a redirect', () => new Response(null, { status: 302, headers: { location: 'http://127.0.0.1/' } })],
    ['an array', () => Response.json([])],
    ['no JSON', () => new Response('{')],
  ])('%s fails the round', async (_, answer) => {
    const { transmitter, receiver, round } = await polling()
    transmitter.fault = answer
    await expect(receiver.pollOnce(round)).rejects.toThrow(StreamRequestError)
  })

  test.each<[string, (count: number) => string]>([
    ['members', (count) => `{"sets":{${Array.from({ length: count }, (_, index) => `"${index}":1`).join()}}}`],
    ['nested lists', (count) => `{"a":${'['.repeat(count)}${']'.repeat(count)}}`],
    ['numbers', (count) => `{"a":[${'1,'.repeat(count)}1]}`],
  ])('an answer with 60,000 %s fails the round before it is parsed', async (_, text) => {
    const { transmitter, receiver, round } = await polling()
    const parse = vi.spyOn(JSON, 'parse')
    const huge = text(60_000)
    transmitter.fault = () => new Response(huge)
    await expect(receiver.pollOnce(round)).rejects.toThrow(/: answer is too large$/)
    expect(parse.mock.calls).not.toContainEqual([huge])
    parse.mockRestore()
    transmitter.fault = () => new Response(text(9900))
    expect(await receiver.pollOnce(round)).toMatchObject({ handled: 0 })
  })

  test('more than 16 megabytes fail a round, and more than a megabyte fails another request', async () => {
    const { transmitter, receiver, round } = await polling()
    const [mebibyte, tooLarge] = [
      2 ** 20,
      expect.objectContaining({ status: 200, message: expect.stringMatching(/: answer is too large$/) }),
    ]
    const answer = (bytes: number) => () => new Response(`{"a":"${'a'.repeat(bytes - 8)}"}`)
    transmitter.fault = answer(16 * mebibyte)
    expect(await receiver.pollOnce(round)).toMatchObject({ handled: 0 })
    transmitter.fault = answer(16 * mebibyte + 1)
    await expect(receiver.pollOnce(round)).rejects.toEqual(tooLarge)
    const { issuer, fetch, accessToken } = transmitter
    const client = createStreamClient({ transmitter: issuer, accessToken, fetch })
    transmitter.fault = ({ url }) => (url.includes('.well-known') ? undefined : answer(mebibyte + 1)())
    await expect(client.getStream('x')).rejects.toEqual(tooLarge)
  })

  test('no request follows a redirect, because it carries the access token', async () => {
    const redirects: unknown[] = []
    const fetch: typeof globalThis.fetch = (url, init) => {
      redirects.push(init?.redirect)
      return first.fetch(url, init)
    }
    const client = createStreamClient({ transmitter: first.issuer, accessToken: first.accessToken, fetch })
    await client.createStream({ delivery })
    expect(redirects).toEqual(['manual', 'manual'])
  })

  test('a round needs a configured transmitter, and requests no address on this machine', async () => {
    const { receiver, round } = await polling()
    await expect(receiver.pollOnce({ ...round, transmitter: 'https://other.example' })).rejects.toThrow(TypeError)
    const endpoint_url = 'http://127.0.0.1:1/poll'
    await expect(receiver.pollOnce({ ...round, stream: { delivery: { ...delivery, endpoint_url } } })).rejects.toThrow(
      TypeError,
    )
    await expect(
      receiver.poll({ ...round, transmitter: 'https://other.example', signal: AbortSignal.timeout(1000) }),
    ).rejects.toThrow(TypeError)
  })

  test('a transmitter gets one request at a time, also during management calls', async () => {
    const { transmitter, receiver, round, client, stream } = await polling()
    await transmitter.emit()
    transmitter.fault = async () => {
      await new Promise(setImmediate)
      return undefined
    }
    await Promise.all([
      receiver.pollOnce(round),
      receiver.pollOnce(round),
      client.getStream(stream.stream_id),
      client.verifyStream(stream.stream_id, 'x'),
      client.getStatus(stream.stream_id),
    ])
    expect(transmitter.mostAtOnce).toBe(1)
  })

  describe('poll repeats rounds', () => {
    afterEach(() => void vi.useRealTimers())

    test('at once while more tokens wait, and then every second until the signal aborts', async () => {
      const { transmitter, receiver, round, events, waiting } = await polling()
      await receiver.warm()
      for (let count = 0; count < 3; count += 1) await transmitter.emit()
      vi.useFakeTimers()
      const stop = new AbortController()
      const run = receiver.poll({ ...round, signal: stop.signal, maxEvents: 1 })
      await vi.waitFor(() => expect(waiting().size).toBe(0))
      expect(events).toHaveLength(3)
      await vi.waitFor(() => expect(vi.getTimerCount()).toBe(1))
      const before = pollsOf(transmitter)
      await vi.advanceTimersByTimeAsync(1000)
      await vi.waitFor(() => expect(pollsOf(transmitter)).toBe(before + 1))
      stop.abort()
      await run
      expect(vi.getTimerCount()).toBe(0)
    })

    test('failed tokens do not keep later tokens out of a round', async () => {
      const onEvent = ({ claims }: SecurityEvent) => {
        if (claims.txn === 'fails') throw new Error('down')
      }
      const { transmitter, receiver, round, logout, waiting, errors } = await polling({ onEvent })
      await receiver.warm()
      for (let count = 0; count < 60; count += 1) {
        await transmitter.emit({ txn: 'fails', sub_id: { format: 'iss_sub', iss: transmitter.issuer, sub: 'bob' } })
      }
      await transmitter.emit()
      vi.useFakeTimers()
      const stop = new AbortController()
      const run = receiver.poll({ ...round, signal: stop.signal })
      // The first round gets 25 tokens, the second gets 50, and the third gets all tokens.
      for (const failures of [25, 75, 135]) {
        await vi.waitFor(() => expect(errors).toHaveLength(failures), 10_000)
        await vi.advanceTimersByTimeAsync(8000)
      }
      await vi.waitFor(() => expect(waiting().size).toBe(60))
      stop.abort()
      await run
      expect(await logout.isLoggedOut(transmitter.op.session())).toBe(true)
    })

    test('less and less often while the transmitter fails, until close', async () => {
      const { transmitter, receiver, round, errors } = await polling()
      vi.spyOn(Math, 'random').mockReturnValue(1)
      vi.useFakeTimers()
      transmitter.fault = () => new Response(null, { status: 503 })
      const run = receiver.poll(round)
      for (const [seconds, failures] of [
        [0, 1],
        [2, 2],
        [4, 3],
        [8, 4],
      ] as const) {
        await vi.advanceTimersByTimeAsync(seconds * 1000)
        await vi.waitFor(() => expect(errors).toHaveLength(failures))
      }
      await receiver.close()
      await run
      expect(errors).toHaveLength(4)
    })
  })
})

describe('the stream client', () => {
  test('creates, reads, changes, replaces and deletes a stream, and sends only the members that a receiver sets', async () => {
    const transmitter = await createTestTransmitter({ key: first.op.key })
    const { issuer, accessToken, fetch } = transmitter
    const bodies: unknown[] = []
    transmitter.fault = async (request) => {
      if (/streams/.test(request.url) && request.body) bodies.push(await request.clone().json())
      return undefined
    }
    const client = createStreamClient({ transmitter: issuer, accessToken: async () => accessToken, fetch })
    const wanted = { delivery, events_requested: [types.sessionRevoked, types.verification], description: 'mine' }
    const stream = await client.createStream({ ...wanted, iss: issuer, aud: 'x' } as never)
    expect(stream).toMatchObject({ iss: issuer, description: 'mine', events_delivered: [types.sessionRevoked] })
    const { stream_id } = stream
    expect(await client.getStream(stream_id)).toEqual(stream)
    expect(await client.updateStream({ stream_id, description: 'new' })).toMatchObject({ description: 'new' })
    const whole: StreamConfiguration = { ...stream, events_requested: [types.accountDisabled] }
    expect(await client.replaceStream(whole)).toMatchObject({ events_requested: [types.accountDisabled] })
    expect(bodies).toEqual([
      { delivery, events_requested: [types.sessionRevoked], description: 'mine' },
      { stream_id, description: 'new' },
      { stream_id, delivery, events_requested: [types.accountDisabled], description: 'mine' },
    ])
    expect(await client.setStatus({ stream_id, status: 'paused' })).toEqual({ stream_id, status: 'paused' })
    expect(await client.getStatus(stream_id)).toEqual({ stream_id, status: 'paused' })
    await client.addSubject(stream_id, { format: 'email', email: 'a@b.c' }, { verified: true })
    await client.removeSubject(stream_id, { format: 'email', email: 'a@b.c' })
    await client.deleteStream(stream_id)
    await expect(client.getStream(stream_id)).rejects.toMatchObject({ name: 'StreamRequestError', status: 404 })
    // The client reads the metadata only once.
    expect(transmitter.requests.filter((request) => request.includes('ssf-configuration'))).toHaveLength(1)
  })

  test('a second stream is a StreamRequestError with 409', async () => {
    const { client } = await polling()
    await expect(client.createStream({ delivery })).rejects.toMatchObject({ status: 409 })
  })

  test('SE-3, SE-10: a requested verification event arrives by push, with the audience of the stream', async () => {
    const transmitter = await createTestTransmitter({
      key: first.op.key,
      push: (url, init) => receiver.handle(new Request(url as string, init)),
    })
    const { issuer, accessToken, fetch } = transmitter
    const client = createStreamClient({ transmitter: issuer, accessToken, fetch })
    const push = { method: pushMethod, endpoint_url: 'https://app.example/events', authorization_header: 'Bearer x' }
    const { stream_id } = await client.createStream({ delivery: push })
    const { logout } = await polling()
    const onEvent = vi.fn()
    const receiver = createSecurityEventReceiver({
      logout,
      transmitters: [
        { issuer, audience: async () => (await client.getStream(stream_id)).aud!, pushAuthorization: 'Bearer x' },
      ],
      fetch,
      onEvent,
    })
    await client.verifyStream(stream_id, 'state-1')
    expect(await transmitter.deliver()).toEqual([202])
    expect(onEvent.mock.calls).toMatchObject([[{ type: types.verification, values: { state: 'state-1' } }]])
    expect(transmitter.streams.get(stream_id)!.waiting.size).toBe(0)
  })

  test.each(['client_secret_basic', 'client_secret_post', undefined] as const)(
    'client credentials, %s: the metadata names the token endpoint, and the token has the scope and is cached',
    async (authentication) => {
      const transmitter = await createTestTransmitter({ key: first.op.key })
      const clientCredentials = { clientId: 'receiver', clientSecret: 'secret', authentication }
      const { issuer, fetch } = transmitter
      const client = createStreamClient({ transmitter: issuer, clientCredentials, fetch })
      const { stream_id } = await client.createStream({ delivery })
      await client.getStream(stream_id)
      expect(await client.accessToken()).toBe(transmitter.accessToken)
      expect(transmitter.requests.filter((request) => request.endsWith('/token'))).toHaveLength(1)
    },
  )

  test('if the transmitter has revoked a token, each request gets a new token once', async () => {
    const transmitter = await createTestTransmitter({ key: first.op.key })
    const clientCredentials = { clientId: 'receiver', clientSecret: 'secret' }
    const { issuer, fetch } = transmitter
    const client = createStreamClient({ transmitter: issuer, clientCredentials, fetch })
    const { stream_id } = await client.createStream({ delivery })
    const tokens = () => transmitter.requests.filter((request) => request.endsWith('/token')).length
    let refusals = 1
    transmitter.fault = ({ url }) =>
      url.includes('/streams') && (refusals -= 1) >= 0 ? new Response(null, { status: 401 }) : undefined
    expect(await client.getStream(stream_id)).toMatchObject({ stream_id })
    expect(tokens()).toBe(2)
    refusals = Infinity
    await expect(client.getStream(stream_id)).rejects.toMatchObject({ status: 401 })
    expect(tokens()).toBe(3)
  })

  test('client credentials with a private key send an assertion', async () => {
    const transmitter = await createTestTransmitter({ key: first.op.key })
    const { privateKey } = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign'])
    let form = new URLSearchParams()
    transmitter.fault = async (request) => {
      if (request.url.endsWith('/token')) form = new URLSearchParams(await request.clone().text())
      return undefined
    }
    const clientCredentials = { clientId: 'receiver', privateKey, kid: 'key-1' }
    const { issuer, fetch } = transmitter
    const client = createStreamClient({ transmitter: issuer, clientCredentials, fetch })
    await client.createStream({ delivery })
    expect(form.get('client_assertion')?.split('.')).toHaveLength(3)
    expect(form.get('scope')).toBe('ssf.read ssf.manage')
  })

  const transmitter = 'https://op.example.com'
  test.each<[object, RegExp]>([
    [{ transmitter }, /^accessToken or clientCredentials must be set, not both$/],
    [{ transmitter, accessToken: 'x', clientCredentials: { clientId: 'x', clientSecret: 'x' } }, /^accessToken or/],
    [{ transmitter, accessToken: 1234 }, /^accessToken must be a non-empty string or a function$/],
    [{ transmitter: 'http://op.example.com', accessToken: 'x' }, /^issuer must be https/],
    [{ transmitter, acessToken: 'x' }, /Did you mean accessToken\?$/],
    [{ transmitter, clientCredentials: { clientId: 'x' } }, /^clientCredentials\.clientSecret must be set/],
    [
      { transmitter, clientCredentials: { clientId: 'x', authentication: 'private_key_jwt' } },
      /^clientCredentials\.privateKey must be set/,
    ],
    [
      {
        transmitter,
        clientCredentials: { clientId: 'x', clientSecret: 'x', authorizationServer: 'http://as.example' },
      },
      /^clientCredentials\.authorizationServer is not allowed, got "http:\/\/as\.example"$/,
    ],
    [
      { transmitter, clientCredentials: { clientId: 'x', clientSecrets: 'x' } },
      /^clientCredentials\.clientSecrets is not an option/,
    ],
  ])('%j: TypeError', (options, message) => {
    expect(() => createStreamClient(options as never)).toThrow(message)
  })
})
