import { createTestProvider } from '@bcl/testing'
import { getRequestListener } from '@hono/node-server'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Dispatcher } from 'undici'
import { connections, startServer } from './http-server.ts'
import { compare } from './measure.ts'
import type { Scale } from './scale.ts'
import { compared, type Row, type Section } from './table.ts'
import { signTokens } from './tokens.ts'

const frameworks = ['Hono', 'Koa', 'Nest/Fastify', 'Nest/Express']
const other = 'express-openid-connect'

const post = (token: string): Dispatcher.RequestOptions => ({
  method: 'POST',
  path: '/backchannel-logout',
  headers: { 'content-type': 'application/x-www-form-urlencoded' },
  body: `logout_token=${token}`,
})

/** The endpoint over HTTP, beside bare routes of the same frameworks, and another library. */
export async function measureEndpoint({ rounds, tokens }: Scale): Promise<Section> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const provider = await createTestProvider({ issuer })
  server.on(
    'request',
    getRequestListener((request) => provider.handle(request), { overrideGlobalObjects: false }),
  )
  const { clientId, jwks } = provider.op
  const names = [...frameworks.flatMap((name) => [`${name}, ours`, `${name}, bare`]), other]
  const servers = await Promise.all(names.map((name) => startServer(name, { issuer, clientId, jwks })))
  let requests: Dispatcher.RequestOptions[] = []
  let turn = 0
  // The same tokens for all contenders of a round, each of which has not seen them; fresh ones in the next.
  const measures = servers.map((one) => async () => {
    if (turn % servers.length === 0) requests = (await signTokens(provider.op, tokens)).map(post)
    turn += 1
    return one.measure(requests)
  })
  const { beside } = await compare(rounds, measures)
  await Promise.all(servers.map((one) => one.end()))
  server.closeAllConnections()
  server.close()

  const row = (ours: number, peer: number, wanted: string): Row => {
    const name = ours % 2 === 0 ? frameworks[ours / 2] : `A bare route of ${frameworks[(ours - 1) / 2]}`
    return compared(`${name} beside ${names[peer] === other ? other : 'its bare route'}`, beside(ours, peer), wanted)
  }
  return {
    title: 'The endpoint over HTTP',
    note: `Fresh RS256 tokens from a second process, over ${connections} connections that stay open, with a \`MemoryStore\`. A bare route does nothing but \`jwtVerify\`, as above, behind the framework's usual body parser; express-openid-connect has its own back-channel logout with a store in memory. Processor time is the server's.`,
    columns: ['ours', 'peer'],
    rows: [
      ...frameworks.map((_, index) => row(2 * index, 2 * index + 1, 'at least 0.90')),
      ...frameworks.map((_, index) => row(2 * index, names.length - 1, 'at least 1.50')),
      // What there is to reach.
      ...frameworks.map((_, index) => row(2 * index + 1, names.length - 1, '')),
    ],
  }
}
