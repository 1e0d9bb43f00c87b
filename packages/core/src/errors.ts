/**
 * Why a logout was refused or failed. Codes are API: they are only ever added to, messages may change.
 *
 * - `ERR_LOGOUT_REQUEST_INVALID`: the HTTP request is not a form POST with exactly one Logout Token.
 * - `ERR_LOGOUT_TOKEN_INVALID`: the token's form, header or encryption is not what it must be.
 * - `ERR_LOGOUT_TOKEN_SIGNATURE`: not signed with the registered algorithm by a key of the issuer.
 * - `ERR_LOGOUT_TOKEN_CLAIM`: a claim is missing or wrong; {@link BackchannelLogoutError.claim} names it.
 * - `ERR_LOGOUT_TOKEN_EXPIRED`: past `exp`, or older than `maxTokenAge`.
 * - `ERR_LOGOUT_TOKEN_REPLAYED`: carried out before, and `replay` is `'reject'`.
 * - `ERR_LOGOUT_KEYS_UNAVAILABLE`: the issuer's keys could not be had.
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

/** What accompanies a {@link BackchannelLogoutError}. */
export interface BackchannelLogoutErrorOptions {
  /** The claim at fault. */
  claim?: string | undefined
  /** The configured issuer or client that the token should have named. */
  expected?: string | undefined
  /** What made it fail. Never carries claim values. */
  cause?: unknown
}

/**
 * The one error of this library besides `TypeError`, which is for wrong options and wrong sessions. Tell them apart
 * by {@link code}.
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
  /** The reason, stable across releases. */
  declare readonly code: BackchannelLogoutErrorCode
  /** The claim at fault, with `ERR_LOGOUT_TOKEN_CLAIM` and `ERR_LOGOUT_TOKEN_EXPIRED`. */
  declare readonly claim?: string
  /** The configured issuer or client, where the token named another. */
  declare readonly expected?: string

  constructor(
    code: BackchannelLogoutErrorCode,
    message: string,
    { claim, expected, cause }: BackchannelLogoutErrorOptions = {},
  ) {
    super(message, cause ? { cause } : {})
    Object.assign(this, { code }, claim && { claim }, expected && { expected })
  }
}

/** A claim is missing or wrong (RP-10 to RP-21), or says that the token is too old. */
export const claimError = (
  claim: string,
  problem: string,
  expected?: string,
  code: BackchannelLogoutErrorCode = 'ERR_LOGOUT_TOKEN_CLAIM',
): BackchannelLogoutError => new BackchannelLogoutError(code, `"${claim}" ${problem}`, { claim, expected })

/** The token's form, header or encryption is not what it must be. */
export const invalidToken = (problem: string): BackchannelLogoutError =>
  new BackchannelLogoutError('ERR_LOGOUT_TOKEN_INVALID', `Logout Token ${problem}`)

/** The issuer's keys could not be had. */
export const keysUnavailable = (cause: unknown): BackchannelLogoutError =>
  new BackchannelLogoutError('ERR_LOGOUT_KEYS_UNAVAILABLE', 'no keys of the issuer', { cause })

/** `cause` as an error of this library: what failed, unless it already says. */
export const asLogoutError = (what: string, cause?: unknown): BackchannelLogoutError =>
  cause instanceof BackchannelLogoutError
    ? cause
    : new BackchannelLogoutError('ERR_LOGOUT_FAILED', `${what} failed`, { cause })

/** jose's errors, and those that imitate them, by their code: there may be several copies of jose. */
export const codeOf = (error: unknown): unknown => Object(error).code
