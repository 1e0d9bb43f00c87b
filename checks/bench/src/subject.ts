import { randomUUID } from 'node:crypto'
import { recordingStore } from './fill.ts'
import { median } from './measure.ts'
import type { Scale } from './scale.ts'
import { rate, ratio, type Row, type Section } from './table.ts'
import { createCheapIssuer } from './tokens.ts'

/** Logouts of one subject, one after the other and a second apart; rates of the first and of the last tenth. */
async function measureKind(name: string, claims: () => object, { ofOneSubject, rounds }: Scale): Promise<Row> {
  const issuer = await createCheapIssuer()
  const tenth = ofOneSubject / 10
  const first: number[] = []
  const last: number[] = []
  let left = 0
  for (let round = 0; round < Math.max(2, rounds / 5); round += 1) {
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
    left = (await store.values(ofSubject)).flat().length
    await logout.close()
  }
  const ratios = last.map((found, index) => found / first[index]!)
  return [
    `${name}: ${left} left under the subject`,
    rate(median(last)),
    rate(median(first)),
    ratio(median(ratios)),
    '',
    '',
  ]
}

export async function measureSubject(scale: Scale): Promise<Section> {
  return {
    title: 'Many logouts of one subject',
    note: `${scale.ofOneSubject.toLocaleString('en')} logouts of one subject, a second apart by the provider's clock, one after the other (HS256): the last tenth beside the first.`,
    columns: ['last tenth', 'first tenth'],
    rows: [
      await measureKind('of all sessions', () => ({}), scale),
      await measureKind('of a session each', () => ({ sid: randomUUID() }), scale),
    ],
  }
}
