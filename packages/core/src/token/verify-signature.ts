import { base64url, compactVerify, errors, type CryptoKey, type JWTVerifyGetKey } from 'jose'
import { BackchannelLogoutError, codeOf, invalidToken, keysUnavailable } from '../errors.js'
import type { KeySource } from '../keys/remote-keys.js'
import { monotonicNow } from '../util/clock.js'
import type { JSONObject } from '../util/objects.js'
import { decodeObject } from './compact.js'

const encoder = new TextEncoder()

/** The largest number of keys that are tried if the header fits several keys (RP-54). */
const maxKeys = 8

/**
 * Reads a header. The header must not have `crit` or `b64`, and its `kid` must be a string of at most 1,024 characters
 * (RP-15).
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

interface Parameters {
  name: string
  hash?: string
  namedCurve?: string
  saltLength?: number
}

/** The WebCrypto parameters of each registered algorithm. Only the algorithm decides them (RP-13). */
const parameters = new Map<string, Parameters>(
  ['256', '384', '512'].flatMap((bits): [string, Parameters][] => {
    const hash = `SHA-${bits}`
    return [
      [`RS${bits}`, { name: 'RSASSA-PKCS1-v1_5', hash }],
      [`PS${bits}`, { name: 'RSA-PSS', hash, saltLength: Number(bits) / 8 }],
      [`ES${bits}`, { name: 'ECDSA', hash, namedCurve: `P-${bits.replace('12', '21')}` }],
    ]
  }),
)
for (const alg of ['EdDSA', 'Ed25519']) parameters.set(alg, { name: 'Ed25519' })

/** Tells whether jose would accept this key for this algorithm without an import. */
function isUsable(key: unknown, { name, hash, namedCurve }: Parameters): key is CryptoKey {
  const { type, usages, algorithm } = Object(key) as Partial<CryptoKey>
  const has = Object(algorithm) as {
    name?: string
    hash?: { name: string }
    modulusLength?: number
    namedCurve?: string
  }
  return (
    type === 'public' &&
    !!usages?.includes('verify') &&
    has.name === name &&
    has.namedCurve === namedCurve &&
    (!name.startsWith('RSA') || (has.hash?.name === hash && has.modulusLength! >= 2048))
  )
}

/**
 * Verifies with one key. jose has found the key. WebCrypto checks the signature directly, because jose would parse the token
 * a second time. jose still verifies with all other keys and algorithms: keys to import, keys to refuse, and secrets.
 */
async function verifyWithKey(jws: string, alg: string, key: Awaited<ReturnType<JWTVerifyGetKey>>): Promise<void> {
  const found = parameters.get(alg)
  if (!found || !isUsable(key, found)) return void (await compactVerify(jws, key as CryptoKey, { algorithms: [alg] }))
  const end = jws.lastIndexOf('.')
  const signature = base64url.decode(jws.slice(end + 1)) as Uint8Array<ArrayBuffer>
  const isRight = await crypto.subtle.verify(found, key, signature, encoder.encode(jws.slice(0, end)))
  if (!isRight) throw new errors.JWSSignatureVerificationFailed()
}

/** Verifies with the key that `getKey` finds. If several keys fit, tries one key after the other (RP-54). */
async function verifyWith(jws: string, header: { alg: string }, getKey: JWTVerifyGetKey): Promise<void> {
  const [encoded, payload, signature] = jws.split('.') as [string, string, string]
  let key
  try {
    key = await getKey(header, { protected: encoded, payload, signature })
  } catch (error) {
    if (codeOf(error) !== 'ERR_JWKS_MULTIPLE_MATCHING_KEYS') throw error
    let tries = 0
    for await (const candidate of error as AsyncIterable<CryptoKey>) {
      const isRight = await verifyWithKey(jws, header.alg, candidate).then(
        () => true,
        () => false,
      )
      if (isRight) return
      if (++tries === maxKeys) break
    }
    throw new errors.JWSSignatureVerificationFailed()
  }
  await verifyWithKey(jws, header.alg, key)
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
  try {
    await verifyWith(jws, header, getKey).catch(async (error: unknown) => {
      // Some providers replace a key but keep its `kid`, or send no `kid` (RP-52).
      const isBad = codeOf(error) === 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED'
      if (!(isBad && (await renew?.(since, header.kid)))) throw error
      await verifyWith(jws, header, getKey)
    })
  } catch (error) {
    // These codes of jose mean that the token is wrong. Any other error means that the keys are not available.
    throw /^ERR_J(?:WS_|WKS_NO_|OSE_NOT_)/.test(String(codeOf(error))) ? signatureError(error) : keysUnavailable(error)
  }
  prove?.()
}
