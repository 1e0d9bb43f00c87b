import { createTestIssuer } from '@bcl/testing'
import type { Dispatcher } from 'undici'
import { startServer } from './http-server.ts'
import { compare } from './measure.ts'
import { checkedPages } from './pages.ts'
import type { Pair } from './results.ts'
import type { Scale } from './scale.ts'

/** Compares a page with the session check and the same page with an idle middleware. */
export async function measurePages(scale: Scale): Promise<Pair[]> {
  const { issuer, clientId, jwks } = await createTestIssuer()
  const trust = { issuer, clientId, jwks }
  process.env['BENCH_SESSIONS'] = String(scale.sessions)
  const requests = Array.from({ length: scale.pages }, (): Dispatcher.RequestOptions => ({ method: 'GET', path: '/' }))
  const rows: Pair[] = []
  for (const [framework, store] of checkedPages) {
    const name = `${framework}, ${store}`
    const [checked, idle] = await Promise.all([startServer(name, trust), startServer(`${framework}, idle`, trust)])
    // In the first burst, each session is new, so each check reads the store.
    const first = Array.from({ length: 3 * scale.sessions }, () => requests[0]!)
    await checked.measure(first)
    await idle.measure(first)
    const before = await checked.reads()
    const beside = await compare(scale, [() => checked.measure(requests), () => idle.measure(requests)])
    const checks = scale.pages * (scale.rounds + scale.warmUps)
    rows.push({ ...beside(name, 0, 1), store: { reads: (await checked.reads()) - before, checks } })
    await Promise.all([checked.end(), idle.end()])
  }
  return rows
}
