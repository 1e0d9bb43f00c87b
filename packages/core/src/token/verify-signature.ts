import { compactVerify, errors, type CryptoKey, type JWTVerifyGetKey } from 'jose'
import { BackchannelLogoutError, codeOf, invalidToken, keysUnavailable } from '../errors.js'
import type { KeySource } from '../keys/remote-keys.js'
import { monotonicNow } from '../util/clock.js'
import type { JSONObject } from '../util/objects.js'
import { decodeObject } from './compact.js'

/** The most keys that are tried on a token whose header fits several keys (RP-54). */
const maxKeys = 8

/** Reads a header. It must name no critical extension, and its `kid` must be a text of limited length (RP-15). */
export function readHeader(part: string): JSONObject {
  const header = decodeObject(part)
  const { crit, b64, kid = '' } = header
  if (crit === undefined && b64 === undefined && typeof kid === 'string' && kid.length <= 1024) return header
  throw invalidToken('has a wrong "crit", "b64" or "kid"')
}

/** The error for a signature that is wrong, or has another algorithm than the issuer uses. */
export const signatureError = (cause?: unknown): BackchannelLogoutError =>
  new BackchannelLogoutError('ERR_LOGOUT_TOKEN_SIGNATURE', 'token is not signed as registered', { cause })

/** Verifies with the key that `getKey` finds. If several keys fit, tries them one by one (RP-54). */
async function verifyWith(jws: string, alg: string, getKey: JWTVerifyGetKey): Promise<void> {
  const options = { algorithms: [alg] }
  try {
    await compactVerify(jws, getKey, options)
  } catch (error) {
    if (codeOf(error) !== 'ERR_JWKS_MULTIPLE_MATCHING_KEYS') throw error
    let tries = 0
    for await (const key of error as AsyncIterable<CryptoKey>) {
      if (await compactVerify(jws, key, options).catch(() => {})) return
      if (++tries === maxKeys) break
    }
    throw new errors.JWSSignatureVerificationFailed()
  }
}

/**
 * Checks the signature with a key of this source (RP-13 to RP-15).
 *
 * @throws {BackchannelLogoutError} `ERR_LOGOUT_TOKEN_SIGNATURE` or `ERR_LOGOUT_KEYS_UNAVAILABLE`
 */
export async function verifySignature(
  jws: string,
  { alg, kid }: { alg: string; kid?: unknown },
  { getKey, renew, prove }: KeySource,
): Promise<void> {
  const since = monotonicNow()
  try {
    await verifyWith(jws, alg, getKey).catch(async (error: unknown) => {
      // Some providers replace a key under the same kid, or send none (RP-52).
      const isBad = codeOf(error) === 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED'
      if (!(isBad && (await renew?.(since, kid)))) throw error
      await verifyWith(jws, alg, getKey)
    })
  } catch (error) {
    // These codes of jose mean that the token is wrong. Any other error means that the keys are not available.
    throw /^ERR_J(?:WS_|WKS_NO_|OSE_NOT_)/.test(String(codeOf(error))) ? signatureError(error) : keysUnavailable(error)
  }
  prove?.()
}
