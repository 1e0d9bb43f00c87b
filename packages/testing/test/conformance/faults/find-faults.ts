import { runConformance } from '@bcl/testing'
import { expect, test } from 'vitest'
import type { Faults } from './fault-tools.ts'
import { contract, endpoint } from '../application.ts'
import { createRelyingParty } from './relying-party.ts'

const minute = 60_000

export const isListed = (ids: readonly (string | RegExp)[], id: string): boolean =>
  ids.some((pattern) => (typeof pattern === 'string' ? pattern === id : pattern.test(id)))

/** For each fault, runs all cases against an application with this fault. Expects that exactly the listed cases fail or are skipped. */
export function findFaults(faults: Faults): void {
  test.each(Object.entries(faults))('finds an application that %s', { timeout: minute }, async (_, row) => {
    const { fault, failing, skipped = [] } = row
    const { provider, fetch, nextSecond } = await createRelyingParty(fault())
    const results = await runConformance(fetch, { provider, endpoint, signIn: contract, nextSecond })
    const all = results.map(({ id }) => id)
    for (const id of failing) if (typeof id === 'string') expect(all).toContain(id)
    const idsOf = (wanted: string): string[] => results.filter(({ outcome }) => outcome === wanted).map(({ id }) => id)
    expect(idsOf('failed')).toEqual(all.filter((id) => isListed(failing, id)))
    expect(idsOf('skipped')).toEqual(all.filter((id) => isListed(skipped, id)))
  })
}
