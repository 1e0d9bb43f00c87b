import { createTestIssuer, type TestIssuer } from '@bcl/testing'
import * as jose from 'jose'
import { atOnce, compare, rateOf } from './measure.ts'
import type { Scale } from './scale.ts'
import { rate, ratio, type Row, type Section } from './table.ts'
import { createReceiver, signTokens } from './tokens.ts'

const many = 32

/** What `receive` checks, as far as `jwtVerify` can. */
const equivalent = (op: TestIssuer, alg: string): jose.JWTVerifyOptions => ({
  issuer: op.issuer,
  audience: op.clientId,
  algorithms: [alg],
  clockTolerance: 60,
  requiredClaims: ['iat', 'exp', 'jti', 'events'],
})

async function measureAlgorithm(alg: string, { rounds, tokens }: Scale): Promise<Row> {
  const op = await createTestIssuer({ alg })
  const keys = jose.createLocalJWKSet(op.jwks)
  const options = equivalent(op, alg)
  const logout = createReceiver(op)
  const { rates, ratios, cpuRatios } = await compare(rounds, [
    () =>
      rateOf({
        count: tokens,
        prepare: () => signTokens(op, tokens),
        run: (list) => atOnce(many, list, (token) => logout.receive(token)),
      }),
    () =>
      rateOf({
        count: tokens,
        prepare: () => signTokens(op, tokens),
        run: (list) => atOnce(many, list, (token) => jose.jwtVerify(token, keys, options)),
      }),
  ])
  return [alg, rate(rates[0]!), rate(rates[1]!), ratio(ratios[0]!), ratio(cpuRatios[0]!), 'at least 0.90']
}

export async function measureReceive(scale: Scale): Promise<Section> {
  const rows: Row[] = []
  for (const alg of ['RS256', 'PS256', 'ES256', 'EdDSA']) rows.push(await measureAlgorithm(alg, scale))
  return {
    title: 'Receiving a logout',
    note: `\`receive\` of fresh tokens with a \`MemoryStore\`, ${many} at a time, beside bare \`jose.jwtVerify\` with the same keys, issuer, audience, algorithm, tolerance and required claims.`,
    columns: ['receive', 'jwtVerify'],
    rows,
  }
}
