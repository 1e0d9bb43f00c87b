import { isLogoutToken } from '../token/is-logout-token.js'
import { defined } from '../util/objects.js'
import { isText, mustBeText, requireOption } from '../util/options.js'
import { checkMembers } from './find-registrations.js'

/**
 * The claims that an application keeps in its session. They come from the ID Token of the sign-in. Do not replace them
 * with claims of an ID Token from a refresh.
 */
export interface SessionClaims {
  /** Issuer Identifier. */
  iss: string
  /** The End-User at that issuer. */
  sub: string
  /** The session at the provider. If it is absent, null or empty, the `sid` is unknown. */
  sid?: string | null | undefined
  /** The time when the first ID Token was issued: a NumericDate in seconds. A fraction is ignored. */
  iat: number
  /**
   * Set this claim if several clients of one issuer share a store. Then only logouts for this client end the session. If it is
   * absent, a logout for any client ends the session.
   */
  clientId?: string | undefined
}

/**
 * Checks the types of a session's claims (RP-37). Throws if they are wrong, because a wrong session must never count as
 * "not logged out".
 *
 * @returns A copy. Each claim is read only once, because the application can change its object later, and a claim can be
 * a getter. The order of the members is part of the stored format.
 */
export function checkSession(session: SessionClaims): SessionClaims {
  const { iss, sub, sid, iat, clientId } = Object(session) as SessionClaims
  const claims = { iss, sub, sid, iat, clientId }
  checkMembers(claims, 'session')
  requireOption(isText(sub), 'session.sub', mustBeText)
  claims.sid ||= undefined
  claims.iat = Math.floor(iat)
  return claims
}

/**
 * Picks the claims that a session must keep for {@link BackchannelLogout.isLoggedOut}: `iss`, `sub`, `iat`, and `sid` if the ID
 * Token has one. Set `clientId` yourself if you need it.
 *
 * @param idTokenClaims The verified claims of the ID Token that signed the user in.
 * @throws {TypeError} if a claim is missing or has a wrong type, or if the claims are from a Logout Token.
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
  requireOption(events === undefined && !isLogoutToken(idTokenClaims), 'idTokenClaims', 'must be claims of an ID Token')
  return defined(checkSession({ iss, sub, sid, iat }))
}
