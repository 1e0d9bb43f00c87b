import { randomUUID } from 'node:crypto'
import { recordingStore } from '../measure/fill.ts'
import { median, ratioOf } from '../measure/measure.ts'
import type { Pair } from '../report/results.ts'
import type { Scale } from '../measure/scale.ts'
import { createCheapIssuer } from '../measure/tokens.ts'

/** Measures logouts of one subject, one after the other. Their dates are one second apart. */
async function measureKind(name: string, claims: () => object, { ofOneSubject, slowRounds }: Scale): Promise<Pair> {
  const issuer = await createCheapIssuer()
  const tenth = ofOneSubject / 10
  const first: number[] = []
  const last: number[] = []
  for (let round = 0; round < slowRounds; round += 1) {
    let time = issuer.op.now()
    const { store, written } = recordingStore()
    const logout = issuer.createReceiver(store, () => time)
    for (let part = 0; part < 10; part += 1) {
      const tokens = await Promise.all(
        Array.from({ length: tenth }, (_, index) => {
          const iat = time + index
          return issuer.token({ sub: 'alice', sid: undefined, iat, exp: iat + 120, ...claims() })
        }),
      )
      const startedAt = performance.now()
      for (const token of tokens) {
        await logout.receive(token)
        time += 1
      }
      const found = (tenth * 1000) / (performance.now() - startedAt)
      if (part === 0) first.push(found)
      if (part === 9) last.push(found)
    }
    const ofSubject = [...new Set(written.map(([key]) => key))].filter((key) => key.endsWith('alice"]'))
    const left = (await store.values(ofSubject)).flat().length
    if (left !== 1) throw new Error(`${left} markers are left under the subject, not 1`)
    await logout.close()
  }
  const speed = ratioOf(last.map((found, index) => found / first[index]!))
  return { name, rates: [median(last), median(first)], speed }
}

/** Compares the last tenth of many logouts of one subject with the first tenth. */
export async function measureSubject(scale: Scale): Promise<Pair[]> {
  return [
    await measureKind('all sessions of the subject', () => ({}), scale),
    await measureKind('another session each time', () => ({ sid: randomUUID() }), scale),
  ]
}
