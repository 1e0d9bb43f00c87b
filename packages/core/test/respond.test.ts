import {
  BackchannelLogoutError,
  MemoryStore,
  type BodyReader,
  type LogoutDelivery,
  type LogoutRequest,
} from '@bcl/core'
import { wrongTokens } from '@bcl/testing'
import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { create, sharedIssuer } from './support.js'

const op = await sharedIssuer()
const logout = create(op)
const contentType = 'application/x-www-form-urlencoded'
const token = () => op.logoutToken()
const encoder = new TextEncoder()

const status = async (body: LogoutRequest['body'], more: Partial<LogoutRequest> = {}) =>
  (await logout.respond({ method: 'POST', contentType, body, ...more })).status

const streamOf = (...chunks: (string | Uint8Array)[]) =>
  ReadableStream.from(chunks.map((chunk) => (typeof chunk === 'string' ? encoder.encode(chunk) : chunk)))

describe('RP-1, T-3: the body in every form', () => {
  test.each<[string, (form: string, jwt: string) => LogoutRequest['body']]>([
    ['text', (form) => form],
    ['bytes', (form) => encoder.encode(form)],
    ['a Buffer', (form) => Buffer.from(form)],
    ['a Web stream', (form) => streamOf(form.slice(0, 9), form.slice(9))],
    [
      'an iterable of bytes',
      async function* (form) {
        yield encoder.encode(form)
      },
    ],
    [
      'an iterable of text',
      async function* (form) {
        yield form.slice(0, 7)
        yield form.slice(7)
      },
    ],
    ['URLSearchParams', (form) => new URLSearchParams(form)],
    [
      'FormData',
      (_, jwt) => {
        const data = new FormData()
        data.set('logout_token', jwt)
        data.set('x', new Blob(['y']))
        return data
      },
    ],
    ['an object', (_, jwt) => ({ logout_token: jwt, other: ['1', '2'] })],
    ['an object without a prototype', (_, jwt) => Object.assign(Object.create(null) as object, { logout_token: jwt })],
  ])('%s', async (_, make) => {
    const jwt = await token()
    expect(await status(make(`logout_token=${jwt}`, jwt))).toBe(200)
  })

  test.each<[string, (jwt: string) => LogoutRequest['body']]>([
    ['nothing', () => undefined],
    ['null', () => null],
    ['a list in an object', (jwt) => ({ logout_token: [jwt] })],
    ['two tokens in an object', (jwt) => ({ logout_token: [jwt, jwt] })],
    ['a nested object', (jwt) => ({ logout_token: { a: jwt } })],
    ['logout_token and logout_token[], from a simple parser', (jwt) => ({ logout_token: jwt, 'logout_token[]': jwt })],
    ['an inherited member', (jwt) => Object.create({ logout_token: jwt }) as object],
    ['a list', (jwt) => [jwt]],
    [
      'two tokens in FormData',
      (jwt) => {
        const data = new FormData()
        data.append('logout_token', jwt)
        data.append('logout_token', jwt)
        return data
      },
    ],
    [
      'a file in FormData',
      (jwt) => {
        const data = new FormData()
        data.set('logout_token', new Blob([jwt]))
        return data
      },
    ],
    [
      'two tokens in URLSearchParams',
      (jwt) =>
        new URLSearchParams([
          ['logout_token', jwt],
          ['logout_token', jwt],
        ]),
    ],
    ['an object that calls itself a stream', () => ({ getReader: 'x' })],
    ['a stream of objects', () => ReadableStream.from([{ a: 1 }] as never)],
    ['a stream that fails', () => new ReadableStream({ pull: (controller) => controller.error(new Error('aborted')) })],
    ['a number', () => 7 as unknown as string],
  ])('RP-3: %s is refused', async (_, make) => {
    expect(await status(make(await token()))).toBe(400)
  })

  test('RP-3: a stream that is already being read is refused', async () => {
    const stream = streamOf('logout_token=x')
    stream.getReader()
    expect(await status(stream)).toBe(400)
    const request = new Request('https://app.example/', {
      method: 'POST',
      headers: { 'content-type': contentType },
      body: 'logout_token=x',
    })
    request.body!.getReader()
    expect((await logout.handle(request)).status).toBe(400)
    const read = new Request('https://app.example/', {
      method: 'POST',
      headers: { 'content-type': contentType },
      body: 'logout_token=x',
    })
    await read.text()
    expect((await logout.handle(read)).status).toBe(400)
  })

  test.each([
    undefined,
    null,
    '',
    ';',
    'form',
    'application/x-www-form-urlencoded-2',
    'text/html; application/x-www-form-urlencoded',
    'x-application/x-www-form-urlencoded',
  ])('RP-3: media type %j is refused', async (type) => {
    expect(await status(`logout_token=${await token()}`, { contentType: type })).toBe(400)
  })
})

