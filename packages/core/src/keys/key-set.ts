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
 * The keys that jose has imported from a JWK Set, each for one algorithm. WebCrypto may verify with these keys without the
 * checks of jose.
 */
export const imported = new WeakSet<object>()

/**
 * Does the same as `createLocalJWKSet` of jose, and caches the last answer, because most tokens of a provider use the
 * same key. An RSA key of less than 2,048 bits is an error, as a key that cannot be imported.
 */
export function createKeySet(jwks: JSONWebKeySet): FindKey {
  const find = createLocalJWKSet(jwks)
  let lastId: string | undefined
  let lastKey: CryptoKey
  return (header, token) => {
    const id = JSON.stringify([header.alg, header.kid])
    if (id === lastId) return lastKey
    return find(header, token).then((key) => {
      const { modulusLength } = key.algorithm as { modulusLength?: number }
      if (modulusLength! < 2048) throw new Error('key is too short')
      lastId = id
      lastKey = key
      imported.add(key)
      return key
    })
  }
}
