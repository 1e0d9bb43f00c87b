import { claimError } from '../errors.js'
import { defined, isObject, type JSONObject } from '../util/objects.js'
import { isText } from '../util/options.js'
import type { Registration } from '../issuers/trusted-issuer.js'

/**
 * The member of `events` that makes a JWT a Logout Token.
 *
 * @see {@link https://openid.net/specs/openid-connect-backchannel-1_0.html#LogoutToken OpenID Connect Back-Channel Logout 1.0, 2.4}
 */
export const BACKCHANNEL_LOGOUT_EVENT: string = 'http://schemas.openid.net/event/backchannel-logout'

/** The `typ` of a Logout Token. Case does not matter, and `application/` is optional (RP-22). */
export const logoutType: RegExp = /^(?:application\/)?logout\+jwt$/i

/** The content of a verified Logout Token. */
export interface LogoutToken {
  /** Issuer Identifier. */
  iss: string
  /** The first of {@link clientIds}. */
  clientId: string
  /** The client registrations that accepted the token. Each of them is in `aud`. */
  clientIds: readonly string[]
  /** The `aud` claim, as sent. */
  aud: string | readonly string[]
  /** The unique identifier of the token. */
  jti: string
  /** NumericDate in whole seconds. */
  iat: number
  /** NumericDate in seconds. Absent only if `requireExp` is false. */
  exp?: number
  /** The End-User. If it is absent, `sid` is present. */
  sub?: string
  /** The session at the provider. If `sid` is absent, the token is for all sessions of `sub`. */
  sid?: string
  /**
   * The `events` claim, as sent. It can have other members than {@link BACKCHANNEL_LOGOUT_EVENT}. For example, Keycloak adds
   * `revoke_offline_access`.
   */
  events: Readonly<Record<string, unknown>>
  /** All claims, as sent. */
  claims: Readonly<Record<string, unknown>>
}

/** The part of a {@link LogoutToken} that {@link checkClaims} returns. It has no client yet. */
export type CheckedClaims = Omit<LogoutToken, 'clientId' | 'clientIds'>

/**
 * Reads a claim that must be a finite number (RP-17). `1e999` is not finite. If an optional claim is absent, `ifAbsent` is
 * returned.
 */
export function numericDate(claims: JSONObject, name: string, ifAbsent?: number): number {
  const value = claims[name]
  if (value === undefined && ifAbsent !== undefined) return ifAbsent
  if (!Number.isFinite(value)) throw claimError(name, 'is not a finite number')
  return value as number
}

/** Reads a claim that must be a non-empty string if it is present. Null counts as absent (RP-18). */
function stringClaim(claims: JSONObject, name: string, isRequired: boolean): string | undefined {
  const value = claims[name] ?? undefined
  if (isText(value) || (value === undefined && !isRequired)) return value
  throw claimError(name, 'is not a non-empty string')
}

/** Tells whether a token with this `aud` and `azp` is for a registration (RP-12). */
export const accepts =
  (audiences: readonly unknown[], azp?: unknown) =>
  ({ clientId, trustedAudiences }: Registration): boolean => {
    if (!audiences.includes(clientId) || (azp !== undefined && azp !== clientId)) return false
    const trusted = new Set<unknown>([clientId, ...trustedAudiences])
    return audiences.every((audience) => trusted.has(audience))
  }

/**
 * Chooses the registrations that a token is for (RP-12). The client of a chosen registration is in `aud`, and the
 * registration trusts all other audiences. If the token has `azp`, only the client in `azp` is chosen.
 *
 * @param candidates The registrations at the issuer of the token.
 */
export function chooseByAudience(
  candidates: readonly Registration[],
  audiences: readonly unknown[],
  azp: unknown,
): Registration[] {
  const chosen = candidates.filter(accepts(audiences, azp))
  if (chosen[0]) return chosen
  const trusting = candidates.find(accepts(audiences))
  const nearest = trusting ?? candidates.find(({ clientId }) => audiences.includes(clientId)) ?? candidates[0]
  throw claimError(trusting ? 'azp' : 'aud', 'must be this client only', nearest!.clientId)
}

/**
 * Checks the claims of a token by the rules of one registration (RP-10, RP-17 to RP-21). Call it after the signature check. A
 * fraction of `iat` is ignored.
 */
export function checkClaims(claims: JSONObject, registration: Registration, now: number): CheckedClaims {
  const { clockTolerance, maxTokenAge = Infinity, requireExp, requireSid } = registration
  const iat = Math.floor(numericDate(claims, 'iat'))
  const exp = numericDate(claims, 'exp', requireExp ? undefined : Infinity)
  const nbf = numericDate(claims, 'nbf', -Infinity)
  const latest = now + clockTolerance
  const earliest = now - clockTolerance
  const expired = earliest >= exp ? 'exp' : earliest > iat + maxTokenAge && 'iat'
  if (expired) throw claimError(expired, 'is too long ago', undefined, 'ERR_LOGOUT_TOKEN_EXPIRED')
  const future = iat > latest ? 'iat' : nbf > latest && 'nbf'
  if (future) throw claimError(future, 'is in the future')
  const { iss, aud, events, nonce } = claims
  if (!isObject(Object(events)[BACKCHANNEL_LOGOUT_EVENT])) throw claimError('events', 'has no logout event')
  if (nonce !== undefined) throw claimError('nonce', 'is present')
  const jti = stringClaim(claims, 'jti', true)!
  const sid = stringClaim(claims, 'sid', requireSid)
  const sub = stringClaim(claims, 'sub', !sid)
  return defined({ iss, aud, jti, iat, exp: claims['exp'], sub, sid, events, claims }) as CheckedClaims
}
