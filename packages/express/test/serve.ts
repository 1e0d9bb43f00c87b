import type { MountedAdapter } from '@bcl/testing'
import type { ErrorRequestHandler, Express } from 'express'
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Served extends MountedAdapter {
  port: number
  server: Server
  /** Errors that reached `next`. */
  errors: unknown[]
  close(): Promise<void>
}

/** Serves an application on loopback. */
export async function serve(app: Express): Promise<Served> {
  const errors: unknown[] = []
  const note: ErrorRequestHandler = (error, _request, _response, next) => {
    errors.push(error)
    next(error)
  }
  app.set('env', 'test') // Express prints no errors
  app.use(note)
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
