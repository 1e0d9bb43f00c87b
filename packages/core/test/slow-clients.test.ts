import { BackchannelLogoutError, type LogoutDelivery } from '@bcl/core'
import { createTestIssuer } from '@bcl/testing'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { create } from './support.js'

const op = await createTestIssuer({ alg: 'ES256' })
const deliveries: LogoutDelivery[] = []
const logout = create(op, { onDelivery: (delivery) => deliveries.push(delivery) })

// A plain Node.js server without time-outs.
const server = createServer(
  { requestTimeout: 0, headersTimeout: 0, keepAliveTimeout: 0 },
  async (request, response) => {
    const { method = '', headers } = request
    const answer = await logout.respond({ method, contentType: headers['content-type'], body: request })
    response.writeHead(answer.status, answer.headers).end(answer.body)
  },
)
server.listen({ port: 0, host: '127.0.0.1', backlog: 2048 })
await once(server, 'listening')
const { port } = server.address() as AddressInfo
const sockets: Socket[] = []
const unhandled: unknown[] = []
const note = (error: unknown): void => void unhandled.push(error)
process.on('unhandledRejection', note)

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy()
  expect(unhandled).toEqual([])
})
afterAll(() => {
  process.off('unhandledRejection', note)
  server.closeAllConnections()
  server.close()
})

const tokenForm = async (): Promise<string> => `logout_token=${await op.logoutToken()}`
const head = (...lines: string[]): string =>
  [
    'POST /backchannel-logout HTTP/1.1',
    'host: rp.example.com',
    'content-type: application/x-www-form-urlencoded',
    ...lines,
    '',
    '',
  ].join('\r\n')

/** Connects a client, which sends `says`. */
async function client(says = ''): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  sockets.push(socket)
  await once(socket, 'connect')
  socket.write(says)
  return socket
}

/** Returns the status of the answer, or "closed". */
async function answerTo(socket: Socket): Promise<string> {
  let text = ''
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    text += String(chunk)
    if (text.includes('\r\n\r\n')) return text.split(' ')[1]!
  }
  return 'closed'
}

/** Sends ten correct requests, and returns the different statuses of the answers. */
async function statusesOfOthers(): Promise<number[]> {
  const statuses: number[] = []
  for (let times = 0; times < 10; times += 1) {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const url = `http://127.0.0.1:${port}/backchannel-logout`
    const { status } = await fetch(url, { method: 'POST', headers, body: await tokenForm() })
    statuses.push(status)
  }
  return [...new Set(statuses)]
}

const many = <T>(count: number, make: () => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, make))

describe('RP-35, RP-39: the endpoint keeps answering other requests', () => {
  test('while a thousand connections are idle', async () => {
    await many(1000, () => client())
    expect(await statusesOfOthers()).toEqual([200])
  })

  test('while 200 clients have sent half of their headers', async () => {
    await many(200, () => client(head('content-length: 500').slice(0, -9)))
    expect(await statusesOfOthers()).toEqual([200])
  })

  test('while 200 clients have sent only half of their body. These clients are refused after the time-out', async () => {
    const form = await tokenForm()
    const slow = await many(200, () => client(head(`content-length: ${form.length}`) + form.slice(0, 300)))
    expect(await statusesOfOthers()).toEqual([200])
    expect(new Set(await Promise.all(slow.map(answerTo)))).toEqual(new Set(['400']))
    expect(await statusesOfOthers()).toEqual([200])
  })

  test('while 50 clients send their body very slowly. These clients are refused after the time-out', async () => {
    const form = await tokenForm()
    const slow = await many(50, () => client(head(`content-length: ${form.length}`)))
    const answers = Promise.all(slow.map(answerTo))
    let isOver = false
    const drip = async (): Promise<void> => {
      for (let sent = 0; !isOver && sent < form.length - 1; sent += 1) {
        for (const socket of slow) socket.write(form[sent]!)
        await delay(50)
      }
    }
    const dripping = drip()
    expect(await statusesOfOthers()).toEqual([200])
    expect(new Set(await answers)).toEqual(new Set(['400']))
    isOver = true
    await dripping
    expect(await statusesOfOthers()).toEqual([200])
  })

  test('when 200 clients disconnect during their body. This is not reported as an outage', async () => {
    const form = await tokenForm()
    deliveries.length = 0
    const closed = many(200, async () => {
      const socket = await client(head(`content-length: ${form.length}`))
      socket.write(form.slice(0, 300), () => socket.resetAndDestroy())
      await once(socket, 'close')
    })
    expect(await statusesOfOthers()).toEqual([200])
    await closed
    const refused = () => deliveries.filter(({ outcome }) => outcome === 'refused')
    await expect.poll(() => refused().length).toBe(200)
    expect(new Set(refused().map(({ code }) => code))).toEqual(new Set(['ERR_LOGOUT_REQUEST_INVALID']))
    expect(refused().every(({ error }) => error instanceof BackchannelLogoutError)).toBe(true)
  })

  test('while 200 clients do not read their answers', async () => {
    const form = await tokenForm()
    const says = head(`content-length: ${form.length}`) + form
    await many(200, async () => (await client(says.repeat(5))).pause())
    expect(await statusesOfOthers()).toEqual([200])
  })
})

describe('RP-4: a body that differs from its headers', () => {
  test.each<[string, (form: string) => string, string]>([
    ['longer than its content-length', (form) => head('content-length: 200') + form, '400'],
    ['with content-length 0', (form) => head('content-length: 0') + form, '400'],
    ['with a content-length that is not a number', (form) => head('content-length: all') + form, '400'],
    ['with two content-lengths', (form) => head(`content-length: ${form.length}`, 'content-length: 5') + form, '400'],
    [
      'with a content-length and chunked encoding',
      (form) => head('content-length: 5', 'transfer-encoding: chunked') + form,
      '400',
    ],
    ['with chunked encoding but without chunks', (form) => head('transfer-encoding: chunked') + form, '400'],
    [
      'with a content-length over 64 KiB, and never sent completely',
      () => head('content-length: 10000000') + 'x'.repeat(65_537),
      '413',
    ],
    [
      'in endless chunks, over 64 KiB',
      () => `${head('transfer-encoding: chunked')}fffff\r\n${'x'.repeat(65_537)}`,
      '413',
    ],
  ])('%s is refused, and other requests are answered', async (_, says, status) => {
    const socket = await client(says(await tokenForm()))
    expect(await answerTo(socket)).toBe(status)
    expect(await statusesOfOthers()).toEqual([200])
  })

  test('a body in chunks of one byte is accepted', async () => {
    const chunks = [...(await tokenForm()), ''].map((byte) => `${byte.length}\r\n${byte}\r\n`).join('')
    expect(await answerTo(await client(head('transfer-encoding: chunked') + chunks))).toBe('200')
  })
})
