import type { CryptoKey, JSONWebKeySet, JWK, JWTVerifyGetKey } from 'jose'
import { localKeys } from '../keys/key-source.js'
import {
  isListOf,
  isText,
  oneOf,
  period,
  periodOrZero,
  readOptions,
  requireOption,
  text,
  type Rule,
  type Rules,
} from '../util/options.js'

/**
 * The keys and algorithms that decrypt Logout Tokens (nested JWE). Use the keys and algorithms that decrypt the client's
 * ID Tokens.
 */
export interface Decryption {
  /** The private keys of the client, or its symmetric keys. */
  keys: readonly (JWK | CryptoKey)[]
  /** Key management algorithms, as registered: `id_token_encrypted_response_alg`. */
  alg: readonly string[]
  /** Content encryption algorithms, as registered: `id_token_encrypted_response_enc`. */
  enc: readonly string[]
  /** Refuse a token that is not encrypted. @default false */
  required?: boolean | undefined
}

/**
 * One client registration at one OpenID Provider. Several registrations may have the same issuer. The `iss` and `aud`
 * of a token select the registrations.
 *
 * @see {@link https://openid.net/specs/openid-connect-backchannel-1_0.html#Validation OpenID Connect Back-Channel Logout 1.0, 2.6}
 */
export interface TrustedIssuer {
  /** Issuer Identifier. It is compared byte for byte. For example, a trailing slash makes a different issuer. */
  issuer: string
  /** The `client_id` of this Relying Party. */
  clientId: string
  /** The issuer in the sessions, if the provider uses a different `iss` in Logout Tokens. @default {@link issuer} */
  sessionIssuer?: string | undefined
  /**
   * The source of the keys. All clients of an issuer that need keys must have the same source. A JWK Set is read once, so a later change of
   * the object has no effect. If the keys can change, use a URL or a function. A function must answer within 2 seconds.
   *
   * @default discovery at the issuer
   */
  keys?: URL | JSONWebKeySet | JWTVerifyGetKey | undefined
  /** JWS algorithms, as registered: `id_token_signed_response_alg`. @default ['RS256'] */
  algorithms?: readonly string[] | undefined
  /**
   * The client secret. Its UTF-8 bytes are the key of HS256, HS384 and HS512. The library uses the secret for nothing else.
   */
  clientSecret?: string | undefined
  /**
   * Set this option if the client is registered for encrypted ID Tokens. At most four keys are tried on a token. If you
   * have more keys, the provider must set `kid` or `iss` in the header of the token. If the option `issuers` is a function,
   * the provider must set `iss`.
   */
  decryption?: Decryption | undefined
  /** Seconds by which the clocks of the provider and of this machine may differ. @default 60 */
  clockTolerance?: number | undefined
  /** Seconds to add to the `iat` of a logout, for a provider that dates its logouts too early (ZITADEL: 1). @default 0 */
  iatSkew?: number | undefined
  /**
   * Seconds after `iat` for which a token is valid. `clockTolerance` is added. @default unlimited; 120 if `requireExp`
   * is false
   */
  maxTokenAge?: number | undefined
  /** Refuse a token without `exp`. If this option is false, `maxTokenAge` limits the age of the token. @default true */
  requireExp?: boolean | undefined
  /** Accept only `typ: logout+jwt`. Refuse `JWT` and a missing `typ`. @default false */
  requireTyp?: boolean | undefined
  /** Refuse a token without `sid`. Set this option if the client has `backchannel_logout_session_required`. @default false */
  requireSid?: boolean | undefined
  /**
   * Audiences that a token may have in addition to {@link clientId}. A token can name several of your registrations. A
   * registration accepts the token only if it trusts all other audiences. @default []
   */
  trustedAudiences?: readonly string[] | undefined
  /**
   * Selects the sessions to end if a token has both `sid` and `sub`. `'session'` ends the session of `sid`, and the sessions
   * of `sub` without a `sid`. `'subject'` ends all sessions of `sub`. A token without `sub` ends only the session of `sid`.
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

/** Tells whether the key of an algorithm is the client secret (RP-14). */
export const isSymmetric = (alg: string): boolean => alg.startsWith('HS')

/** Tells whether the client accepts only tokens that are signed with its secret. */
export const needsNoKeys = ({ algorithms }: Registration): boolean => algorithms.every(isSymmetric)

function areKeys(keys: NonNullable<TrustedIssuer['keys']>): boolean {
  try {
    return keys instanceof URL || !!localKeys(keys)
  } catch {
    return false
  }
}

/** The rule for a list of names that match a pattern. */
const namesLike = (pattern: RegExp, example: string, ...defaults: unknown[]): Rule => [
  isListOf((name: string) => pattern.test(name)),
  `must be a list such as ["${example}"]`,
  ...defaults,
]

const decryptionRules: Rules = {
  keys: [isListOf((key) => Object(key) === key), 'must be a list of keys'],
  alg: namesLike(/^(?:dir|RSA-OAEP|ECDH-ES|PBES2-HS|A\d+(?:GCM)?KW)/, 'RSA-OAEP'),
  enc: namesLike(/^A\d+(?:GCM|CBC-HS\d+)$/, 'A256GCM'),
  required: oneOf(false, true),
}

/** The rules that OpenID Providers and SSF transmitters share. */
export const sourceRules: Rules = {
  issuer: text(),
  keys: [areKeys, 'must be a URL, a JWK Set or a function', undefined],
  algorithms: namesLike(/^(?:[RPEH]S(?:256|384|512)|Ed(?:DSA|25519)|ML-DSA-(?:44|65|87))$/, 'RS256', ['RS256']),
  clockTolerance: periodOrZero(60),
  maxTokenAge: period(undefined),
  requireTyp: oneOf(false, true),
}

const rules: Rules = {
  ...sourceRules,
  clientId: text(),
  sessionIssuer: text(undefined),
  clientSecret: text(undefined),
  decryption: [(value, path) => !!readOptions(value, decryptionRules, path), '', undefined],
  iatSkew: periodOrZero(0),
  requireExp: oneOf(true, false),
  requireSid: oneOf(false, true),
  trustedAudiences: [isListOf(isText, 0), 'must be a list of strings', []],
  logoutScope: oneOf('session', 'subject'),
}

/**
 * Checks one entry of `issuers` and fills in its defaults.
 *
 * @param index The position of the entry in the list, for messages.
 */
export function register(issuer: TrustedIssuer, index: number): Registration {
  const path = `issuers[${index}]`
  const registration = readOptions(issuer, rules, path) as Registration
  const { algorithms, clientSecret, requireExp } = registration
  const hasSecret = !!clientSecret || !algorithms.some(isSymmetric)
  requireOption(hasSecret, `${path}.clientSecret`, 'must be set for HS*')
  if (!requireExp) registration.maxTokenAge ??= 120
  return registration
}
