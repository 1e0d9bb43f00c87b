import type { MountedAdapter } from '@bcl/testing'
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Served extends MountedAdapter {
  port: number
  server: Server
  close(): Promise<void>
}

/** Serves a function on loopback. */
export async function serve(listener: RequestListener): Promise<Served> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    port,
    server,
    fetch: (path, init) => fetch(`http://127.0.0.1:${port}${path}`, init),
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
