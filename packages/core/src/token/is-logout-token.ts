import { isText } from '../util/options.js'
import { decodeObject } from './compact.js'
import { BACKCHANNEL_LOGOUT_EVENT, logoutType } from './logout-token.js'

/**
 * Tells whether a JWT is a Logout Token. A Logout Token can have all required claims of an ID Token. So a sign-in must
 * check for Logout Tokens and refuse them (T-10). This function does not verify the token. It returns false for an
 * encrypted token, and for text that is not a JWT.
 *
 * @param jwtOrClaims A JWT in Compact Serialization, or its claims.
 * @see {@link https://openid.net/specs/openid-connect-backchannel-1_0.html#LogoutToken OpenID Connect Back-Channel Logout 1.0, 2.4}
 * @example
 * ```ts
 * import { isLogoutToken } from '@bcl/core'
 *
 * declare const idToken: string
 *
 * if (isLogoutToken(idToken)) throw new Error('a Logout Token cannot sign anybody in')
 * ```
 */
export function isLogoutToken(jwtOrClaims: string | object): boolean {
  if (typeof jwtOrClaims === 'string') {
    try {
      return jwtOrClaims.split('.', 2).map(decodeObject).some(isLogoutToken)
    } catch {
      return false
    }
  }
  const { typ, events } = Object(jwtOrClaims) as { typ?: unknown; events?: unknown }
  return (isText(typ) && logoutType.test(typ)) || BACKCHANNEL_LOGOUT_EVENT in Object(events)
}
