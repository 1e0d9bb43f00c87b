import { createTestProvider, type TestProvider } from '@bcl/testing'
import { getRequestListener } from '@hono/node-server'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Dispatcher } from 'undici'
import type { Trust } from '../servers/http-applications.ts'
import { startExample, startServer, type HttpServer } from '../servers/http-server.ts'
import { compareProcesses } from '../measure/measure.ts'
import type { Pair } from '../report/results.ts'
import type { Scale } from '../measure/scale.ts'
import { signTokens } from '../measure/tokens.ts'

const frameworks = ['Hono', 'Koa', 'Express', 'NestJS on Express', 'Fastify', 'NestJS on Fastify']
const examples = ['hono', 'koa', 'nestjs', 'express', 'fastify']

const post = (token: string): Dispatcher.RequestOptions => ({
  method: 'POST',
  path: '/backchannel-logout',
  headers: { 'content-type': 'application/x-www-form-urlencoded' },
  body: `logout_token=${token}`,
})

/** Serves the provider over HTTP, because the peer and the examples fetch keys by discovery. */
async function startProvider(): Promise<{ provider: TestProvider; trust: Trust; end: () => void }> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const provider = await createTestProvider({ issuer })
  server.on(
    'request',
    getRequestListener((request) => provider.handle(request), { overrideGlobalObjects: false }),
  )
  const { clientId, jwks } = provider.op
  return {
    provider,
    trust: { issuer, clientId, jwks },
    end() {
      server.closeAllConnections()
      server.close()
    },
  }
}

/** Compares each application with the peer. In each round, both get the same new tokens. */
async function measureBesidePeer(
  names: readonly string[],
  start: (name: string, trust: Trust) => Promise<HttpServer>,
  scale: Scale,
): Promise<Pair[]> {
  const { provider, trust, end } = await startProvider()
  const bursts: Dispatcher.RequestOptions[][] = []
  for (let round = 0; round < scale.rounds / scale.processes + scale.warmUps; round += 1) {
    const tokens = await signTokens(provider.op, scale.tokens, () => ({ exp: provider.op.now() + 3600 }))
    bursts.push(tokens.map(post))
  }
  const rows: Pair[] = []
  for (const name of names) {
    const beside = await compareProcesses(scale, async () => {
      const servers = await Promise.all([start(name, trust), startServer('express-openid-connect', trust)])
      const measures = servers.map((server, index) => {
        let round = 0
        // The peer answers a logout with 204.
        return () => server.measure(bursts[round++]!, index === 0 ? 200 : 204)
      })
      return { measures, end: () => Promise.all(servers.map((server) => server.end())) }
    })
    rows.push(beside(name, 0, 1))
  }
  end()
  return rows
}

/** Compares the endpoint of each framework with express-openid-connect. */
export const measureEndpoint = (scale: Scale): Promise<Pair[]> => measureBesidePeer(frameworks, startServer, scale)

/** Compares the example applications with express-openid-connect. */
export const measureExamples = (scale: Scale): Promise<Pair[]> => measureBesidePeer(examples, startExample, scale)
