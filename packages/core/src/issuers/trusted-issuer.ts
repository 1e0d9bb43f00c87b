import { createLocalJWKSet, type CryptoKey, type JSONWebKeySet, type JWK, type JWTVerifyGetKey } from 'jose'
import type { KeySource } from '../keys/remote-keys.js'
import {
  isListOf,
  isPeriod,
  isText,
  oneOf,
  period,
  readOptions,
  requireOption,
  text,
  type Rule,
  type Rules,
} from '../util/options.js'
import { withTimeout } from '../util/with-timeout.js'

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
  /** The issuer that sessions carry, if the provider names itself differently in Logout Tokens. @default {@link issuer} */
  sessionIssuer?: string | undefined
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
  /**
   * Audiences that a token may have besides {@link clientId}. If a token names several of your registrations, it counts for
   * each of them that trusts all its other audiences. @default []
   */
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
    return { ...(keys as Partial<KeySource>), getKey: (...args) => withTimeout(keyTime, () => keys(...args)) }
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

/** A list of names such as the example. */
const namesLike = (pattern: RegExp, example: string, ...otherwise: unknown[]): Rule => [
  isListOf((name: string) => pattern.test(name)),
  `must be a list such as ["${example}"]`,
  ...otherwise,
]

const decryptionRules: Rules = {
  keys: [isListOf((key) => Object(key) === key), 'must be a list of keys'],
  alg: namesLike(/^(?:dir|RSA-OAEP|ECDH-ES|PBES2-HS|A\d+(?:GCM)?KW)/, 'RSA-OAEP'),
  enc: namesLike(/^A\d+(?:GCM|CBC-HS\d+)$/, 'A256GCM'),
  required: oneOf(false, true),
}

const seconds = (otherwise: number): Rule => [
  (value) => value === 0 || isPeriod(value),
  'must be seconds, 0 or more',
  otherwise,
]

const rules: Rules = {
  issuer: text(),
  clientId: text(),
  sessionIssuer: text(undefined),
  keys: [areKeys, 'must be a URL, a JWK Set or a function', undefined],
  algorithms: namesLike(/^(?:[RPEH]S(?:256|384|512)|Ed(?:DSA|25519)|ML-DSA-(?:44|65|87))$/, 'RS256', ['RS256']),
  clientSecret: text(undefined),
  decryption: [(value, path) => !!readOptions(value, decryptionRules, path), '', undefined],
  clockTolerance: seconds(60),
  iatSkew: seconds(0),
  maxTokenAge: period(undefined),
  requireExp: oneOf(true, false),
  requireTyp: oneOf(false, true),
  requireSid: oneOf(false, true),
  trustedAudiences: [isListOf(isText, 0), 'must be a list of strings', []],
  logoutScope: oneOf('session', 'subject'),
}

/**
 * Checks one entry of `issuers` and fills in its defaults.
 *
 * @param index The place of the entry in the list, for messages.
 */
export function register(issuer: TrustedIssuer, index: number): Registration {
  const path = `issuers[${index}]`
  const registration = readOptions(issuer, rules, path) as Registration
  const { algorithms, clientSecret, requireExp } = registration
  const hasSecret = !!clientSecret || !algorithms.some(isSymmetric)
  requireOption(hasSecret, `${path}.clientSecret`, 'must be set for HS256')
  if (!requireExp) registration.maxTokenAge ??= 120
  return registration
}
