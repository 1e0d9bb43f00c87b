import { createLocalJWKSet, type CryptoKey, type JSONWebKeySet, type JWK, type JWTVerifyGetKey } from 'jose'
import { defined, isObject } from './compact.js'
import {
  flag,
  isText,
  listOf,
  oneOf,
  optional,
  period,
  requireOption,
  requireOptions,
  seconds,
  text,
  type Rule,
} from './options.js'

/** How encrypted Logout Tokens (nested JWE) are opened: as ID Tokens of the same client are. */
export interface Decryption {
  /** The client's private keys, or the symmetric ones. */
  keys: readonly (JWK | CryptoKey)[]
  /** Key management algorithms, as registered: `id_token_encrypted_response_alg`. */
  alg: readonly string[]
  /** Content encryption algorithms, as registered: `id_token_encrypted_response_enc`. */
  enc: readonly string[]
  /** Refuse a token that is not encrypted. @default false */
  required?: boolean | undefined
}

/**
 * One client registration at one OpenID Provider. Several may name one issuer; a token's `iss` and `aud` choose.
 *
 * @see {@link https://openid.net/specs/openid-connect-backchannel-1_0.html#Validation OpenID Connect Back-Channel Logout 1.0, 2.6}
 */
export interface TrustedIssuer {
  /** Issuer Identifier, compared byte for byte: a trailing slash counts. */
  issuer: string
  /** The `client_id` of this Relying Party. */
  clientId: string
  /** Where the keys come from; left out, discovery at the issuer. One key set per issuer is shared. */
  keys?: URL | JSONWebKeySet | JWTVerifyGetKey | undefined
  /** JWS algorithms, as registered: `id_token_signed_response_alg`. @default ['RS256'] */
  algorithms?: readonly string[] | undefined
  /** The client secret, whose UTF-8 bytes are the key of HS256, HS384 and HS512; no other use is made of it. */
  clientSecret?: string | undefined
  /**
   * Set where ID Tokens are registered to be encrypted. Four keys are tried on a token at most, so with more, or with an
   * issuer function, the provider must name `iss` or `kid` in the header.
   */
  decryption?: Decryption | undefined
  /** Seconds by which the clocks of the provider and of this machine may differ. @default 60 */
  clockTolerance?: number | undefined
  /** Seconds added to a logout's `iat`, for a provider that dates its logouts early (ZITADEL: 1). @default 0 */
  iatSkew?: number | undefined
  /** Seconds after `iat` from which a token is too old, the tolerance aside. @default none; 120 without `requireExp` */
  maxTokenAge?: number | undefined
  /** Refuse a token without `exp`. Where false, `maxTokenAge` bounds its age. @default true */
  requireExp?: boolean | undefined
  /** Accept `typ: logout+jwt` alone, not `JWT` nor none. @default false */
  requireTyp?: boolean | undefined
  /** Refuse a token without `sid`; for clients registered with `backchannel_logout_session_required`. @default false */
  requireSid?: boolean | undefined
  /** Audiences a token may have besides {@link clientId}. @default [] */
  trustedAudiences?: readonly string[] | undefined
  /**
   * What a token with `sid` ends: that session, or also every other session of its `sub`. A token that names no
   * subject ends its session in both.
   *
   * @default 'session'
   */
  logoutScope?: 'session' | 'subject' | undefined
}

type Defaulted =
  | 'algorithms'
  | 'clockTolerance'
  | 'iatSkew'
  | 'requireExp'
  | 'requireTyp'
  | 'requireSid'
  | 'trustedAudiences'
  | 'logoutScope'

/** A {@link TrustedIssuer} that was checked, with its defaults filled in. */
export type Registration = Omit<TrustedIssuer, Defaulted> & { [K in Defaulted]-?: Exclude<TrustedIssuer[K], undefined> }

const signing = /^(?:[RPEH]S(?:256|384|512)|EdDSA|Ed25519|ML-DSA-(?:44|65|87))$/

/** Tells an algorithm whose key is the client secret (RP-14). */
const isSymmetric = (alg: string): boolean => alg.startsWith('HS')

/** Whether all that a client's tokens may be signed with is its secret. */
export const needsNoKeys = ({ algorithms }: Registration): boolean => algorithms.every(isSymmetric)

/** The key of an HS* algorithm, `undefined` for others. */
export const secretFor = (alg: string, { clientSecret }: Registration): Uint8Array | undefined =>
  isSymmetric(alg) ? new TextEncoder().encode(clientSecret) : undefined

function areKeys(keys: NonNullable<TrustedIssuer['keys']>): boolean {
  try {
    return keys instanceof URL || typeof localKeys(keys) === 'function'
  } catch {
    return false
  }
}

const rules: Record<string, Rule> = {
  issuer: text,
  clientId: text,
  keys: optional([areKeys as never, 'a URL, a JWK Set or a function']),
  algorithms: listOf((alg) => isText(alg) && signing.test(alg), 'JWS algorithms'),
  decryption: optional([isObject, 'an object']),
  clockTolerance: seconds,
  iatSkew: seconds,
  maxTokenAge: optional(period),
  requireExp: flag,
  requireTyp: flag,
  requireSid: flag,
  trustedAudiences: [((list: unknown) => Array.isArray(list) && list.every(isText)) as never, 'a list of strings'],
  logoutScope: oneOf('session', 'subject'),
}

const decryptionRules: Record<string, Rule> = {
  keys: listOf((key) => typeof key === 'object' && key !== null, 'JWKs or CryptoKeys'),
  alg: listOf(isText, 'JWE "alg" values'),
  enc: listOf(isText, 'JWE "enc" values'),
  required: optional(flag),
}

/** Checks one entry of `issuers` and fills in its defaults. */
export function register(issuer: TrustedIssuer): Registration {
  requireOption(isObject(issuer), 'issuers', 'a list of objects')
  const registration = {
    algorithms: ['RS256'],
    clockTolerance: 60,
    iatSkew: 0,
    requireExp: true,
    requireTyp: false,
    requireSid: false,
    trustedAudiences: [],
    logoutScope: 'session',
    ...(issuer.requireExp === false && { maxTokenAge: 120 }),
    ...defined(issuer),
  } as Registration
  requireOptions(registration, rules)
  if (registration.decryption) requireOptions(registration.decryption, decryptionRules, 'decryption.')
  if (registration.algorithms.some(isSymmetric))
    requireOption(isText(registration.clientSecret), 'clientSecret', 'set for HS*')
  return registration
}

const local = new WeakMap<object, JWTVerifyGetKey>()

/** Keys that need no network: a function as it is, a JWK Set read once. */
export function localKeys(keys: JSONWebKeySet | JWTVerifyGetKey): JWTVerifyGetKey {
  if (typeof keys === 'function') return keys
  const known = local.get(keys) ?? createLocalJWKSet(keys)
  local.set(keys, known)
  return known
}
