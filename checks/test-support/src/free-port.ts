import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

/** The ports that this process has returned. A program may need some seconds before it listens on its port. */
const returned = new Set<number>()

/**
 * Returns a free loopback port, and returns each port only once. The port is below the range from which the system assigns ports.
 * So no connection and no other program gets the port before the caller uses it.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 32_768)
    if (returned.has(port)) continue
    const server = createServer().listen(port, '127.0.0.1')
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    )
    server.close()
    if (!isFree) continue
    returned.add(port)
    return port
  }
}
