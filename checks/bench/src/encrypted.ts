import { createTestIssuer, type TestIssuer } from '@bcl/testing'
import { CompactEncrypt, generateKeyPair, type CryptoKey } from 'jose'
import { createBackchannelLogout, MemoryStore } from '@bcl/core'
import { atOnce, compare, rateOf } from './measure.ts'
import type { Scale } from './scale.ts'
import { compared, type Row, type Section } from './table.ts'
import { signTokens } from './tokens.ts'

const many = 32
const enc = 'A256GCM'
const encoder = new TextEncoder()

const encrypt = (tokens: readonly string[], alg: string, key: CryptoKey): Promise<string[]> =>
  Promise.all(
    tokens.map((token) =>
      new CompactEncrypt(encoder.encode(token)).setProtectedHeader({ alg, enc, cty: 'JWT' }).encrypt(key),
    ),
  )

async function measureAlgorithm(alg: string, op: TestIssuer, { rounds, tokens }: Scale): Promise<Row> {
  const { publicKey, privateKey } = await generateKeyPair(alg)
  const decryption = { keys: [privateKey], alg: [alg], enc: [enc] }
  const logout = createBackchannelLogout({
    issuers: [{ ...op.trusted, decryption }],
    sessionMaxAge: 8 * 3600,
    store: new MemoryStore(),
  })
  const measure = (prepare: () => Promise<string[]>) => () =>
    rateOf({ count: tokens, prepare, run: (list) => atOnce(many, list, (token) => logout.receive(token)) })
  const { beside } = await compare(rounds, [
    measure(async () => encrypt(await signTokens(op, tokens), alg, publicKey)),
    measure(() => signTokens(op, tokens)),
  ])
  return compared(`${alg}, ${enc}`, beside(0, 1), '')
}

/** What decryption adds. */
export async function measureEncrypted(scale: Scale): Promise<Section> {
  const op = await createTestIssuer()
  const rows: Row[] = []
  for (const alg of ['RSA-OAEP-256', 'ECDH-ES']) rows.push(await measureAlgorithm(alg, op, scale))
  return {
    title: 'Encrypted tokens',
    note: `\`receive\` of RS256 tokens inside a JWE beside the same without, ${many} at a time.`,
    columns: ['encrypted', 'plain'],
    rows,
  }
}
