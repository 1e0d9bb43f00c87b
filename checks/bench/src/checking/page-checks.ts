import { createTestIssuer } from '@bcl/testing'
import { setTimeout } from 'node:timers/promises'
import type { Dispatcher } from 'undici'
import { startServer, type HttpServer } from '../servers/http-server.ts'
import { compareProcesses } from '../measure/measure.ts'
import { checkedPages, recheckAfter } from '../servers/pages.ts'
import type { Pair } from '../report/results.ts'
import type { Scale } from '../measure/scale.ts'

/**
 * Makes a function that checks each session once, before a burst and outside the measured time. The burst reuses these
 * "alive" answers. Real visitors also cause at most one query per session in `recheckAfter` seconds.
 */
function keepWarm(server: HttpServer): () => Promise<void> {
  let begunAt = -Infinity
  let endedAt = -Infinity
  return async () => {
    // Checks again only if the answers could expire during a burst, which takes less than two seconds.
    if (performance.now() < begunAt + 1000 * (recheckAfter - 2)) return
    // Waits until all answers have expired. Then each session is checked again.
    await setTimeout(Math.max(0, endedAt + 1000 * recheckAfter - performance.now()))
    begunAt = performance.now()
    await server.warm()
    endedAt = performance.now()
  }
}

/** Compares a page with the session check and the same page with an idle middleware. */
export async function measurePages(scale: Scale): Promise<Pair[]> {
  const { issuer, clientId, jwks } = await createTestIssuer()
  const trust = { issuer, clientId, jwks }
  process.env['BENCH_SESSIONS'] = String(scale.sessions)
  const requests = Array.from({ length: scale.pages }, (): Dispatcher.RequestOptions => ({ method: 'GET', path: '/' }))
  const rows: Pair[] = []
  for (const [framework, store] of checkedPages) {
    const name = `${framework}, ${store}`
    let reads = 0
    let checks = 0
    // Node.js needs some ten thousand pages to optimize a server.
    const beside = await compareProcesses({ ...scale, warmUps: 3 * scale.warmUps }, async () => {
      const [checked, idle] = await Promise.all([startServer(name, trust), startServer(`${framework}, idle`, trust)])
      const warm = store === 'in memory' ? async () => {} : keepWarm(checked)
      const measureChecked = async () => {
        await warm()
        const before = await checked.reads()
        const speed = await checked.measure(requests)
        reads += (await checked.reads()) - before
        checks += scale.pages
        return speed
      }
      const measures = [measureChecked, () => idle.measure(requests)]
      return { measures, end: () => Promise.all([checked.end(), idle.end()]) }
    })
    rows.push({ ...beside(name, 0, 1), store: { reads, checks } })
  }
  return rows
}
