import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** A proxy to a server. After `cut` of all connections, it still accepts connections, but forwards nothing. */
export interface Proxy {
  /** The URL of the server, with the port of the proxy. */
  url: string
  /** The number of connections. */
  count(): number
  /** @param connections The number of connections to cut. The oldest are cut first. @default all */
  cut(connections?: number): void
  /** Forwards requests, but no replies. */
  hold(): void
  /** Stops forwarding on the current connections, and does not close them. New connections work. */
  lose(): void
  /** Ends `cut` and `hold`. */
  mend(): void
  /** Closes the current connections, like a restart of the server. New connections work. */
  drop(): void
  close(): Promise<void>
}

export async function startProxy(target: string): Promise<Proxy> {
  const url = new URL(target)
  const [host, targetPort] = [url.hostname, Number(url.port)]
  const pairs = new Set<readonly [near: Socket, far: Socket]>()
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
  const sockets = (connections = Infinity): Socket[] => [...pairs].slice(0, connections).flat()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  url.port = String((server.address() as AddressInfo).port)
  return {
    url: url.href,
    count: () => pairs.size,
    cut(connections = Infinity) {
      isCut = connections === Infinity
      for (const socket of sockets(connections)) socket.pause()
    },
    hold() {
      for (const [, far] of pairs) far.pause()
    },
    lose() {
      for (const socket of sockets()) socket.pause().removeAllListeners('data')
    },
    mend() {
      isCut = false
      for (const socket of sockets()) socket.resume()
    },
    drop() {
      for (const socket of sockets()) socket.resetAndDestroy()
    },
    async close() {
      server.close()
      for (const socket of sockets()) socket.destroy()
      await once(server, 'close')
    },
  }
}
