import { compactVerify, errors, type CryptoKey, type JWTVerifyGetKey } from 'jose'
import { BackchannelLogoutError, codeOf, invalidToken, keysUnavailable } from '../errors.js'
import { imported } from '../keys/key-set.js'
import type { KeySource } from '../keys/remote-keys.js'
import { monotonicNow } from '../util/clock.js'
import type { JSONObject } from '../util/objects.js'
import { bytesOf, decodeObject, utf8Of } from './compact.js'

/** The largest number of keys that are tried if the header fits several keys (RP-54). */
const maxKeys = 8

/**
 * Reads a header. The header must not have `crit` or `b64`. If `kid` is present, it must be a string of at most 1,024
 * characters (RP-15).
 */
export function readHeader(part: string): JSONObject {
  const header = decodeObject(part)
  const { crit, b64, kid = '' } = header
  if (crit === undefined && b64 === undefined && typeof kid === 'string' && kid.length <= 1024) return header
  throw invalidToken('has a wrong "crit", "b64" or "kid"')
}

/** The error for a wrong signature, or for an algorithm that is not registered. */
export const signatureError = (cause?: unknown): BackchannelLogoutError =>
  new BackchannelLogoutError('ERR_LOGOUT_TOKEN_SIGNATURE', 'token is not signed as registered', { cause })

/**
 * Verifies with one key. For the imported keys of a JWK Set, this function calls WebCrypto itself, which is faster, because
 * jose would parse the token a second time. For any other key and for a client secret, jose checks the key and the signature.
 */
function verifyWithKey(jws: string, alg: string, key: CryptoKey): Promise<boolean> {
  if (!imported.has(key))
    return compactVerify(jws, key, { algorithms: [alg] }).then(
      () => true,
      (error: unknown) => {
        if (codeOf(error) === 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED') return false
        throw error
      },
    )
  const end = jws.lastIndexOf('.')
  const { name } = key.algorithm
  const bits = +alg.slice(2)
  // ECDSA needs `hash`, and RSA-PSS needs `saltLength`. WebCrypto ignores the parameters that an algorithm does not need.
  const parameters = bits ? { name, hash: `SHA-${bits}`, saltLength: bits / 8 } : name
  const verified = crypto.subtle.verify(parameters, key, bytesOf(jws.slice(end + 1)), utf8Of(jws.slice(0, end)))
  // Some runtimes throw if the signature has a wrong length.
  return verified.catch(() => false)
}

/** Verifies with the key that `getKey` finds. If several keys fit, tries one key after the other (RP-54). */
async function verifyWith(jws: string, header: { alg: string }, getKey: JWTVerifyGetKey): Promise<boolean> {
  const [encoded, payload, signature] = jws.split('.') as [string, string, string]
  let key
  try {
    key = await getKey(header, { protected: encoded, payload, signature })
  } catch (error) {
    if (codeOf(error) !== 'ERR_JWKS_MULTIPLE_MATCHING_KEYS') throw error
    let tries = 0
    for await (const candidate of error as AsyncIterable<CryptoKey>) {
      if (await verifyWithKey(jws, header.alg, candidate).catch(() => false)) return true
      if (++tries === maxKeys) break
    }
    return false
  }
  return verifyWithKey(jws, header.alg, key as CryptoKey)
}

/**
 * Checks the signature with a key of this source (RP-13 to RP-15).
 *
 * @throws {BackchannelLogoutError} `ERR_LOGOUT_TOKEN_SIGNATURE` or `ERR_LOGOUT_KEYS_UNAVAILABLE`
 */
export async function verifySignature(
  jws: string,
  header: { alg: string; kid?: unknown },
  { getKey, renew, prove }: KeySource,
): Promise<void> {
  const since = monotonicNow()
  let isRight
  try {
    isRight =
      (await verifyWith(jws, header, getKey)) ||
      // Some providers replace a key but keep its `kid`, or send no `kid` (RP-52). The new keys cause no other fetch (RP-51).
      (await renew?.(since, header.kid).then((newKeys) => newKeys && verifyWith(jws, header, newKeys)))
  } catch (error) {
    // These codes of jose mean that the token is wrong. Any other error means that the keys are not available.
    throw /^ERR_J(?:WS_|WKS_NO_|OSE_NOT_)/.test(codeOf(error) as string)
      ? signatureError(error)
      : keysUnavailable(error)
  }
  if (!isRight) throw signatureError(new errors.JWSSignatureVerificationFailed())
  prove?.()
}
