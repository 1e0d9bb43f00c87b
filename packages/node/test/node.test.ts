import { createBackchannelLogout, MemoryStore, type BackchannelLogout, type LogoutDelivery } from '@bcl/core'
import { backchannelLogout, readBody, respondTo, sendResponse } from '@bcl/node'
import { createTestIssuer } from '@bcl/testing'
import { expectRoomAfterLargeBody, expectRoomAfterSlowBody, head } from '@bcl-checks/test-support/connection'
import { callNodeRequestHandler } from 'node-mock-http'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { serve } from './serve.js'

const path = '/backchannel-logout'
const op = await createTestIssuer()
const create = (onDelivery?: (delivery: LogoutDelivery) => void): BackchannelLogout =>
  createBackchannelLogout({ issuers: [op.trusted], sessionMaxAge: 3600, store: new MemoryStore(), onDelivery })
const form = async (): Promise<RequestInit> => ({
  method: 'POST',
  headers: { 'content-type': 'application/x-www-form-urlencoded' },
  body: `logout_token=${await op.logoutToken()}`,
})

describe('backchannelLogout', () => {
  test('T-5: a success is answered 200 with content-length 0', async () => {
    const app = await serve(backchannelLogout(create()))
    const response = await app.fetch(path, await form())
    expect([response.status, response.headers.get('content-length'), await response.text()]).toEqual([200, '0', ''])
    await app.close()
  })

  test.each<[string, (request: IncomingMessage) => unknown]>([
    ['read the body to the end', (request) => text(request)],
    ['discarded the body', (request) => once(request.resume(), 'end')],
    ['read the body and destroyed the request', async (request) => (await text(request), request.destroy())],
    [
      'put the body behind a getter that throws',
      async (request) => {
        await text(request)
        Object.defineProperty(request, 'body', {
          get() {
            throw new Error('the body cannot be parsed')
          },
        })
      },
    ],
    [
      'read the body and kept an empty object',
      async (request) => (await text(request), Object.assign(request, { body: {} })),
    ],
  ])('T-3: answers 400 and does not hang if a middleware %s', async (_, middleware) => {
    const endpoint = backchannelLogout(create())
    const app = await serve(async (request, response) => {
      await middleware(request)
      await endpoint(request, response)
    })
    expect((await app.fetch(path, await form())).status).toBe(400)
    const { headers } = await form()
    expect((await app.fetch(path, { method: 'POST', headers: headers!, body: '' })).status).toBe(400)
    await app.close()
  })

  // On AWS Lambda, Netlify, Cloudflare and Bun, Nitro (Nuxt) makes such requests.
  test.each<[string, (body: string) => unknown]>([
    ['text', (body) => body],
    ['a Buffer', (body) => Buffer.from(body)],
    ['an ArrayBuffer', (body) => new TextEncoder().encode(body).buffer],
    ['a Web stream', (body) => new Response(body).body],
  ])('T-3: reads the body of a request that node-mock-http makes, as %s', async (_, convert) => {
    // The types of node-mock-http lack new members of `node:http`.
    const endpoint = backchannelLogout(create()) as never
    const { headers, method, body } = await form()
    const post = async (text: string) =>
      callNodeRequestHandler(endpoint, { url: path, method, headers, body: convert(text) } as never)
    expect((await post(body as string)).status).toBe(200)
    expect((await post('logout_token=wrong')).status).toBe(400)
  })

  test('reads the body if a middleware has paused the stream', async () => {
    const endpoint = backchannelLogout(create())
    const app = await serve((request, response) => endpoint(request.pause(), response))
    expect((await app.fetch(path, await form())).status).toBe(200)
    await app.close()
  })

  test('asks for the body if the client waits for 100 Continue', async () => {
    const app = await serve(backchannelLogout(create()))
    const body = `logout_token=${await op.logoutToken()}`
    const socket = connect(app.port, '127.0.0.1')
    socket.write(head(path, `content-length: ${body.length}`, 'expect: 100-continue', 'connection: close'))
    const [interim] = (await once(socket, 'data')) as [Buffer]
    expect(String(interim)).toBe('HTTP/1.1 100 Continue\r\n\r\n')
    socket.write(body)
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    await app.close()
  })

  test('if the connection closes during the body, the request is refused, and the record has the cause', async () => {
    const { promise, resolve } = Promise.withResolvers<LogoutDelivery>()
    const app = await serve(backchannelLogout(create(resolve)))
    const socket = connect(app.port, '127.0.0.1')
    socket.write(head(path, 'content-length: 1000') + 'logout_token=half')
    await once(app.server, 'request')
    socket.destroy()
    expect(await promise).toMatchObject({
      outcome: 'refused',
      code: 'ERR_LOGOUT_REQUEST_INVALID',
      error: { cause: { code: 'ECONNRESET' } },
    })
    expect((await app.fetch(path, await form())).status).toBe(200)
    await app.close()
  })

  test('RP-4: answers 413 while 10 MB arrive in chunks, and the connection stays usable', async () => {
    const app = await serve(backchannelLogout(create()))
    await expectRoomAfterLargeBody(app.port, path, await op.logoutToken())
    await app.close()
  })

  test('RP-4: after a body that was too slow and too large, the connection serves the next request', async () => {
    const app = await serve(backchannelLogout(create()))
    await expectRoomAfterSlowBody(app.port, path, await op.logoutToken())
    await app.close()
  })

  test('a body that is refused before it is read does not block the connection', async () => {
    const app = await serve(backchannelLogout(create()))
    const socket = connect(app.port, '127.0.0.1')
    const large = 'x'.repeat(1_000_000)
    socket.write(head(path, `content-length: ${large.length}`).replace('POST', 'PUT') + large)
    const body = `logout_token=${await op.logoutToken()}`
    socket.write(head(path, `content-length: ${body.length}`, 'connection: close') + body)
    const heard = await text(socket)
    expect(heard).toMatch(/^HTTP\/1\.1 405 /)
    expect(heard).toContain('HTTP/1.1 200 OK\r\n')
    await app.close()
  })

  test('does nothing if another handler has already answered', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const logout = create()
    const endpoint = backchannelLogout(logout)
    const app = await serve((request, response) => {
      endpoint(request, response).then(resolve, resolve)
      response.writeHead(504).end()
    })
    expect((await app.fetch(path, await form())).status).toBe(504)
    expect(await promise).toBe(undefined)
    await app.close()
  })

  test('keeps the headers that a middleware has set', async () => {
    const endpoint = backchannelLogout(create())
    const app = await serve((request, response) => {
      response.setHeader('x-frame-options', 'DENY').setHeader('cache-control', 'max-age=60')
      void endpoint(request, response)
    })
    const { headers } = await app.fetch(path, {})
    expect([headers.get('x-frame-options'), headers.get('cache-control')]).toEqual(['DENY', 'no-store'])
    await app.close()
  })
})

