import { defined } from './util/objects.js'

/**
 * The reason why a logout was refused or failed. Codes are API: a release can add codes, but does not rename or
 * remove them. Messages may change.
 *
 * - `ERR_LOGOUT_REQUEST_INVALID`: the HTTP request is too large, or not a form POST with exactly one Logout Token.
 * - `ERR_LOGOUT_TOKEN_INVALID`: the format, the header or the encryption of the token is wrong.
 * - `ERR_LOGOUT_TOKEN_SIGNATURE`: the token is not signed with the registered algorithm by a key of the issuer.
 * - `ERR_LOGOUT_TOKEN_CLAIM`: a claim is missing or wrong; {@link BackchannelLogoutError.claim} names it.
 * - `ERR_LOGOUT_TOKEN_EXPIRED`: `exp` has passed, or the token is older than `maxTokenAge`.
 * - `ERR_LOGOUT_TOKEN_REPLAYED`: the logout of the token was carried out before, and `replay` is `'reject'`.
 * - `ERR_LOGOUT_KEYS_UNAVAILABLE`: the keys of the issuer are not available.
 * - `ERR_LOGOUT_FAILED`: the store, a listener or the issuer function failed.
 */
export type BackchannelLogoutErrorCode =
  | 'ERR_LOGOUT_REQUEST_INVALID'
  | 'ERR_LOGOUT_TOKEN_INVALID'
  | 'ERR_LOGOUT_TOKEN_SIGNATURE'
  | 'ERR_LOGOUT_TOKEN_CLAIM'
  | 'ERR_LOGOUT_TOKEN_EXPIRED'
  | 'ERR_LOGOUT_TOKEN_REPLAYED'
  | 'ERR_LOGOUT_KEYS_UNAVAILABLE'
  | 'ERR_LOGOUT_FAILED'

/** The details of a {@link BackchannelLogoutError}. */
export interface BackchannelLogoutErrorOptions {
  /** The name of the claim that is missing or wrong. */
  claim?: string | undefined
  /** The configured issuer or client. The token named a different issuer or client. */
  expected?: string | undefined
  /**
   * The error that caused this error. The library removes claim values from errors of the store and of the issuer function,
   * but not from errors of listeners, of `destroySession` and of key functions.
   */
  cause?: unknown
}

/**
 * The error of a logout that was refused or failed. Its {@link code} says why. Wrong options and wrong sessions throw a
 * `TypeError` instead.
 *
 * @example
 * ```ts
 * import { BackchannelLogoutError, type BackchannelLogout } from '@bcl/core'
 *
 * declare const logout: BackchannelLogout
 * declare const logoutToken: string
 *
 * try {
 *   await logout.receive(logoutToken)
 * } catch (error) {
 *   if (error instanceof BackchannelLogoutError && error.code === 'ERR_LOGOUT_TOKEN_CLAIM') {
 *     console.warn(`refused for its ${error.claim}, expected ${error.expected}`)
 *   }
 * }
 * ```
 */
export class BackchannelLogoutError extends Error {
  override readonly name: string = 'BackchannelLogoutError'
  /** The reason. It is stable across releases. */
  declare readonly code: BackchannelLogoutErrorCode
  /** The name of the claim that is missing or wrong. Only with `ERR_LOGOUT_TOKEN_CLAIM` and `ERR_LOGOUT_TOKEN_EXPIRED`. */
  declare readonly claim?: string
  /** The configured issuer or client, if the token named a different issuer or client. */
  declare readonly expected?: string

  constructor(
    code: BackchannelLogoutErrorCode,
    message: string,
    { claim, expected, cause }: BackchannelLogoutErrorOptions = {},
  ) {
    super(message, defined({ cause }))
    Object.assign(this, defined({ code, claim, expected }))
  }
}

/** The error for a claim that is missing or wrong (RP-10 to RP-21), or for a token that is too old. */
export const claimError = (
  claim: string,
  problem: string,
  expected?: string,
  code: BackchannelLogoutErrorCode = 'ERR_LOGOUT_TOKEN_CLAIM',
): BackchannelLogoutError => new BackchannelLogoutError(code, `"${claim}" ${problem}`, { claim, expected })

/** The error for a token whose format, header or encryption is wrong. */
export const invalidToken = (problem: string): BackchannelLogoutError =>
  new BackchannelLogoutError('ERR_LOGOUT_TOKEN_INVALID', `token ${problem}`)

/** The error for an issuer whose keys are not available. */
export const keysUnavailable = (cause: unknown): BackchannelLogoutError =>
  new BackchannelLogoutError('ERR_LOGOUT_KEYS_UNAVAILABLE', 'no keys of the issuer', { cause })

/** Returns an error of this library unchanged. Any other error becomes the `cause` of a new `ERR_LOGOUT_FAILED` error. */
export const asLogoutError = (part: string, cause?: unknown): BackchannelLogoutError =>
  cause instanceof BackchannelLogoutError
    ? cause
    : new BackchannelLogoutError('ERR_LOGOUT_FAILED', `${part} failed`, { cause })

/** The description of an error for the sender of the token. It contains no claim values. */
export const describe = ({ code, claim }: BackchannelLogoutError): string =>
  code.slice(4).toLowerCase().replaceAll('_', ' ') + (claim ? `: ${claim}` : '')

/**
 * The code of an error. Errors of jose are recognised by their code, because `instanceof` fails if an application has
 * several copies of jose.
 */
export const codeOf = (error: unknown): unknown => Object(error).code
