import { createTestIssuer } from '@bcl/testing'
import { compare, rateOf } from './measure.ts'
import type { Scale } from './scale.ts'
import { ratio, rate, type Section } from './table.ts'
import { createReceiver } from './tokens.ts'

const size = 64 * 1024

/** Forms of 64 KiB. None of them has a Logout Token, so each is refused with 400. */
const forms: readonly [name: string, body: string][] = [
  ['`a&` again and again', 'a&'.repeat(size / 2)],
  ['one parameter', 'a'.repeat(size)],
]

/** Measures a form of many parameters beside a form of one (RP-4). */
export async function measureParameters({ rounds, bodies }: Scale): Promise<Section> {
  const logout = createReceiver(await createTestIssuer())
  const measure = (body: string) => () =>
    rateOf({
      count: bodies,
      prepare: () => undefined,
      run: async () => {
        for (let index = 0; index < bodies; index += 1) {
          const { status } = await logout.respond({
            method: 'POST',
            contentType: 'application/x-www-form-urlencoded',
            body,
          })
          if (status !== 400) throw new Error(`a form without a token was answered ${status}`)
        }
      },
    })
  const [many, one] = forms
  const { beside } = await compare(rounds, [measure(many![1]), measure(one![1])])
  const { rates, ratio: byClock, cpuRatio } = beside(0, 1)
  return {
    title: 'Forms with many parameters',
    note: `\`respond\` to a form of 64 KiB as text: ${many![0]}, and ${one![0]} of that size. The ratio is that of time per form.`,
    columns: ['many', 'one'],
    rows: [
      ['refused with 400', rate(rates[0]), rate(rates[1]), ratio(1 / byClock), ratio(1 / cpuRatio), 'at most 2.00'],
    ],
  }
}
