import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * Returns different free loopback ports. The ports are below the range from which the system assigns ports. So no other process
 * gets them before the caller uses them.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>()
  while (ports.size < count) {
    const port = randomInt(10_000, 32_768)
    if (await isFree(port)) ports.add(port)
  }
  return [...ports]
}

/** Tells whether a server can listen on a loopback port. */
export async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
    return true
  } catch {
    return false
  } finally {
    server.close()
  }
}
