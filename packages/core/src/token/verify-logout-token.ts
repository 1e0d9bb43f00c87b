import { decodeObject, splitCompact, utf8Of } from './compact.js'
import { decrypt } from './decrypt.js'
import { claimError, invalidToken } from '../errors.js'
import { findIssuer, type IssuerSource, type Trust } from '../issuers/issuer-source.js'
import { createIssuers, createKeySets } from '../issuers/issuers.js'
import {
  accepts,
  checkClaims,
  chooseByAudience,
  logoutType,
  type CheckedClaims,
  type LogoutToken,
} from './logout-token.js'
import { isText, nowRules, readOptions, requireOption } from '../util/options.js'
import { isSymmetric, needsNoKeys, register, type Registration, type TrustedIssuer } from '../issuers/trusted-issuer.js'
import { readHeader, signatureError, verifySignature } from './verify-signature.js'

/** A verified token, and the registrations that accepted it. There is at least one registration. */
export interface Verified {
  token: Omit<LogoutToken, 'clientId'>
  registrations: readonly Registration[]
}

/** The values of `typ` that are accepted if `requireTyp` is false. A missing `typ` counts as `JWT` (RP-22). */
const possibleType = /^(?:application\/)?(?:logout\+)?jwt$/i

/** The largest number of values in `aud`. */
const maxAudiences = 100

/** Verifies a token. Each registration that the token names checks the token by its own rules (RP-12). */
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
  // Each client is compared with each audience, also for a token without a valid signature.
  if (audiences.length > maxAudiences) throw claimError('aud', 'has too many values')
  const { iss, azp } = claims
  const atIssuer = await findIssuer(iss, trusted, (known) => known.some(accepts(audiences, azp)))
  // The registrations of an issuer share its keys, so the signature is checked once for all of them. A client secret needs
  // its own check.
  const checks = new Map<string | undefined, Promise<void>>()
  const registrations: Registration[] = []
  let checked: CheckedClaims | undefined
  let failure: unknown
  const accept = async (registration: Registration): Promise<void> => {
    const { requireTyp, decryption, algorithms, clientSecret } = registration
    try {
      if (!isText(typ) || !(requireTyp ? logoutType : possibleType).test(typ)) throw invalidToken('has a wrong "typ"')
      if (decryption?.required && trusted === source) throw invalidToken('is not encrypted')
      if (!algorithms.includes(alg)) throw signatureError()
      const secret = isSymmetric(alg) ? clientSecret : undefined
      if (!checks.has(secret)) {
        const keys = secret ? { getKey: () => utf8Of(secret) } : source.keysOf(registration)
        checks.set(secret, verifySignature(jws, header, keys))
      }
      await checks.get(secret)
      checked = checkClaims(claims, registration, now())
      registrations.push(registration)
    } catch (error) {
      failure ??= error
    }
  }
  for (const registration of chooseByAudience(atIssuer, audiences, azp)) await accept(registration)
  const isVerified = !!checked
  // An audience that is no known client can be a client that was added after the cached answer. A verified token causes this
  // call if the answer is older than a second. If it fails, the logout of the known clients is carried out.
  const isNew = (name: unknown, known: readonly Registration[]): boolean =>
    known.every(({ clientId }) => clientId !== name)
  if (azp === undefined && audiences.some((name) => isNew(name, atIssuer))) {
    let all: readonly Registration[] = []
    try {
      all = await trusted.find(iss as string, () => isVerified, isVerified ? 1 : undefined)
    } catch {
      // The issuer function failed.
    }
    // The new answer can have other keys.
    checks.clear()
    for (const registration of all.filter(accepts(audiences)))
      if (!atIssuer.includes(registration) && isNew(registration.clientId, registrations)) await accept(registration)
  }
  if (!checked) throw failure
  source.use(iss as string)
  return { token: { clientIds: registrations.map(({ clientId }) => clientId), ...checked }, registrations }
}

/** The JWK Sets that all calls of `verifyLogoutToken` share. There is one JWK Set per URL and issuer. */
const keySets = createKeySets()

/**
 * Verifies a Logout Token and returns its content. This function ends no session and stores nothing. Most applications use
 * `createBackchannelLogout` instead.
 *
 * @param jwt The `logout_token` as it was sent.
 * @param issuers The client registrations to trust. Each has `keys`, or HS* algorithms and a `clientSecret`.
 * @param options `now` returns the current time as a NumericDate, in seconds. By default, it uses the system clock.
 * @throws {BackchannelLogoutError} `ERR_LOGOUT_TOKEN_INVALID`, `ERR_LOGOUT_TOKEN_SIGNATURE`, `ERR_LOGOUT_TOKEN_CLAIM`,
 *   `ERR_LOGOUT_TOKEN_EXPIRED` or `ERR_LOGOUT_KEYS_UNAVAILABLE`.
 * @throws {TypeError} if `issuers`, the settings of an issuer or `options` are wrong.
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
    requireOption(hasKeys, `issuers[${index}].keys`, 'must be set, see discoverKeys')
  })
  const source = createIssuers({ issuers }, keySets)
  const { token } = await verify(jwt, source, now!)
  return { clientId: token.clientIds[0]!, ...token }
}
