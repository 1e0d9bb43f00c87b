import { createTestIssuer, type TestIssuer } from '@bcl/testing'
import { randomBytes } from 'node:crypto'
import { asCost, atOnce, compare, rateOf } from '../measure/measure.ts'
import { many } from './receive.ts'
import type { Pair } from '../report/results.ts'
import type { Scale } from '../measure/scale.ts'
import { createReceiver, repeat, signBursts, signTokens } from '../measure/tokens.ts'

type Make = (op: TestIssuer, count: number) => string[] | Promise<string[]>

/** Valid tokens with the signatures of other tokens. Only the check of the signature finds the fault. */
const forged: Make = async (op, count) => {
  const tokens = await signTokens(op, count)
  const signature = (token: string): string => token.slice(token.lastIndexOf('.'))
  return tokens.map((token, index) => token.slice(0, token.lastIndexOf('.')) + signature(tokens.at(index - 1)!))
}

const expired: Make = (op, count) => signTokens(op, count, () => ({ iat: op.now() - 300, exp: op.now() - 180 }))

const foreign: Make = async (op, count) => signTokens(op, count, () => ({ iss: 'https://elsewhere.example' }))

/** Random texts with the length of a token. */
const garbage: Make = (_, count) => Array.from({ length: count }, () => randomBytes(400).toString('base64url'))

/** The bursts of cheap tokens are longer, because CPU time is measured in steps of 4 ms. */
const kinds: readonly [name: string, make: Make, times: number][] = [
  ['wrong signature', forged, 1],
  ['expired', expired, 1],
  ['another issuer', foreign, 2],
  ['garbage', garbage, 8],
]

/** Compares the cost of a refused token with the cost of a valid token. */
export async function measureRefused(scale: Scale): Promise<Pair[]> {
  const { tokens } = scale
  const op = await createTestIssuer()
  const logout = createReceiver(op)
  const refuse = async (token: string): Promise<void> => {
    const wasAccepted = await logout.receive(token).then(
      () => true,
      () => false,
    )
    if (wasAccepted) throw new Error('a wrong token was accepted')
  }
  const measure =
    (prepare: () => string[], work: (token: string) => Promise<unknown>, times = 1) =>
    () =>
      rateOf({ count: times * tokens, prepare, run: (list) => atOnce(many, list, work) })
  const wrong = await Promise.all(kinds.map(async ([, make, times]) => repeat(await make(op, times * tokens))))
  const good = (await signBursts(op, scale))()
  const beside = await compare(scale, [
    ...kinds.map(([, , times], index) => measure(wrong[index]!, refuse, times)),
    measure(good, (token) => logout.receive(token)),
  ])
  return kinds.map(([name], index) => asCost(beside(name, index, kinds.length)))
}
