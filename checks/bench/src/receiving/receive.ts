import { createTestIssuer, type TestIssuer } from '@bcl/testing'
import * as jose from 'jose'
import { atOnce, compare, rateOf } from '../measure/measure.ts'
import type { Pair } from '../report/results.ts'
import type { Scale } from '../measure/scale.ts'
import { createReceiver, signBursts } from '../measure/tokens.ts'

/** The number of tokens that are in progress at the same time. */
export const many = 32

/** The options with which `jwtVerify` does as many of the checks of `receive` as possible. */
const equivalent = (op: TestIssuer, alg: string): jose.JWTVerifyOptions => ({
  issuer: op.issuer,
  audience: op.clientId,
  algorithms: [alg],
  clockTolerance: 60,
  requiredClaims: ['iat', 'exp', 'jti', 'events'],
})

async function measureAlgorithm(alg: string, scale: Scale): Promise<Pair> {
  const op = await createTestIssuer({ alg })
  const keys = jose.createLocalJWKSet(op.jwks)
  const options = equivalent(op, alg)
  const logout = createReceiver(op)
  const bursts = await signBursts(op, scale)
  const measure = (work: (token: string) => Promise<unknown>) => {
    const prepare = bursts()
    return () => rateOf({ count: scale.tokens, prepare, run: (list) => atOnce(many, list, work) })
  }
  const beside = await compare(scale, [
    measure((token) => logout.receive(token)),
    measure((token) => jose.jwtVerify(token, keys, options)),
  ])
  return beside(alg, 0, 1)
}

/** Compares `receive` with bare `jwtVerify`. */
export async function measureReceive(scale: Scale): Promise<Pair[]> {
  const rows: Pair[] = []
  for (const alg of ['RS256', 'PS256', 'ES256', 'EdDSA']) rows.push(await measureAlgorithm(alg, scale))
  return rows
}
