import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { createTestKey, type TestKey } from '@bcl/testing'

const { subtle } = globalThis.crypto

/** The parameters with which Web Crypto imports a key for a JWS algorithm. */
const importParameters = {
  RS256: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
  ES256: { name: 'ECDSA', namedCurve: 'P-256' },
} as const

type Algorithm = keyof typeof importParameters

/** The content of a key file. */
interface StoredKey {
  privateJwk: Parameters<typeof subtle.importKey>[1]
  publicJwk: TestKey['publicJwk'] & { kid: string }
}

async function importKey({ privateJwk, publicJwk }: StoredKey, alg: Algorithm): Promise<TestKey> {
  const load = (jwk: object, use: 'sign' | 'verify') => subtle.importKey('jwk', jwk, importParameters[alg], true, [use])
  const [privateKey, publicKey] = await Promise.all([load(privateJwk as object, 'sign'), load(publicJwk, 'verify')])
  return { alg, kid: publicJwk.kid, privateKey, publicKey, publicJwk }
}

async function loadOrCreateKey(folder: string, alg: Algorithm): Promise<TestKey> {
  const file = join(folder, `${alg}.json`)
  const load = async (): Promise<TestKey> => importKey(JSON.parse(await readFile(file, 'utf8')) as StoredKey, alg)
  const stored = await load().catch(() => undefined)
  if (stored) return stored
  const created = await createTestKey(alg, crypto.randomUUID())
  const { publicJwk } = created
  const text = JSON.stringify({ privateJwk: await subtle.exportKey('jwk', created.privateKey), publicJwk })
  // If two runs create a key at the same time, the flag `wx` keeps the first file. If the file cannot be written, each run
  // has a new key.
  await mkdir(folder, { recursive: true, mode: 0o700 })
    .then(() => writeFile(file, text, { mode: 0o600, flag: 'wx' }))
    .catch(() => {})
  return load().catch(() => created)
}

/**
 * Returns the keys of the provider from the cache folder of the user, so that all runs have the same keys. Most applications
 * keep the keys of a provider for minutes, and would refuse the tokens of the next run under new keys.
 */
export async function loadOrCreateKeys(): Promise<{ key: TestKey; otherKey: TestKey }> {
  const folder = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'bcl')
  const [key, otherKey] = await Promise.all([loadOrCreateKey(folder, 'RS256'), loadOrCreateKey(folder, 'ES256')])
  return { key, otherKey }
}
