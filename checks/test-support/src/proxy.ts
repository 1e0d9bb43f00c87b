import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** A way to a server that can be cut: then connections stay open, new ones are taken, and nothing comes through. */
export interface Proxy {
  /** That of the server, but for the port. */
  url: string
  /** How many connections there are. */
  count(): number
  /** @param connections Only so many, the oldest. */
  cut(connections?: number): void
  /** What is asked comes through, what is answered does not. */
  hold(): void
  /** Nothing comes any more through the connections that there are, and nobody is told; new ones work. */
  lose(): void
  mend(): void
  /** Closes the connections that there are, as a server does that restarts. New connections work. */
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
