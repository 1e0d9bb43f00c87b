import { createTestIssuer } from '@bcl/testing'
import { asCost, compare, rateOf } from '../measure/measure.ts'
import type { Pair } from '../report/results.ts'
import type { Scale } from '../measure/scale.ts'
import { createReceiver } from '../measure/tokens.ts'

const size = 64 * 1024

/** Two forms of 64 KiB. They have no Logout Token, so both are refused with 400. */
const manyParameters = 'a&'.repeat(size / 2)
const oneParameter = 'a'.repeat(size)

/** Compares a form with many parameters and a form with one parameter (RP-4). */
export async function measureParameters(scale: Scale): Promise<Pair[]> {
  const { bodies } = scale
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
  const beside = await compare(scale, [measure(manyParameters), measure(oneParameter)])
  return [asCost(beside('refused with 400', 0, 1))]
}
