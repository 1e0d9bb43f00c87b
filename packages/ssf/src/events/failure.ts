import { BackchannelLogoutError } from '@bcl/core'
import { describe } from '@bcl/core/kit'

/** The error for a failure of this receiver, not of the token. The transmitter may send the token again. */
export const failure = (part: string, cause: unknown): BackchannelLogoutError =>
  new BackchannelLogoutError('ERR_LOGOUT_FAILED', `${part} failed`, { cause })

/** Tells whether an error is a failure of this receiver. Any other error means that the token is wrong. */
export const isFailure = ({ code }: BackchannelLogoutError): boolean => /_(?:FAILED|UNAVAILABLE)/.test(code)

/** The error codes for push and poll. They are in the IANA registry for SETs. */
type SetErrorCode =
  | 'invalid_request'
  | 'invalid_key'
  | 'invalid_issuer'
  | 'invalid_audience'
  | 'authentication_failed'
  | 'access_denied'

/** The answer that describes the fault of a token to the transmitter. It contains no claim values. */
export interface SetFault {
  err: SetErrorCode
  description: string
}

/** @see {@link https://www.rfc-editor.org/rfc/rfc8935#section-2.4 RFC 8935, 2.4} */
export function faultOf(error: BackchannelLogoutError & { status?: number }): SetFault {
  const { code, claim, status } = error
  let err: SetErrorCode = 'invalid_request'
  if (status === 401) err = 'authentication_failed'
  if (code === 'ERR_LOGOUT_TOKEN_SIGNATURE') err = 'invalid_key'
  if (claim === 'iss') err = 'invalid_issuer'
  if (claim === 'aud') err = 'invalid_audience'
  return { err, description: describe(error) }
}
