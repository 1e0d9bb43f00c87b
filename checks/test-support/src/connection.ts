import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { expect, vi } from 'vitest'

/** Returns the head of an HTTP/1.1 request to the endpoint. */
export const head = (path: string, ...lines: string[]): string =>
  [
    `POST ${path} HTTP/1.1`,
    'host: app.example',
    'content-type: application/x-www-form-urlencoded',
    ...lines,
    '',
    '',
  ].join('\r\n')

/** A connection to an endpoint, and all data that it has received. */
interface Conversation {
  socket: Socket
  heard(): string
}

function open(port: number): Conversation {
  const socket = connect(port, '127.0.0.1')
  let text = ''
  socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  return { socket, heard: () => text }
}

/** Sends the end of a refused body. Then posts a token over the same connection, and expects the answer 200. */
async function expectNext({ socket, heard }: Conversation, rest: string, path: string, token: string): Promise<void> {
  const body = `logout_token=${token}`
  socket.write(`${rest}${head(path, `content-length: ${body.length}`, 'connection: close')}${body}`)
  await once(socket, 'close')
  expect(heard()).toMatch(/HTTP\/1\.1 200 OK\r\n/)
}

/** Sends 10 MB in chunks. Expects the answer 413 before the last chunk. The next request on the connection must work (RP-4). */
export async function expectRoomAfterLargeBody(port: number, path: string, token: string): Promise<void> {
  const conversation = open(port)
  const { socket, heard } = conversation
  socket.write(head(path, 'transfer-encoding: chunked'))
  const chunk = `10000\r\n${'A'.repeat(0x10000)}\r\n`
  socket.write(chunk.repeat(2))
  await once(socket, 'data')
  expect(heard()).toMatch(/^HTTP\/1\.1 413 /)
  for (let sent = 0; sent < 160; sent += 1) {
    if (!socket.write(chunk)) await once(socket, 'drain')
  }
  await expectNext(conversation, '0\r\n\r\n', path, token)
}

/** Sends a slow body that is also too large. Expects the answer 400. The next request on the connection must work. */
export async function expectRoomAfterSlowBody(port: number, path: string, token: string): Promise<void> {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const conversation = open(port)
  const { socket, heard } = conversation
  try {
    socket.write(`${head(path, 'content-length: 400000')}slow`)
    while (vi.getTimerCount() === 0) await new Promise((resolve) => setImmediate(resolve))
    vi.advanceTimersByTime(5000)
  } finally {
    vi.useRealTimers()
  }
  while (!heard().includes('HTTP/1.1 400')) await once(socket, 'data')
  await expectNext(conversation, 'x'.repeat(399_996), path, token)
}

/** Sends a request with a body of 300,000 bytes. Expects this status. The next request on the connection must work (RP-4). */
export async function expectRoomAfterBody(
  port: number,
  path: string,
  token: string,
  { status, method, lines }: { status: number; method: string; lines: string[] },
): Promise<void> {
  const conversation = open(port)
  const { socket, heard } = conversation
  const start = [`${method} ${path} HTTP/1.1`, 'host: app.example', ...lines, 'content-length: 300000', '', '']
  socket.write(start.join('\r\n') + 'x'.repeat(300_000))
  await once(socket, 'data')
  expect(heard()).toMatch(`HTTP/1.1 ${status} `)
  await expectNext(conversation, '', path, token)
}
