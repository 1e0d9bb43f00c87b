import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { createTestKey, type TestKey } from '@bcl/testing'

const { subtle } = globalThis.crypto

/** How a key is made of a JWK. */
const algorithms = {
  RS256: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
  ES256: { name: 'ECDSA', namedCurve: 'P-256' },
} as const

interface KeptKey {
  privateJwk: Parameters<typeof subtle.importKey>[1]
  publicJwk: TestKey['publicJwk'] & { kid: string }
}

async function open({ privateJwk, publicJwk }: KeptKey, alg: keyof typeof algorithms): Promise<TestKey> {
  const load = (jwk: object, use: 'sign' | 'verify') => subtle.importKey('jwk', jwk, algorithms[alg], true, [use])
  const [privateKey, publicKey] = await Promise.all([load(privateJwk as object, 'sign'), load(publicJwk, 'verify')])
  return { alg, kid: publicJwk.kid, privateKey, publicKey, publicJwk }
}

async function keepKey(folder: string, alg: keyof typeof algorithms): Promise<TestKey> {
  const file = join(folder, `${alg}.json`)
  const read = async (): Promise<TestKey> => open(JSON.parse(await readFile(file, 'utf8')) as KeptKey, alg)
  const kept = await read().catch(() => undefined)
  if (kept) return kept
  const made = await createTestKey(alg, crypto.randomUUID())
  const { publicJwk } = made
  const text = JSON.stringify({ privateJwk: await subtle.exportKey('jwk', made.privateKey), publicJwk })
  // Where nothing can be kept there is a new key each time, and of two that are made at once one is kept.
  await mkdir(folder, { recursive: true, mode: 0o700 })
    .then(() => writeFile(file, text, { mode: 0o600, flag: 'wx' }))
    .catch(() => {})
  return read().catch(() => made)
}

/**
 * The keys of the provider, which outlive it in the cache of the user: an application that trusted it a moment ago has
 * them, and most look for new ones only now and then.
 */
export async function keepKeys(): Promise<{ key: TestKey; otherKey: TestKey }> {
  const folder = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'bcl')
  const [key, otherKey] = await Promise.all([keepKey(folder, 'RS256'), keepKey(folder, 'ES256')])
  return { key, otherKey }
}
