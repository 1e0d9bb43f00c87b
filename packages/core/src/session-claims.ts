import { decodeObject } from './compact.js'
import { BACKCHANNEL_LOGOUT_EVENT, logoutType } from './logout-token.js'
import { isText, mustBeText, requireOption } from './options.js'

/**
 * What an application keeps in its session of the sign-in it came from: claims of the first ID Token, not of one that
 * a refresh brought.
 */
export interface SessionClaims {
  /** Issuer Identifier. */
  iss: string
  /** The End-User at that issuer. */
  sub: string
  /** The session at the provider; absent, null and empty mean that it is not known. */
  sid?: string | null | undefined
  /** NumericDate, seconds: when the first ID Token was issued. A fraction is ignored. */
  iat: number
  /** Set where several clients of one issuer share a store: then only logouts for this client end the session. */
  clientId?: string | undefined
}

export const mustBePast = 'must be a NumericDate: seconds, not milliseconds, and not in the future'

/** Checks a session's form (RP-37): a wrong one is the application's mistake, and never "not logged out". */
export function checkSession(session: SessionClaims): void {
  const { iss, sub, sid, iat, clientId } = Object(session) as SessionClaims
  requireOption(isText(iss), 'session.iss', mustBeText, iss)
  requireOption(isText(sub), 'session.sub', mustBeText)
  requireOption(typeof (sid ?? '') === 'string', 'session.sid', 'must be a string')
  requireOption(Number.isFinite(iat), 'session.iat', mustBePast, iat)
  requireOption(clientId === undefined || isText(clientId), 'session.clientId', mustBeText, clientId)
}

/**
 * Tells a Logout Token from an ID Token, which otherwise has the same claims (T-10). It looks only, and verifies
 * nothing; what is no JWT, or is encrypted, counts as none.
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
      // no JWT: nor has a text what is looked for below
    }
  }
  const { typ, events } = Object(jwtOrClaims) as { typ?: unknown; events?: unknown }
  return (isText(typ) && logoutType.test(typ)) || BACKCHANNEL_LOGOUT_EVENT in Object(events)
}

/**
 * The part of an ID Token's claims that a session keeps for {@link BackchannelLogout.isLoggedOut}.
 *
 * @param idTokenClaims Claims of the ID Token that signed the user in, verified.
 * @throws {TypeError} when a claim is missing or of the wrong type, or when these are the claims of a Logout Token.
 * @see {@link https://openid.net/specs/openid-connect-core-1_0.html#IDToken OpenID Connect Core 1.0, 2}
 * @example
 * ```ts
 * import { sessionClaims } from '@bcl/core'
 *
 * declare const tokens: { claims(): object }
 *
 * const session = { claims: sessionClaims(tokens.claims()) }
 * ```
 */
export function sessionClaims(idTokenClaims: object): SessionClaims {
  const { iss, sub, sid, iat, events } = Object(idTokenClaims) as SessionClaims & { events?: unknown }
  requireOption(
    events === undefined && !isLogoutToken(idTokenClaims),
    'idTokenClaims',
    'must be claims of an ID Token, not of a Logout Token',
  )
  checkSession({ iss, sub, sid, iat })
  return { iss, sub, ...(sid && { sid }), iat: Math.floor(iat) }
}
