import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { createTestKey, type TestKey } from '@bcl/testing'

const { subtle } = globalThis.crypto

/** Returns the parameters for importing the key of a JWS algorithm with Web Crypto. */
function importParameters(alg: string): Parameters<typeof subtle.importKey>[2] {
  const hash = `SHA-${alg.slice(2)}`
  if (alg.startsWith('RS')) return { name: 'RSASSA-PKCS1-v1_5', hash }
  if (alg.startsWith('PS')) return { name: 'RSA-PSS', hash }
  if (alg.startsWith('ES')) return { name: 'ECDSA', namedCurve: alg === 'ES512' ? 'P-521' : `P-${alg.slice(2)}` }
  return { name: 'Ed25519' }
}

/** The content of a key file. */
interface StoredKey {
  privateJwk: Parameters<typeof subtle.importKey>[1]
  publicJwk: TestKey['publicJwk'] & { kid: string }
}

async function importKey({ privateJwk, publicJwk }: StoredKey, alg: string): Promise<TestKey> {
  const load = (jwk: object, use: 'sign' | 'verify') => subtle.importKey('jwk', jwk, importParameters(alg), true, [use])
  const [privateKey, publicKey] = await Promise.all([load(privateJwk as object, 'sign'), load(publicJwk, 'verify')])
  return { alg, kid: publicJwk.kid, privateKey, publicKey, publicJwk }
}

async function loadOrCreateKey(folder: string, alg: string): Promise<TestKey> {
  const file = join(folder, `${alg}.json`)
  const load = async (): Promise<TestKey> => importKey(JSON.parse(await readFile(file, 'utf8')) as StoredKey, alg)
  const stored = await load().catch(() => undefined)
  if (stored) return stored
  const created = await createTestKey(alg, crypto.randomUUID())
  const { publicJwk } = created
  const text = JSON.stringify({ privateJwk: await subtle.exportKey('jwk', created.privateKey), publicJwk })
  // The flag `wx` keeps an existing file, for example if two runs create a key at the same time. If the file cannot be
  // written, each run has a new key.
  await mkdir(folder, { recursive: true, mode: 0o700 })
    .then(() => writeFile(file, text, { mode: 0o600, flag: 'wx' }))
    .catch(() => {})
  return load().catch(() => created)
}

/** Returns the folder in which `bcl` keeps the keys of its provider and its CA. */
export const cacheFolder = (): string => join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'bcl')

/**
 * Returns the provider's keys from the user's cache folder, so all runs have the same keys. Most applications cache
 * keys for minutes. If each run had new keys, these applications would refuse the tokens of the next run.
 */
export async function loadOrCreateKeys(alg: string): Promise<{ key: TestKey; otherKey: TestKey }> {
  const folder = cacheFolder()
  const other = alg === 'ES256' ? 'RS256' : 'ES256'
  const [key, otherKey] = await Promise.all([loadOrCreateKey(folder, alg), loadOrCreateKey(folder, other)])
  return { key, otherKey }
}
