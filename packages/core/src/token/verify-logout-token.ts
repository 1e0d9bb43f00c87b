import { compactVerify, errors, type CryptoKey, type JWTVerifyGetKey } from 'jose'
import { decodeObject, splitCompact } from './compact.js'
import { decrypt } from './decrypt.js'
import { BackchannelLogoutError, codeOf, invalidToken, keysUnavailable } from '../errors.js'
import { findIssuer, type IssuerSource, type Trust } from '../issuers/issuer-source.js'
import { createIssuers, createKeySets } from '../issuers/issuers.js'
import { checkClaims, chooseByAudience, logoutType, type CheckedClaims, type LogoutToken } from './logout-token.js'
import type { JSONObject } from '../util/objects.js'
import { isText, nowRules, readOptions, requireOption } from '../util/options.js'
import type { KeySource } from '../keys/remote-keys.js'
import { monotonicNow } from '../util/clock.js'
import { isSymmetric, needsNoKeys, register, type Registration, type TrustedIssuer } from '../issuers/trusted-issuer.js'

/** The most keys that are tried on a token whose header fits several keys (RP-54). */
const maxKeys = 8

/** A verified token, and the registrations that it counts for: at least one. */
export interface Verified {
  token: Omit<LogoutToken, 'clientId'>
  registrations: readonly Registration[]
}

/** Reads a header. It must name no critical extension, and its `kid` must be a text of limited length (RP-15). */
function readHeader(part: string): JSONObject {
  const header = decodeObject(part)
  const { crit, b64, kid = '' } = header
  if (crit === undefined && b64 === undefined && typeof kid === 'string' && kid.length <= 1024) return header
  throw invalidToken('has a wrong "crit", "b64" or "kid"')
}

/** Accepted unless `requireTyp` is set. A missing `typ` counts as `JWT`, which fits every kind of token (RP-22). */
const possibleType = /^(?:application\/)?(?:logout\+)?jwt$/i

const signatureError = (cause?: unknown): BackchannelLogoutError =>
  new BackchannelLogoutError('ERR_LOGOUT_TOKEN_SIGNATURE', 'Logout Token is not signed as registered', { cause })

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

/** Checks the signature with the client secret or a key of the issuer (RP-13 to RP-15). */
async function checkSignature(
  jws: string,
  { alg, kid }: { alg: string; kid?: unknown },
  registration: Registration,
  source: IssuerSource,
): Promise<void> {
  const since = monotonicNow()
  const { getKey, renew, prove }: KeySource = isSymmetric(alg)
    ? { getKey: () => new TextEncoder().encode(registration.clientSecret) }
    : source.keysOf(registration)
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

/** Verifies a token. Each registration that the token names checks it by its own rules (RP-12). */
export async function verify(jwt: string, source: IssuerSource, now: () => number): Promise<Verified> {
  let jws = jwt
  let trusted: Trust = source
  let parts = splitCompact(jwt, 3, 5)
  if (parts[3] !== undefined) {
    ;({ jws, trusted } = await decrypt(jwt, readHeader(parts[0]!), source))
    parts = splitCompact(jws, 3)
  }
  const header = readHeader(parts[0]!) as { alg: string; kid?: unknown; typ?: unknown }
  const { alg, typ = 'JWT' } = header
  const claims = decodeObject(parts[1]!)
  const audiences = [claims['aud']].flat()
  const atIssuer = await findIssuer(claims['iss'], trusted, ({ clientId }) => audiences.includes(clientId))
  // Registrations of an issuer share its keys, so they share one check of the signature. Client secrets can differ.
  const checks = new Map<string | undefined, Promise<void>>()
  const registrations: Registration[] = []
  let checked: CheckedClaims | undefined
  let failure: unknown
  for (const registration of chooseByAudience(atIssuer, audiences, claims['azp'])) {
    const { requireTyp, decryption, algorithms, clientSecret } = registration
    try {
      if (!isText(typ) || !(requireTyp ? logoutType : possibleType).test(typ)) throw invalidToken('has a wrong "typ"')
      if (decryption?.required && trusted === source) throw invalidToken('is not encrypted')
      if (!algorithms.includes(alg)) throw signatureError()
      const secret = isSymmetric(alg) ? clientSecret : undefined
      if (!checks.has(secret)) checks.set(secret, checkSignature(jws, header, registration, source))
      await checks.get(secret)
      checked = checkClaims(claims, registration, now())
      registrations.push(registration)
    } catch (error) {
      failure ??= error
    }
  }
  if (!checked) throw failure
  return { token: { clientIds: registrations.map(({ clientId }) => clientId), ...checked }, registrations }
}

/** The key sets of all calls in this process, one per URL and issuer. */
const keySets = createKeySets()

/**
 * Verifies a Logout Token and returns its content. This function ends no session and remembers nothing. Most applications
 * use `createBackchannelLogout` instead.
 *
 * @param jwt The `logout_token` as it was sent.
 * @param issuers The client registrations to trust. Each has `keys`, or HS* algorithms and a `clientSecret`.
 * @param options `now` is the clock: a NumericDate in seconds. The default is the system clock.
 * @throws {BackchannelLogoutError} `ERR_LOGOUT_TOKEN_INVALID`, `ERR_LOGOUT_TOKEN_SIGNATURE`, `ERR_LOGOUT_TOKEN_CLAIM`,
 *   `ERR_LOGOUT_TOKEN_EXPIRED` or `ERR_LOGOUT_KEYS_UNAVAILABLE`.
 * @throws {TypeError} if the settings of an issuer are wrong.
 * @see {@link https://openid.net/specs/openid-connect-backchannel-1_0.html#Validation OpenID Connect Back-Channel Logout 1.0, 2.6}
 * @example
 * ```ts
 * import { verifyLogoutToken } from '@bcl/core'
 *
 * declare const logoutToken: string
 *
 * const keys = new URL('https://op.example.com/jwks')
 * const { sub, sid } = await verifyLogoutToken(logoutToken, [
 *   { issuer: 'https://op.example.com', clientId: 'my-client', keys },
 * ])
 * ```
 */
export async function verifyLogoutToken(
  jwt: string,
  issuers: readonly TrustedIssuer[],
  options: { now?: (() => number) | undefined } = {},
): Promise<LogoutToken> {
  const { now } = readOptions(options, nowRules)
  requireOption(Array.isArray(issuers), 'issuers', 'must be a list', issuers)
  issuers.forEach((issuer, index) => {
    const hasKeys = !!Object(issuer).keys || needsNoKeys(register(issuer, index))
    requireOption(hasKeys, `issuers[${index}].keys`, 'must be set, as by discoverKeys')
  })
  const source = createIssuers({ issuers }, keySets)
  const { token } = await verify(jwt, source, now!)
  return { clientId: token.clientIds[0]!, ...token }
}