test('RP-3: a body that ends within a character is refused', async () => {
  const form = encoder.encode(`logout_token=${await token()}`)
  expect(await status(form)).toBe(200)
  expect(await status(Uint8Array.of(...form, 0xe2, 0x82))).toBe(400)
})

test('RP-2: a parameter is ignored if logout_token is only a part of its name', async () => {
  const jwt = await token()
  expect(await status(`x_logout_token=y&logout_token=${jwt}&logout_token_x=y&x_logout_token[]=y`)).toBe(200)
})

test('the cause in the record has the reason why a body could not be read', async () => {
  const error = new Error('the connection is gone')
  const deliveries: LogoutDelivery[] = []
  const stream = new ReadableStream({ start: (controller) => controller.error(error) })
  await create(op, { onDelivery: (one) => deliveries.push(one) }).respond({ method: 'POST', contentType, body: stream })
  expect(deliveries).toMatchObject([
    { outcome: 'refused', code: 'ERR_LOGOUT_REQUEST_INVALID', error: { cause: error } },
  ])
})

describe('a body that a function reads', () => {
  const post = async (body: LogoutRequest['body'], more: Partial<LogoutRequest> = {}) => {
    const deliveries: LogoutDelivery[] = []
    const answer = await create(op, { onDelivery: (one) => deliveries.push(one) }).respond({
      method: 'POST',
      contentType,
      body,
      ...more,
    })
    return { status: answer.status, error: deliveries[0]!.error }
  }

  test('RP-1: the function gets the limit and returns the text', async () => {
    const limits: number[] = []
    const form = `logout_token=${await token()}`
    const read: BodyReader = async (limit) => {
      limits.push(limit)
      return form
    }
    expect((await post(read)).status).toBe(200)
    expect(limits).toEqual([64 * 1024])
  })

  test('RP-4: if the function returns undefined, the body is too large', async () => {
    expect((await post(async () => undefined)).status).toBe(413)
    expect((await post(async () => '&'.repeat(100))).status).toBe(400)
  })

  test('the function is not called if the method is refused', async () => {
    const read = vi.fn<BodyReader>(async () => `logout_token=${await token()}`)
    expect((await post(read, { method: 'GET' })).status).toBe(405)
    expect(read).not.toHaveBeenCalled()
  })

  test("the function's error is the cause of the refusal", async () => {
    const error = new Error('the connection is gone')
    const read = (): never => {
      throw error
    }
    expect(await post(async () => read())).toMatchObject({ status: 400, error: { cause: error } })
    expect(await post(read)).toMatchObject({ status: 400, error: { cause: error } })
  })

  test('RP-4: if the function takes longer than 5 s, the request is refused', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const answer = post(() => new Promise(() => {}))
    while (vi.getTimerCount() === 0) await new Promise((resolve) => setImmediate(resolve))
    vi.advanceTimersByTime(4999)
    expect(vi.getTimerCount()).toBe(1)
    vi.advanceTimersByTime(1)
    expect((await answer).status).toBe(400)
  })
})

test('a record has the duration', async () => {
  const deliveries: LogoutDelivery[] = []
  const body = `logout_token=${await token()}`
  const startedAt = performance.now()
  await create(op, { onDelivery: (one) => deliveries.push(one) }).respond({ method: 'POST', contentType, body })
  expect(deliveries[0]!.durationMs).toBeGreaterThan(0)
  expect(deliveries[0]!.durationMs).toBeLessThanOrEqual(performance.now() - startedAt)
})

