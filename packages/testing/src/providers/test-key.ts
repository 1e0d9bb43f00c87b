import { exportJWK, generateKeyPair, type CryptoKey, type JWK } from 'jose'

/** A key pair with which an OpenID Provider signs. */
export interface TestKey {
  kid: string
  /** The JWS algorithm, for example `RS256`. */
  alg: string
  privateKey: CryptoKey
  publicKey: CryptoKey
  /** The public key as the provider publishes it in its JWK Set. */
  publicJwk: JWK
}

/**
 * Makes a key pair.
 *
 * @param alg A JWS algorithm, for example `RS256`.
 */
export async function createTestKey(alg: string, kid: string): Promise<TestKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  return { kid, alg, privateKey, publicKey, publicJwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } }
}

const unpublished = new Map<string, Promise<TestKey>>()

/**
 * Returns a key that no provider publishes. Always returns the same key for an algorithm, because making a key is slow.
 */
export async function unpublishedKey(alg: string, kid: string): Promise<TestKey> {
  const key = unpublished.get(alg) ?? createTestKey(alg, kid)
  unpublished.set(alg, key)
  return { ...(await key), kid }
}
