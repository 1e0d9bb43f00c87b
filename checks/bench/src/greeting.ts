import { createTestIssuer } from '@bcl/testing'
import type { Dispatcher } from 'undici'
import { connections, startServer } from './http-server.ts'
import { compare } from './measure.ts'
import type { Scale } from './scale.ts'
import { compared, type Section } from './table.ts'

const kinds = [
  ['checked in memory', 'at least 0.95'],
  ['checked in Redis', 'at least 0.90'],
  ['an idle middleware', ''],
] as const

/** What `activeSession` costs a page that does nothing else. */
export async function measureGreeting({ rounds, pages }: Scale): Promise<Section> {
  const { issuer, clientId, jwks } = await createTestIssuer()
  const requests = Array.from({ length: pages }, (): Dispatcher.RequestOptions => ({ method: 'GET', path: '/' }))
  const rows = []
  for (const framework of ['Hono', 'Koa']) {
    const names = [...kinds.map(([kind]) => kind), 'not checked'].map((kind) => `${framework}, ${kind}`)
    const servers = await Promise.all(names.map((name) => startServer(name, { issuer, clientId, jwks })))
    const { beside } = await compare(
      rounds,
      servers.map((server) => () => server.measure(requests)),
    )
    await Promise.all(servers.map((server) => server.end()))
    rows.push(...kinds.map(([, wanted], index) => compared(names[index]!, beside(index, kinds.length), wanted)))
  }
  return {
    title: 'A page with the check before it',
    note: `\`activeSession\` before a route that says hello, of 1,000 sessions that take turns, from a second process over ${connections} connections that stay open. Redis by node-redis with its client-side cache. The idle middleware calls next and does nothing else. Processor time is the server's.`,
    columns: ['checked', 'not checked'],
    rows,
  }
}