describe('RP-4: sizes', () => {
  test('a body of many small chunks takes no more memory than its bytes', async () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    let grown = 0
    const byte = encoder.encode('a')
    async function* body() {
      collect()
      const before = process.memoryUsage().heapUsed
      for (let count = 0; count < 60_000; count += 1) yield byte
      collect()
      grown = process.memoryUsage().heapUsed - before
    }
    expect(await status(body())).toBe(400)
    expect(grown).toBeLessThan(500_000)
  })

  const filled = async (size: number) => {
    const form = `logout_token=${await token()}&x=`
    return form + 'A'.repeat(size - form.length)
  }

  test('a body of 64 KiB is accepted, and a body with one more byte is refused', async () => {
    const limit = 64 * 1024
    for (const make of [
      (form: string) => form,
      (form: string) => encoder.encode(form),
      (form: string) => streamOf(form),
    ]) {
      expect(await status(make(await filled(limit)))).toBe(200)
      expect(await status(make(await filled(limit + 1)))).toBe(413)
    }
    expect(await status('é'.repeat(limit / 2 + 1))).toBe(413)
    expect(await status(new URLSearchParams({ logout_token: await token(), x: 'A'.repeat(limit) }))).toBe(413)
    expect(await status({ logout_token: await token(), x: 'A'.repeat(limit) })).toBe(413)
    const jwt = await token()
    const room = limit - 'logout_token'.length - jwt.length
    expect(await status({ logout_token: jwt, ['x'.repeat(room - 1)]: 'A' })).toBe(200)
    expect(await status({ logout_token: jwt, ['x'.repeat(room)]: 'A' })).toBe(413)
  })

  test('a client that sends too large a body over HTTP gets the answer', async () => {
    const server = createServer(async (request, response) => {
      const { method = '', headers } = request
      const answer = await logout.respond({ method, contentType: headers['content-type'], body: request })
      response.writeHead(answer.status, answer.headers).end(answer.body)
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const post = async (body: string) =>
      (await fetch(url, { method: 'POST', headers: { 'content-type': contentType }, body })).status
    expect(await post(await filled(64 * 1024))).toBe(200)
    expect(await post(await filled(64 * 1024 + 1))).toBe(413)
    expect(await post(await filled(512 * 1024))).toBe(413)
    server.closeAllConnections()
    server.close()
  })

  describe('RP-4c: a stream is read to its end, because unread data blocks the connection', () => {
    const chunks = 40
    const large = () => {
      const whole = Promise.withResolvers<void>()
      let pulled = 0
      const cancelled = vi.fn()
      const pull = (controller: ReadableStreamDefaultController) => {
        controller.enqueue(new Uint8Array(16 * 1024))
        pulled += 1
        if (pulled < chunks) return
        controller.close()
        whole.resolve()
      }
      return {
        stream: new ReadableStream({ pull, cancel: cancelled }),
        whole: whole.promise,
        cancelled,
        pulled: () => pulled,
      }
    }

    test.each([contentType, 'application/json', null])('%s', async (type) => {
      const { stream, whole, cancelled, pulled } = large()
      expect(await status(stream, { contentType: type })).toBe(413)
      // The answer does not wait for the rest.
      expect(pulled()).toBeLessThan(chunks)
      await whole
      expect(cancelled).not.toHaveBeenCalled()
    })

    test('at most 16 MiB are discarded, because a body that is decompressed can be very long', async () => {
      const chunk = 64 * 1024
      let pulled = 0
      const cancelled = vi.fn()
      const pull = (controller: ReadableStreamDefaultController) => {
        controller.enqueue(new Uint8Array(chunk))
        pulled += chunk
      }
      expect(await status(new ReadableStream({ pull, cancel: cancelled }))).toBe(413)
      await vi.waitFor(() => expect(pulled).toBeGreaterThan(16 * 1024 * 1024))
      await new Promise((resolve) => setImmediate(resolve))
      // A stream is pulled a little ahead of its reader.
      expect(pulled).toBeLessThanOrEqual(16 * 1024 * 1024 + 3 * chunk)
      expect(cancelled).not.toHaveBeenCalled()
    })

    test('`handle` does not touch the body of another method', async () => {
      const request = new Request('https://app.example', { method: 'PUT', body: 'x' })
      const body = vi.spyOn(request, 'body', 'get')
      expect((await logout.handle(request)).status).toBe(405)
      expect(body).not.toHaveBeenCalled()
    })
  })

  test('a token of 16 KiB is accepted, and a token with one more character is refused', async () => {
    const base = await op.logoutToken({ filler: '' })
    const filler = 'A'.repeat(Math.floor(((16 * 1024 - base.length) / 4) * 3) - 4)
    expect(await status(`logout_token=${await op.logoutToken({ filler })}`)).toBe(200)
    expect(await status(`logout_token=${await op.logoutToken({ filler: `${filler}AAAAAAAAAAAA` })}`)).toBe(400)
  })
})

describe('RP-4b: the number of parameters', () => {
  const named = (count: number): [string, string][] => Array.from({ length: count }, (_, index) => [`p${index}`, ''])
  const shapes: [string, (pairs: [string, string][]) => LogoutRequest['body']][] = [
    ['text', (pairs) => String(new URLSearchParams(pairs))],
    ['bytes', (pairs) => encoder.encode(String(new URLSearchParams(pairs)))],
    ['a stream', (pairs) => streamOf(String(new URLSearchParams(pairs)))],
    ['URLSearchParams', (pairs) => new URLSearchParams(pairs)],
    [
      'FormData',
      (pairs) => {
        const data = new FormData()
        for (const [name, value] of pairs) data.append(name, value)
        return data
      },
    ],
    ['an object', (pairs) => Object.fromEntries(pairs)],
  ]

  test.each(shapes)('%s: 100 are accepted, one more is refused', async (_, make) => {
    const jwt = await token()
    for (const [count, wanted] of [
      [99, 200],
      [100, 400],
      [5000, 400],
    ] as const) {
      expect(await status(make([['logout_token', jwt], ...named(count)]))).toBe(wanted)
      expect(await status(make([...named(count), ['logout_token', jwt]]))).toBe(wanted)
    }
  })

  test('each parameter counts, even if a parser puts parameters of one name into a list or an object', async () => {
    const jwt = await token()
    const list = (length: number): string[] => Array.from({ length }, () => 'x')
    for (const [count, wanted] of [
      [99, 200],
      [100, 400],
    ] as const) {
      expect(await status(`logout_token=${jwt}${'&x'.repeat(count)}`)).toBe(wanted)
      expect(await status({ logout_token: jwt, x: list(count) })).toBe(wanted)
      expect(await status({ logout_token: jwt, x: { ...list(count) } })).toBe(wanted)
      expect(await status({ logout_token: jwt, x: list(count - 9), y: list(9) })).toBe(wanted)
    }
  })

  test('the record has the reason of the refusal', async () => {
    const deliveries: LogoutDelivery[] = []
    const receiver = create(op, { onDelivery: (one) => deliveries.push(one) })
    for (const body of ['a&'.repeat(32 * 1024), Object.fromEntries(named(101))])
      await receiver.respond({ method: 'POST', contentType, body })
    const error = expect.objectContaining({ message: expect.stringContaining('number of parameters') as string })
    expect(deliveries).toMatchObject([{ error }, { error }].map((one) => ({ outcome: 'refused', ...one })))
  })

  test.each(['a&', '&', 'a=b&', '&&&&a'])('64 KiB of %j are not parsed', async (piece) => {
    const parse = vi.fn()
    vi.stubGlobal(
      'URLSearchParams',
      class extends URLSearchParams {
        constructor(init: string) {
          parse(init)
          super(init)
        }
      },
    )
    onTestFinished(() => void vi.unstubAllGlobals())
    const body = piece.repeat((64 * 1024) / piece.length)
    for (const make of [
      (form: string) => form,
      (form: string) => encoder.encode(form),
      (form: string) => streamOf(form),
    ])
      expect(await status(make(body))).toBe(400)
    expect(parse).not.toHaveBeenCalled()
    expect(await status('a'.repeat(64 * 1024))).toBe(400)
    expect(parse).toHaveBeenCalledOnce()
  })

  test('at most 101 parameters of a parsed form are read', async () => {
    let read = 0
    const counted = Object.assign(new URLSearchParams(), {
      *[Symbol.iterator]() {
        while (read < 5000) yield [`p${(read += 1)}`, '']
      },
    })
    expect(await status(counted as URLSearchParams)).toBe(400)
    expect(read).toBe(101)
  })
})

describe('RP-41, RP-43: error_description', () => {
  const claimNames = ['iss', 'aud', 'azp', 'iat', 'exp', 'nbf', 'jti', 'events', 'nonce', 'sub', 'sid']
  const described = async (body: string) =>
    (JSON.parse((await logout.respond({ method: 'POST', contentType, body })).body) as Record<string, unknown>)[
      'error_description'
    ]

  test('has the name of the wrong claim', async () => {
    const sent = async (claims: object) => described(`logout_token=${await op.logoutToken(claims)}`)
    expect(await sent({ exp: undefined })).toBe('logout token claim: exp')
    expect(await sent({ iss: 'https://other.example' })).toBe('logout token claim: iss')
    expect(await sent({ aud: ['"', '\\'] })).toBe('logout token claim: aud')
    expect(await sent({ exp: 1 })).toBe('logout token expired: exp')
    expect(await sent({ '"\n': 1, nonce: '"' })).toBe('logout token claim: nonce')
    expect(await described('logout_token=x')).toBe('logout token invalid')
    expect(await described('')).toBe('logout request invalid')
  })

  test.each(wrongTokens.map((row) => [row.name, row] as const))(
    'is right for a token that is refused: %s',
    async (_, row) => {
      const deliveries: LogoutDelivery[] = []
      const onDelivery = (delivery: LogoutDelivery) => deliveries.push(delivery)
      const receiver = create(op, { issuers: [{ ...op.trusted, ...row.settings }], onDelivery })
      const { body } = await receiver.respond({
        method: 'POST',
        contentType,
        body: String(new URLSearchParams({ logout_token: await row.make(op) })),
      })
      const { code, claim } = deliveries[0]!.error as BackchannelLogoutError
      const words = code.slice('ERR_'.length).toLowerCase().replaceAll('_', ' ')
      expect(JSON.parse(body)).toEqual({
        error: 'invalid_request',
        error_description: claim === undefined ? words : `${words}: ${claim}`,
      })
      expect([undefined, ...claimNames]).toContain(claim)
    },
  )

  test("repeats no claim of an application's own error", async () => {
    const said = new BackchannelLogoutError('ERR_LOGOUT_TOKEN_CLAIM', 'said', { claim: 'SECRET "\n' })
    const fail = () => Promise.reject(said)
    const store = new MemoryStore()
    for (const options of [
      { issuers: [{ ...op.trusted, keys: fail }] },
      { issuers: fail },
      { store: { add: fail, values: fail, remove: fail } },
      { listen: fail },
    ]) {
      const { listen = () => {}, ...rest } = { store, ...options }
      const receiver = create(op, rest)
      receiver.onLogout(listen)
      const { body } = await receiver.respond({ method: 'POST', contentType, body: `logout_token=${await token()}` })
      expect(body).toContain('"temporarily_unavailable"')
      expect(body).not.toContain('SECRET')
    }
  })
})

describe('RP-40 to RP-44: answers', () => {
  test('an outage has its own error, with the configured status', async () => {
    const down = async (): Promise<never> => Promise.reject(new Error('secret of the store'))
    const store = { add: down, values: down, remove: down }
    const body = `logout_token=${await token()}`
    const answer = await create(op, { store }).respond({ method: 'POST', contentType, body })
    expect(answer).toEqual({
      status: 400,
      headers: { 'cache-control': 'no-store', 'content-type': 'application/json' },
      body: '{"error":"temporarily_unavailable","error_description":"logout failed"}',
    })
    const retry = await create(op, { store, unavailableStatus: 503 }).respond({ method: 'POST', contentType, body })
    expect([retry.status, retry.headers['retry-after']]).toEqual([503, '5'])
    const refused = await create(op, { store, unavailableStatus: 503 }).respond({
      method: 'POST',
      contentType,
      body: '',
    })
    expect(refused.status).toBe(400)
  })

  test('a refused replay is an invalid request', async () => {
    const rejecting = create(op, { replay: 'reject' })
    const request = { method: 'POST', contentType, body: `logout_token=${await token()}` }
    expect((await rejecting.respond(request)).status).toBe(200)
    const answer = await rejecting.respond(request)
    expect([answer.status, (JSON.parse(answer.body) as { error: string }).error]).toEqual([400, 'invalid_request'])
  })

  test('handle answers 200 without a body, and other statuses with JSON', async () => {
    const post = (body: string) =>
      logout.handle(
        new Request('https://app.example/x?y', { method: 'POST', headers: { 'content-type': contentType }, body }),
      )
    const good = await post(`logout_token=${await token()}`)
    expect([good.status, good.body, ...good.headers]).toEqual([200, null, ['cache-control', 'no-store']])
    const bad = await post('')
    expect([bad.status, bad.headers.get('content-type')]).toEqual([400, 'application/json'])
  })

  test('a request with values of wrong types gets 400', async () => {
    for (const request of [
      { method: 'POST', contentType: [contentType], body: 7 },
      { method: 'POST', contentType: [contentType, 'x'], body: `logout_token=${await token()}` },
      { method: 'POST', contentType, body: true },
      { method: undefined, contentType, body: '' },
    ]) {
      const answer = await create(op, { unavailableStatus: 503 }).respond(request as never)
      expect(JSON.parse(answer.body)).toMatchObject({ error: 'invalid_request' })
    }
  })

  test('a value that is not a request gets an answer and does not throw', async () => {
    expect((await logout.respond(undefined as never)).status).toBe(400)
  })
})
