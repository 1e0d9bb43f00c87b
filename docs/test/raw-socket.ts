// A client for WebSockets that can break the rules, for example ignore a close.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** Asks for a WebSocket, and resolves to the connection when the first bytes of the answer have arrived. */
export async function upgradeByHand(address: string, ...more: string[]): Promise<Socket> {
  const { port, pathname } = new URL(`ws://${address}`)
  const socket = connect({ port: Number(port), host: '127.0.0.1', allowHalfOpen: true })
  const headers = ['Host: x', 'Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13', ...more]
  socket.write(
    `GET ${pathname} HTTP/1.1\r\n${headers.join('\r\n')}\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
  )
  await once(socket, 'data')
  return socket
}

/** A frame with a short text. All four bytes of the mask are 0. */
export const frameOf = (text: string): Buffer =>
  Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)])
