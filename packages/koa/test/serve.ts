import type { MountedAdapter } from '@bcl/testing'
import type Koa from 'koa'
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Served extends MountedAdapter {
  port: number
  server: Server
  /** Errors that reached `app.on('error')`. */
  errors: unknown[]
  close(): Promise<void>
}

/** Serves an application on loopback. */
export async function serve(app: Koa): Promise<Served> {
  const errors: unknown[] = []
  app.on('error', (error) => errors.push(error))
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    port,
    server,
    errors,
    fetch: (path, init) => fetch(`http://127.0.0.1:${port}${path}`, { redirect: 'manual', ...init }),
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
