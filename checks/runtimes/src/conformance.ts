import { runConformance, type ConformanceResult } from '@bcl/testing'
import type { Outcome } from './cases/case.ts'
import { serveProviders } from './providers.ts'
import type { Runtime } from './runtimes.ts'

/** The results of the conformance cases at one application. */
export interface Conformance {
  passed: number
  failed: Outcome[]
  notRun: Outcome[]
}

function conformanceOf(results: readonly ConformanceResult[]): Conformance {
  const outcomes = (wanted: ConformanceResult['outcome']): Outcome[] =>
    results.filter(({ outcome }) => outcome === wanted).map(({ id, got }) => ({ name: id, message: got }))
  return { passed: outcomes('passed').length, failed: outcomes('failed'), notRun: outcomes('skipped') }
}

/**
 * Runs the conformance cases against each application on a runtime. All applications are checked at the same time, because most
 * cases only wait for the next second.
 */
export async function certify({ applications, serve }: Runtime): Promise<Map<string, Conformance>> {
  const providers = await serveProviders(applications)
  const { ports, stop } = await serve(providers.url)
  try {
    const run = async (name: string): Promise<[string, Conformance]> => {
      const url = `http://127.0.0.1:${ports.get(name)}`
      const results = await runConformance(fetch, {
        provider: providers.get(name),
        endpoint: `${url}/backchannel-logout`,
        signIn: { login: `${url}/login`, me: `${url}/me` },
      })
      return [name, conformanceOf(results)]
    }
    return new Map(await Promise.all(applications.map(run)))
  } finally {
    await stop()
    await providers.close()
  }
}
