import { createTestIssuer, type TestIssuer } from '@bcl/testing'
import { randomBytes } from 'node:crypto'
import { atOnce, compare, rateOf } from './measure.ts'
import type { Scale } from './scale.ts'
import { rate, ratio, type Section } from './table.ts'
import { createReceiver, signTokens } from './tokens.ts'

const many = 32
type Make = (op: TestIssuer, count: number) => string[] | Promise<string[]>

/** Good tokens with the signatures of others, so that only the key can tell. */
const forged: Make = async (op, count) => {
  const tokens = await signTokens(op, count)
  const signature = (token: string): string => token.slice(token.lastIndexOf('.'))
  return tokens.map((token, index) => token.slice(0, token.lastIndexOf('.')) + signature(tokens.at(index - 1)!))
}

const expired: Make = (op, count) => signTokens(op, count, () => ({ iat: op.now() - 300, exp: op.now() - 180 }))

const foreign: Make = async (op, count) => signTokens(op, count, () => ({ iss: 'https://elsewhere.example' }))

/** As long as a token, and none. */
const garbage: Make = (_, count) => Array.from({ length: count }, () => randomBytes(400).toString('base64url'))

const kinds: readonly [name: string, make: Make, wanted: string][] = [
  ['forged', forged, 'at most 1.00'],
  ['expired', expired, 'at most 1.00'],
  ['of another issuer', foreign, ''],
  ['garbage', garbage, 'under 0.10'],
]

export async function measureRefused({ rounds, tokens }: Scale): Promise<Section> {
  const op = await createTestIssuer()
  const logout = createReceiver(op)
  const measure = (make: Make) => () =>
    rateOf({
      count: tokens,
      prepare: () => make(op, tokens),
      run: (list) => atOnce(many, list, (token) => logout.receive(token).catch(() => {})),
    })
  const { rates, ratios, cpuRatios } = await compare(rounds, [
    ...kinds.map(([, make]) => measure(make)),
    measure(signTokens),
  ])
  return {
    title: 'What a wrong token costs',
    note: `\`receive\` of RS256 tokens that it refuses beside good ones, ${many} at a time. The ratio is that of time per token.`,
    columns: ['wrong', 'good'],
    rows: kinds.map(([name, , wanted], index) => [
      name,
      rate(rates[index]!),
      rate(rates.at(-1)!),
      ratio(1 / ratios[index]!),
      ratio(1 / cpuRatios[index]!),
      wanted,
    ]),
  }
}
