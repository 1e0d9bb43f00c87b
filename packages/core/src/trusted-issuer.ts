import { createLocalJWKSet, type CryptoKey, type JSONWebKeySet, type JWK, type JWTVerifyGetKey } from 'jose'
import type { KeySource } from './remote-keys.js'
import { within } from './time.js'
import {
  isFlag,
  isListOf,
  isOneOf,
  isPeriod,
  isSeconds,
  isText,
  readOptions,
  requireOption,
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

/** Tells an algorithm whose key is the client secret (RP-14). */
export const isSymmetric = (alg: string): boolean => alg.startsWith('HS')

/** Whether all that a client's tokens may be signed with is its secret. */
export const needsNoKeys = ({ algorithms }: Registration): boolean => algorithms.every(isSymmetric)

const local = new WeakMap<object, JWTVerifyGetKey>()

/** The time-out of a function for keys, in seconds. */
const keyTime = 2

/** Keys that need no network of ours: a function, or a JWK Set that is read once. */
export function localKeys(keys: JSONWebKeySet | JWTVerifyGetKey): KeySource {
  if (typeof keys === 'function')
    return { ...(keys as Partial<KeySource>), getKey: (...args) => within(keyTime, () => keys(...args)) }
  const getKey = local.get(keys) ?? createLocalJWKSet(keys)
  local.set(keys, getKey)
  return { getKey }
}

function areKeys(keys: NonNullable<TrustedIssuer['keys']>): boolean {
  try {
    return keys instanceof URL || !!localKeys(keys)
  } catch {
    return false
  }
}

const matches =
  (pattern: RegExp) =>
  (value: string): boolean =>
    pattern.test(value)

const rules: Record<string, Rule> = {
  issuer: [isText],
  clientId: [isText],
  keys: [areKeys, undefined],
  algorithms: [isListOf(matches(/^(?:[RPEH]S(?:256|384|512)|Ed(?:DSA|25519)|ML-DSA-(?:44|65|87))$/)), ['RS256']],
  clientSecret: [isText, undefined],
  clockTolerance: [isSeconds, 60],
  iatSkew: [isSeconds, 0],
  maxTokenAge: [isPeriod, undefined],
  requireExp: [isFlag, true],
  requireTyp: [isFlag, false],
  requireSid: [isFlag, false],
  trustedAudiences: [isListOf(isText, 0), []],
  logoutScope: [isOneOf('session', 'subject'), 'session'],
}

const decryptionRules: Record<string, Rule> = {
  keys: [isListOf((key) => Object(key) === key)],
  alg: [isListOf(matches(/^(?:dir|RSA-OAEP|ECDH-ES|PBES2-HS|A\d+(?:GCM)?KW)/))],
  enc: [isListOf(matches(/^A\d+(?:GCM|CBC-HS\d+)$/))],
  required: [isFlag, false],
}

/** Checks one entry of `issuers` and fills in its defaults. */
export function register(issuer: TrustedIssuer): Registration {
  const registration = readOptions(issuer, rules, 'issuers') as Registration
  const { algorithms, clientSecret, decryption, requireExp } = registration
  if (decryption !== undefined) readOptions(decryption, decryptionRules, 'decryption', 'decryption.')
  requireOption(!!clientSecret || !algorithms.some(isSymmetric), 'clientSecret')
  if (!requireExp) registration.maxTokenAge ??= 120
  return registration
}
