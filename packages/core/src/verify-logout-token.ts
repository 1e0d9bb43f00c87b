import { compactVerify, type CryptoKey } from 'jose'
import { decodeObject, splitCompact, type JSONObject } from './compact.js'
import { decrypt } from './decrypt.js'
import { BackchannelLogoutError, claimError, codeOf, invalidToken, keysUnavailable } from './errors.js'
import { findIssuer, type IssuerSource } from './issuer-source.js'
import { checkClaims, chooseByAudience, type LogoutToken } from './logout-token.js'
import { requireOption } from './options.js'
import { createRemoteKeys, maxKeySets, type RemoteKeys } from './remote-keys.js'
import { remember } from './time.js'
import { localKeys, needsNoKeys, register, secretFor, type Registration, type TrustedIssuer } from './trusted-issuer.js'

/** The longest token that is looked at (RP-4). */
const maxLength = 16 * 1024
/** The longest `kid` that is looked for. */
const maxKid = 1024
/** Keys tried on a token whose header fits several (RP-54). */
const maxKeys = 8

/** A token that passed, and the registration it was for. */
export interface Verified {
  token: LogoutToken
  registration: Registration
}

/** What holds for every header: nothing critical that we do not understand, a `kid` that is text (RP-15). */
function checkHeader(header: JSONObject): JSONObject {
  const { kid = '' } = header
  for (const name of ['crit', 'b64']) if (Object.hasOwn(header, name)) throw invalidToken(`header has "${name}"`)
  if (typeof kid !== 'string' || kid.length > maxKid) throw invalidToken('header "kid" is not a string, or too long')
  return header
}

let latest: { part?: string; header?: JSONObject } = {}

/** Reads a header. Those of a provider are the same for as long as its key is, so the latest is remembered. */
function readHeader(part: string): JSONObject {
  if (latest.part !== part) latest = { part, header: checkHeader(decodeObject(part)) }
  return latest.header!
}

/** A `typ` by the rules of media types: in any case, with or without `application/` (RP-22). */
function checkType(typ: unknown, strict: boolean): void {
  const type = typeof typ === 'string' ? typ.toLowerCase().replace(/^application\//, '') : typ
  const allowed = type === 'logout+jwt' || (!strict && (type === 'jwt' || type === undefined))
  if (!allowed) throw invalidToken('header "typ" is not that of a Logout Token')
}

const signatureError = (cause?: unknown): BackchannelLogoutError =>
  new BackchannelLogoutError(
    'ERR_LOGOUT_TOKEN_SIGNATURE',
    'Logout Token is not signed as registered',
    cause ? { cause } : {},
  )

/** What jose says of a token that is not good, in contrast to keys that are not. */
const refusals = new Set<unknown>([
  'ERR_JWS_SIGNATURE_VERIFICATION_FAILED',
  'ERR_JWS_INVALID',
  'ERR_JWKS_NO_MATCHING_KEY',
  'ERR_JOSE_NOT_SUPPORTED',
])

/** Several keys fit the header, so each is tried. */
async function verifyWithEach(
  jws: string,
  keys: AsyncIterable<CryptoKey>,
  options: { algorithms: string[] },
): Promise<void> {
  let tries = 0
  for await (const key of keys) {
    const isGood = await compactVerify(jws, key, options).then(
      () => true,
      () => false,
    )
    if (isGood) return
    if (++tries === maxKeys) break
  }
  throw signatureError()
}

/** Signed, by the registered algorithm, with a key of the issuer (RP-13 to RP-15). */
async function checkSignature(
  jws: string,
  alg: unknown,
  registration: Registration,
  source: IssuerSource,
): Promise<void> {
  if (typeof alg !== 'string' || !registration.algorithms.includes(alg)) throw signatureError()
  const options = { algorithms: [alg] }
  const secret = secretFor(alg, registration)
  try {
    await (secret ? compactVerify(jws, secret, options) : compactVerify(jws, source.keysOf(registration), options))
  } catch (error) {
    const code = codeOf(error)
    if (code === 'ERR_JWKS_MULTIPLE_MATCHING_KEYS')
      return verifyWithEach(jws, error as AsyncIterable<CryptoKey>, options)
    throw refusals.has(code) ? signatureError(error) : keysUnavailable(error)
  }
}

/** Verifies a token against the issuers of `source`. */
export async function verify(jwt: string, source: IssuerSource, now: () => number): Promise<Verified> {
  if (typeof jwt !== 'string' || jwt.length > maxLength) throw invalidToken('is not a string, or too long')
  let jws = jwt
  let parts = splitCompact(jwt)
  let openedBy: readonly Registration[] | undefined
  if (parts.length === 5) {
    ;({ jws, openedBy } = await decrypt(jwt, checkHeader(decodeObject(parts[0]!)), source))
    parts = splitCompact(jws)
    if (parts.length === 5) throw invalidToken('is encrypted twice')
  }
  const { alg, typ } = readHeader(parts[0]!)
  checkType(typ, false)
  const claims = decodeObject(parts[1]!)
  const { iss } = claims
  const opened = openedBy?.filter(({ issuer }) => issuer === iss)
  if (opened?.length === 0) throw claimError('iss', 'is not that of the key that opened it', openedBy![0]!.issuer)
  const registration = chooseByAudience(opened ?? (await findIssuer(iss, source)), claims)
  checkType(typ, registration.requireTyp)
  if (registration.decryption?.required && !opened) throw invalidToken('is not encrypted')
  await checkSignature(jws, alg, registration, source)
  return { token: checkClaims(claims, registration, now()), registration }
}

const fetched = new Map<string, RemoteKeys>()
const systemNow = (): number => Date.now() / 1000

/** Keys at a URL, one set for each in the process. */
const keysAt = ({ href }: URL): RemoteKeys =>
  remember(fetched, href, fetched.get(href) ?? createRemoteKeys({ jwksUri: href }, { now: systemNow }), maxKeySets)

/**
 * Verifies a Logout Token and gives what it says; nothing is remembered and nobody told. `createBackchannelLogout`
 * is what most applications want.
 *
 * @param jwt The `logout_token` as it was sent.
 * @param issuers The client registrations to trust; each with `keys`, or with HS* algorithms and a `clientSecret`.
 * @param options `now` is the clock: a NumericDate, seconds. By default the system's.
 * @throws {BackchannelLogoutError} `ERR_LOGOUT_TOKEN_INVALID`, `ERR_LOGOUT_TOKEN_SIGNATURE`, `ERR_LOGOUT_TOKEN_CLAIM`,
 *   `ERR_LOGOUT_TOKEN_EXPIRED` or `ERR_LOGOUT_KEYS_UNAVAILABLE`.
 * @throws {TypeError} when an issuer's settings are wrong.
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
  requireOption(Array.isArray(issuers), 'issuers', 'a list of trusted issuers')
  const all = issuers.map(register)
  for (const registration of all) {
    requireOption(
      registration.keys !== undefined || needsNoKeys(registration),
      'keys',
      'set; discoverKeys() finds them',
    )
  }
  const source: IssuerSource = {
    all,
    find: (iss) => all.filter(({ issuer }) => issuer === iss),
    keysOf: ({ keys }) => (keys instanceof URL ? keysAt(keys).getKey : localKeys(keys!)),
  }
  return (await verify(jwt, source, options.now ?? systemNow)).token
}
