import type { MountedAdapter } from '@bcl/testing'
import type { FastifyInstance } from 'fastify'
import type { AddressInfo } from 'node:net'

export interface Served extends MountedAdapter {
  port: number
  /** Errors of hooks and handlers. */
  errors: unknown[]
  close(): Promise<void>
}

/** Serves an application on loopback. */
export async function serve(app: FastifyInstance): Promise<Served> {
  const errors: unknown[] = []
  app.addHook('onError', async (_request, _reply, error) => {
    errors.push(error)
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  return {
    port,
    errors,
    fetch: (path, init) => fetch(`http://127.0.0.1:${port}${path}`, { redirect: 'manual', ...init }),
    async close() {
      app.server.closeAllConnections()
      await app.close()
    },
  }
}
