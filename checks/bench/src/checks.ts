import { MemoryStore, type SessionClaims } from '@bcl/core'
import { fill } from './fill.ts'
import { compare, rateOf } from './measure.ts'
import type { Scale } from './scale.ts'
import { rate, ratio, type Section } from './table.ts'
import { createCheapIssuer } from './tokens.ts'

export async function measureChecks({ rounds, checks, remembered: [few] }: Scale): Promise<Section> {
  const store = new MemoryStore()
  await fill(store, few)
  const issuer = await createCheapIssuer()
  const logout = issuer.createReceiver(store)
  const session = (name: number) => issuer.op.session({ sub: `sub-${name}`, sid: `sid-${name}` })
  const text = (from: number): string =>
    JSON.stringify(Array.from({ length: checks }, (_, index) => session(from + (index % few))))
  const [ended, alive] = [text(0), text(few)]
  const markers = new Map(
    Array.from({ length: few }, (_, name) => session(name)).flatMap(({ sub, sid, iat }) => [
      [sub, iat],
      [sid!, iat],
    ]),
  )

  /** Sessions as they come out of cookies: each time new objects of new strings. */
  const parse = (sessions: string) => () => JSON.parse(sessions) as SessionClaims[]
  const check = (sessions: string) => () =>
    rateOf({
      count: checks,
      prepare: parse(sessions),
      run: async (list) => {
        for (const one of list) await logout.isLoggedOut(one)
      },
    })
  const peer = () =>
    rateOf({
      count: checks,
      prepare: parse(alive),
      run: async (list) => {
        let found = 0
        for (const { sub, sid } of list) if (await (markers.get(sid!) ?? markers.get(sub))) found += 1
        return found
      },
    })
  const { rates, ratios, cpuRatios } = await compare(rounds, [check(alive), check(ended), peer])
  const row = (name: string, index: number, wanted: string) =>
    [name, rate(rates[index]!), rate(rates[2]!), ratio(ratios[index]!), ratio(cpuRatios[index]!), wanted] as const
  return {
    title: 'Checking a session',
    note: `\`isLoggedOut\` with a \`MemoryStore\` of ${few.toLocaleString('en')} logouts, one after the other, beside two \`Map.get\`s and an \`await\`.`,
    columns: ['isLoggedOut', 'two Map.gets, await'],
    rows: [row('a session that is alive', 0, 'at least 0.50'), row('one that is logged out', 1, '')],
  }
}
