import { MemoryStore, type SessionClaims } from '@bcl/core'
import { fill } from '../measure/fill.ts'
import { compare, rateOf } from '../measure/measure.ts'
import type { Pair } from '../report/results.ts'
import type { Scale } from '../measure/scale.ts'
import { createCheapIssuer } from '../measure/tokens.ts'

/** Compares `isLoggedOut` in memory with the cheapest possible check. */
export async function measureChecks(scale: Scale): Promise<Pair[]> {
  const {
    checks,
    remembered: [few],
  } = scale
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

  /** Parses sessions as a cookie is parsed. Each call makes new objects with new strings. */
  const parse = (sessions: string) => () => JSON.parse(sessions) as SessionClaims[]
  const check = (sessions: string, isExpected: boolean) => () =>
    rateOf({
      count: checks,
      prepare: parse(sessions),
      run: async (list) => {
        for (const one of list) if ((await logout.isLoggedOut(one)) !== isExpected) throw new Error('a check was wrong')
      },
    })
  const peer = () =>
    rateOf({
      // The bursts are long, because CPU time is measured in steps of 4 ms.
      count: 16 * checks,
      prepare: parse(alive),
      run: async (list) => {
        let found = 0
        for (let turn = 0; turn < 16; turn += 1)
          for (const { sub, sid } of list) if (await (markers.get(sid!) ?? markers.get(sub))) found += 1
        return found
      },
    })
  const beside = await compare(scale, [check(alive, false), check(ended, true), peer])
  return [beside('active session', 0, 2), beside('session that was logged out', 1, 2)]
}
