import {
  createLocalJWKSet,
  type CryptoKey,
  type FlattenedJWSInput,
  type JSONWebKeySet,
  type JWSHeaderParameters,
} from 'jose'
import type { Maybe } from '../util/maybe.js'

/** Finds the key of a token in a JWK Set. */
export type FindKey = (header: JWSHeaderParameters, token: FlattenedJWSInput) => Maybe<CryptoKey>

/**
 * The keys that jose has imported from a JWK Set, each for one algorithm: keys for ECDSA and EdDSA, and RSA keys of at least
 * 2,048 bits.
 */
const imported = new WeakSet<object>()

/** Tells whether WebCrypto may verify with this key, without the checks of jose. */
export const isImported = (key: unknown): key is CryptoKey => imported.has(key as object)

/**
 * Does the same as `createLocalJWKSet` of jose, and caches the last answer, because most tokens of a provider use the
 * same key.
 */
export function createKeySet(jwks: JSONWebKeySet): FindKey {
  const find = createLocalJWKSet(jwks)
  let last: { alg: unknown; kid: unknown; key: CryptoKey } | undefined
  return (header, token) => {
    const { alg, kid } = header
    if (last && last.alg === alg && last.kid === kid) return last.key
    return find(header, token).then((key) => {
      last = { alg, kid, key }
      const { modulusLength = 2048 } = key.algorithm as { modulusLength?: number }
      if (/^[RPE]/.test(alg!) && modulusLength >= 2048) imported.add(key)
      return key
    })
  }
}
