import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** A way to a server that can be cut: then connections stay open, new ones are taken, and nothing comes through. */
export interface Proxy {
  url: string
  /** How many connections there are. */
  count(): number
  /** @param connections Only so many, the oldest. */
  cut(connections?: number): void
  /** What is asked comes through, what is answered does not. */
  hold(): void
  mend(): void
  close(): Promise<void>
}

export async function startProxy(target: string): Promise<Proxy> {
  const { hostname, port } = new URL(target)
  const pairs = new Set<readonly [Socket, Socket]>()
  let isCut = false
  const server = createServer((near) => {
    const far = connect(Number(port), hostname)
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
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    count: () => pairs.size,
    cut(connections = Infinity) {
      isCut = connections === Infinity
      for (const socket of [...pairs].slice(0, connections).flat()) socket.pause()
    },
    hold() {
      for (const [, far] of pairs) far.pause()
    },
    mend() {
      isCut = false
      for (const socket of [...pairs].flat()) socket.resume()
    },
    async close() {
      server.close()
      for (const socket of [...pairs].flat()) socket.destroy()
      await once(server, 'close')
    },
  }
}