describe('respondTo and sendResponse', () => {
  test('the receiver can be any object with respond, and gets the Authorization header', async () => {
    const app = await serve(async (request, response) => {
      const answer = await respondTo(
        {
          respond: async ({ method, contentType, authorization, body }) => ({
            status: 202,
            headers: { 'content-type': 'text/plain' },
            body: `${method} ${contentType} ${authorization} ${await (body as ReturnType<typeof readBody>)(10)} é`,
          }),
        },
        request,
      )
      sendResponse(response, answer)
    })
    const headers = { 'content-type': 'application/secevent+jwt', authorization: 'Bearer secret' }
    const response = await app.fetch(path, { method: 'POST', headers, body: 'a.b.c' })
    expect(response.status).toBe(202)
    expect(await response.text()).toBe('POST application/secevent+jwt Bearer secret a.b.c é')
    await app.close()
  })

  test("if both requests have a body, the body of the framework's request is used", async () => {
    const app = await serve(async (request, response) => {
      const found = text(request).then((body) => ({ body }))
      Object.assign(request, { body: 'x=1' })
      sendResponse(response, await respondTo(create(), request, await found))
    })
    expect((await app.fetch(path, await form())).status).toBe(200)
    await app.close()
  })
})

describe('readBody', () => {
  const read = async (limit: number, ...chunks: (string | Buffer)[]): Promise<string | undefined> => {
    const stream = new PassThrough()
    for (const chunk of chunks) stream.write(chunk)
    stream.end()
    return readBody(stream)(limit)
  }

  test('joins the bytes before it decodes them', async () => {
    const bytes = Buffer.from('aé')
    expect(await read(3, bytes.subarray(0, 2), bytes.subarray(2))).toBe('aé')
    expect(await read(3)).toBe('')
  })

  test('counts bytes, and resolves to undefined above the limit', async () => {
    expect(await read(2, 'é')).toBe('é')
    expect(await read(1, 'é')).toBe(undefined)
    const stream = new PassThrough({ encoding: 'utf8' })
    stream.end('é')
    expect(await readBody(stream)(1)).toBe(undefined)
  })

  test('resolves as soon as the limit is passed, and discards the rest', async () => {
    const stream = new PassThrough({ highWaterMark: 1 })
    stream.write('four')
    expect(await readBody(stream)(3)).toBe(undefined)
    stream.end('x'.repeat(100_000))
    await once(stream, 'end')
  })

  test('RP-4: does not keep the chunks, because a chunk of one byte takes a hundred times its size', async () => {
    const stream = new PassThrough()
    const reading = readBody(stream)(100)
    const chunks: WeakRef<Buffer>[] = []
    for (let index = 0; index < 100; index += 1) {
      const chunk = Buffer.alloc(1, 'a')
      chunks.push(new WeakRef(chunk))
      stream.write(chunk)
      await setImmediate()
    }
    setFlagsFromString('--expose-gc')
    ;(runInNewContext('gc') as () => void)()
    expect(chunks.filter((chunk) => chunk.deref()).length).toBeLessThan(5)
    stream.end()
    expect(await reading).toBe('a'.repeat(100))
  })

  test.each<[string, number, (stream: PassThrough) => unknown]>([
    ['the client stops in the middle of its body', 100_000, () => vi.advanceTimersByTimeAsync(6000)],
    ['the body is longer than the limit', 60_000, (stream) => stream.write(Buffer.alloc(1))],
  ])('RP-4: keeps no bytes after it has settled, if %s', async (_, limit, settle) => {
    const buffers: WeakRef<object>[] = []
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    vi.stubGlobal(
      'Uint8Array',
      class extends Uint8Array {
        constructor(...given: [never]) {
          super(...given)
          if (Number(given[0]) > 0) buffers.push(new WeakRef(this))
        }
      },
    )
    onTestFinished(() => {
      vi.useRealTimers()
      vi.unstubAllGlobals()
    })
    const stream = new PassThrough()
    const outcome = readBody(stream)(limit).catch((error: Error) => error.message)
    stream.write(Buffer.alloc(60_000))
    await setImmediate()
    await settle(stream)
    expect([undefined, 'the body took over 6 s']).toContain(await outcome)
    await setImmediate()
    stream.write(Buffer.alloc(1000))
    await setImmediate()
    setFlagsFromString('--expose-gc')
    ;(runInNewContext('gc') as () => void)()
    expect(buffers.length).toBeGreaterThan(0)
    expect(buffers.filter((buffer) => buffer.deref())).toEqual([])
    stream.end()
    await once(stream, 'end')
  })

  test('rejects with the error of the stream, even if the error comes later', async () => {
    const stream = new PassThrough()
    const error = new Error('broken')
    const reading = readBody(stream)(10)
    stream.destroy(error)
    await expect(reading).rejects.toBe(error)
    stream.emit('error', error)
  })

  test('rejects if the stream is closed early or has been read before', async () => {
    const closed = new PassThrough()
    const reading = readBody(closed)(10)
    closed.destroy()
    await expect(reading).rejects.toThrow('closed')
    await expect(readBody(closed)(10)).rejects.toThrow('before')
    const ended = new PassThrough()
    ended.end('x')
    await text(ended)
    await expect(readBody(ended)(10)).rejects.toThrow('before')
  })
})

test('the answer is sent even if writeHead returns nothing, as on serverless platforms', () => {
  const calls: unknown[] = []
  const response = {
    headersSent: false,
    writeHead: (...args: unknown[]) => void calls.push(args),
    end: (body: string) => calls.push(body),
  } as unknown as ServerResponse
  sendResponse(response, { status: 200, headers: { 'cache-control': 'no-store' }, body: '' })
  expect(calls).toEqual([[200, { 'cache-control': 'no-store', 'content-length': 0 }], ''])
})
