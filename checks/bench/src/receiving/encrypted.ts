import { createTestIssuer, type TestIssuer } from '@bcl/testing'
import { CompactEncrypt, generateKeyPair, type CryptoKey } from 'jose'
import { createBackchannelLogout, MemoryStore } from '@bcl/core'
import { atOnce, compare, rateOf } from '../measure/measure.ts'
import { many } from './receive.ts'
import type { Pair } from '../report/results.ts'
import type { Scale } from '../measure/scale.ts'
import { signBursts } from '../measure/tokens.ts'

const enc = 'A256GCM'
const encoder = new TextEncoder()

const encrypt = (tokens: readonly string[], alg: string, key: CryptoKey): Promise<string[]> =>
  Promise.all(
    tokens.map((token) =>
      new CompactEncrypt(encoder.encode(token)).setProtectedHeader({ alg, enc, cty: 'JWT' }).encrypt(key),
    ),
  )

async function measureAlgorithm(alg: string, op: TestIssuer, scale: Scale): Promise<Pair> {
  const { tokens } = scale
  const { publicKey, privateKey } = await generateKeyPair(alg)
  const decryption = { keys: [privateKey], alg: [alg], enc: [enc] }
  const bursts = await signBursts(op, scale)
  const measure = (prepare: () => string[] | Promise<string[]>) => {
    // Each contender has its own receiver, so that the same tokens are new to both receivers.
    const logout = createBackchannelLogout({
      issuers: [{ ...op.trusted, decryption }],
      sessionMaxAge: 8 * 3600,
      store: new MemoryStore(),
    })
    return () => rateOf({ count: tokens, prepare, run: (list) => atOnce(many, list, (token) => logout.receive(token)) })
  }
  const plain = bursts()
  const beside = await compare(scale, [measure(() => encrypt(plain(), alg, publicKey)), measure(bursts())])
  return beside(`${alg}, ${enc}`, 0, 1)
}

/** Compares encrypted tokens with tokens that are only signed. */
export async function measureEncrypted(scale: Scale): Promise<Pair[]> {
  const op = await createTestIssuer()
  const rows: Pair[] = []
  for (const alg of ['RSA-OAEP-256', 'ECDH-ES']) rows.push(await measureAlgorithm(alg, op, scale))
  return rows
}
