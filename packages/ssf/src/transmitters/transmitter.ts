import type { TrustedIssuer } from '@bcl/core'
import {
  createKeySource,
  isAllowed,
  isFunction,
  isText,
  oneOf,
  period,
  readOptions,
  requireAddress,
  requireOption,
  sourceRules,
  type KeySource,
  type RemoteKeysOptions,
  type Rule,
  type Rules,
} from '@bcl/core/kit'
import { createAudience, isAudience, isTextList, mustBeAudience, type Audience } from './audience.js'

/** A transmitter of Security Event Tokens that the application trusts. */
export interface Transmitter {
  /** The issuer of the tokens. It is compared byte for byte. For example, a trailing slash makes a different issuer. */
  issuer: string
  /**
   * The `aud` of the stream: one value, several values, or a function that finds the value. The answer of the function is cached
   * for 60 seconds. If the function fails, the transmitter must send the token again. Keycloak uses `<client>/<stream id>`.
   */
  audience: string | readonly string[] | (() => Audience | Promise<Audience>)
  /** The value of the `Authorization` header that the transmitter sends with a push. @default no header is required */
  pushAuthorization?: string | undefined
  /**
   * The issuers whose users this transmitter may sign out. If there is exactly one, a complex subject without a `user` names a
   * session of this issuer.
   *
   * @default its own issuer
   */
  subjectIssuers?: readonly string[] | undefined
  /**
   * The address of the transmitter's metadata.
   *
   * @default `/.well-known/ssf-configuration` before or after the path of the issuer
   */
  metadata?: URL | undefined
  /**
   * The source of the transmitter's keys. If you set this option, the metadata is not read. @default the `jwks_uri` of
   * its metadata
   */
  keys?: TrustedIssuer['keys']
  /** JWS algorithms. HS* is not allowed. @default ['RS256'] */
  algorithms?: readonly string[] | undefined
  /**
   * Seconds by which the clocks of the transmitter and of this machine may differ. This value must not be larger than the
   * `clockTolerance` of the issuer whose sessions the events end. Otherwise an event from the future is answered with 503
   * until it is within that tolerance. @default 60
   */
  clockTolerance?: number | undefined
  /**
   * Seconds after `iat` for which a token is accepted. The record of the token is kept for the same time. @default
   * 604800, 7 days
   */
  maxTokenAge?: number | undefined
  /** Accept only `typ: secevent+jwt`. If this option is false, `JWT` and a missing `typ` are also accepted. @default true */
  requireTyp?: boolean | undefined
}

type Defaulted = 'issuer' | 'subjectIssuers' | 'algorithms' | 'clockTolerance' | 'maxTokenAge' | 'requireTyp'
type Checked = { [Name in Defaulted]-?: Exclude<Transmitter[Name], undefined> }

/** A checked {@link Transmitter} with its keys. */
export interface KnownTransmitter extends Readonly<Checked> {
  readonly pushAuthorization: string | undefined
  readonly findAudience: (aud: unknown) => Promise<string[]>
  readonly keys: KeySource & { warm?(): Promise<void> }
  /** The members of a complex subject that the transmitter declares as critical. */
  readonly criticalMembers: () => unknown
}

/** The rule for an optional secret. Its error message does not show the value. */
export const secret = (test: (value: unknown) => boolean, words: string): Rule => [
  (value, path) => {
    requireOption(test(value), path, words)
    return true
  },
  '',
  undefined,
]

/** The rule for the address of the metadata. */
export const metadataRule: Rule = [(value: unknown) => value instanceof URL, 'must be a URL', undefined]

const rules: Rules = {
  ...sourceRules,
  audience: [(value: unknown) => isAudience(value) || isFunction(value), `${mustBeAudience}, or a function`],
  maxTokenAge: period(7 * 86_400),
  requireTyp: oneOf(true, false),
  pushAuthorization: secret(isText, 'must be a non-empty string'),
  subjectIssuers: [isTextList, 'must be a list of strings', undefined],
  metadata: metadataRule,
}

const wellKnown = '/.well-known/ssf-configuration'

/**
 * Returns the possible addresses of a transmitter's metadata (SE-4). The standard inserts the well-known part between the host
 * and the path. Keycloak appends it to the issuer.
 *
 * @param metadata The address in the options.
 * @param path The start of the option's name in an error.
 * @throws {TypeError} if requests to the address are not allowed.
 * @see {@link https://openid.net/specs/openid-sharedsignals-framework-1_0.html OpenID Shared Signals Framework 1.0, 7.2}
 */
export function metadataUrls(
  issuer: string,
  metadata: URL | undefined,
  path: string,
  allowInsecureRequests: boolean | undefined,
): string[] {
  if (metadata) {
    requireOption(isAllowed(metadata.href, allowInsecureRequests), `${path}metadata`, 'must be https', metadata.href)
    return [metadata.href]
  }
  requireAddress({ issuer }, path, allowInsecureRequests)
  const base = issuer.replace(/\/$/, '')
  const { origin, pathname } = new URL(base)
  return [...new Set([origin + wellKnown + (pathname === '/' ? '' : pathname), base + wellKnown])]
}

/** Checks one entry of `transmitters`. Sends no request. */
export function knowTransmitter(
  transmitter: Transmitter,
  path: string,
  options: RemoteKeysOptions & { timeout: number },
): KnownTransmitter {
  const read = readOptions(transmitter, rules, path) as Checked &
    Transmitter & { pushAuthorization: string | undefined }
  const { issuer, keys, metadata, algorithms } = read
  requireOption(!algorithms.some((alg) => alg.startsWith('HS')), `${path}.algorithms`, 'must not have HS*')
  if (keys instanceof URL) requireAddress({ issuer, keys }, `${path}.`, options.allowInsecureRequests)
  const urls = keys ? [] : metadataUrls(issuer, metadata, `${path}.`, options.allowInsecureRequests)
  let criticalMembers: unknown
  return {
    ...read,
    subjectIssuers: read.subjectIssuers ?? [issuer],
    findAudience: createAudience(read.audience, options.timeout),
    keys: createKeySource(
      { issuer, keys, metadata: urls },
      {
        ...options,
        onMetadata({ critical_subject_members: members }) {
          criticalMembers = members
        },
      },
    ),
    criticalMembers: () => criticalMembers,
  }
}
