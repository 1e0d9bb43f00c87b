import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** A way to a server that can be cut, so that nothing comes through, or closed to all, as a server that ended. */
export interface Proxy {
  url: string
  /** Connections stay open, and new ones are taken. */
  cut(): void
  /** Connections are reset, and new ones refused. */
  refuse(): Promise<void>
  mend(): Promise<void>
  close(): Promise<void>
}

export async function startProxy(target: string, defaultPort: number): Promise<Proxy> {
  const url = new URL(target)
  const host = url.hostname
  const targetPort = Number(url.port || defaultPort)
  const pairs = new Set<readonly [Socket, Socket]>()
  let isCut = false
  const server = createServer((near) => {
    const far = connect(targetPort, host)
    const pair = [near, far] as const
    pairs.add(pair)
    for (const [from, to] of [pair, [far, near] as const]) {
      from.on('data', (bytes) => to.write(bytes))
      from.on('error', () => {})
      from.on('close', () => {
        to.destroy()
        pairs.delete(pair)
      })
      if (isCut) from.pause()
    }
  })
  const sockets = (): Socket[] => [...pairs].flat()
  const refuse = async (): Promise<void> => {
    server.close()
    for (const socket of sockets()) socket.resetAndDestroy()
    await once(server, 'close')
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  url.hostname = '127.0.0.1'
  url.port = String(port)
  return {
    url: url.href,
    cut() {
      isCut = true
      for (const socket of sockets()) socket.pause()
    },
    refuse,
    async mend() {
      isCut = false
      for (const socket of sockets()) socket.resume()
      if (server.listening) return
      server.listen(port, '127.0.0.1')
      await once(server, 'listening')
    },
    async close() {
      if (server.listening) await refuse()
    },
  }
}
