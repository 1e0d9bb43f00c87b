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

/** Each of these keys is a public key that jose has imported for one algorithm of RSA, ECDSA or EdDSA. */
const imported = new WeakSet<object>()

/** Tells whether WebCrypto may verify with this key, without the checks of jose. */
export const isImported = (key: unknown): key is CryptoKey => imported.has(key as object)

/** As `createLocalJWKSet`, and remembers its last answer: most tokens of a provider have the same key. */
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
