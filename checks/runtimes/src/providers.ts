import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { createTestProvider, type TestProvider } from '@bcl/testing'

export interface Providers {
  url: string
  get(name: string): TestProvider
  close(): Promise<unknown>
}

/** Serves one OpenID Provider per name. The name is the path of the provider. */
export async function serveProviders(names: readonly string[]): Promise<Providers> {
  const server: Server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const providers = new Map<string, TestProvider>()
  for (const name of names) providers.set(name, await createTestProvider({ issuer: `${url}/${name}` }))
  const answer = (request: Request): Response | Promise<Response> =>
    providers.get(new URL(request.url).pathname.split('/')[1]!)?.handle(request) ?? new Response(null, { status: 404 })
  server.on('request', getRequestListener(answer, { overrideGlobalObjects: false }))
  return {
    url,
    get: (name) => providers.get(name)!,
    close() {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(resolve))
    },
  }
}
