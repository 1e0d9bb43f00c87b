import { defined, isObject, type JSONObject } from './compact.js'
import { BackchannelLogoutError, claimError } from './errors.js'
import { isText } from './options.js'
import type { Registration } from './trusted-issuer.js'

/**
 * The member of `events` that makes a JWT a Logout Token.
 *
 * @see {@link https://openid.net/specs/openid-connect-backchannel-1_0.html#LogoutToken OpenID Connect Back-Channel Logout 1.0, 2.4}
 */
export const BACKCHANNEL_LOGOUT_EVENT: string = 'http://schemas.openid.net/event/backchannel-logout'

/** What a verified Logout Token says. */
export interface LogoutToken {
  /** Issuer Identifier. */
  iss: string
  /** The client registration it was sent to: one of `aud`. */
  clientId: string
  aud: string | readonly string[]
  /** Unique name of the token, as far as the provider keeps its word. */
  jti: string
  /** NumericDate: seconds. */
  iat: number
  /** NumericDate: seconds. Absent only where `requireExp` is off. */
  exp?: number
  /** The End-User, or absent: then `sid` is there. */
  sub?: string
  /** The session at the provider, or absent: then all sessions of `sub` are meant. */
  sid?: string
  /** `events`, with members besides {@link BACKCHANNEL_LOGOUT_EVENT} as sent (Keycloak: `revoke_offline_access`). */
  events: Readonly<Record<string, unknown>>
  /** All claims, as sent. */
  claims: Readonly<Record<string, unknown>>
}

const missing = 'is missing'

/** A claim that, if there, must be a finite number: `1e999` is not (RP-17). */
function numericDate(claims: JSONObject, name: string): number | undefined {
  if (!Object.hasOwn(claims, name)) return undefined
  if (!Number.isFinite(claims[name])) throw claimError(name, 'is not a finite number')
  return claims[name] as number
}

/** A claim that, if there, must be a non-empty string; null counts as absent (RP-18). */
function stringClaim(claims: JSONObject, name: string): string | undefined {
  const value = claims[name] ?? undefined
  if (value !== undefined && !isText(value)) throw claimError(name, 'is not a non-empty string')
  return value
}

function checkTimes(
  claims: JSONObject,
  registration: Registration,
  now: number,
): { iat: number; exp: number | undefined } {
  const { clockTolerance, maxTokenAge = Infinity, requireExp } = registration
  const [iat, exp, nbf = -Infinity] = ['iat', 'exp', 'nbf'].map((name) => numericDate(claims, name))
  if (iat === undefined) throw claimError('iat', missing)
  if (exp === undefined && requireExp) throw claimError('exp', missing)
  const early = now + clockTolerance
  const late = now - clockTolerance
  const expired = exp !== undefined && late >= exp ? 'exp' : late > iat + maxTokenAge ? 'iat' : undefined
  if (expired)
    throw new BackchannelLogoutError('ERR_LOGOUT_TOKEN_EXPIRED', `too old by "${expired}"`, { claim: expired })
  const future = iat > early ? 'iat' : nbf > early ? 'nbf' : undefined
  if (future) throw claimError(future, 'is in the future')
  return { iat, exp }
}

function checkEvents({ events }: JSONObject): JSONObject {
  const isLogout =
    isObject(events) && Object.hasOwn(events, BACKCHANNEL_LOGOUT_EVENT) && isObject(events[BACKCHANNEL_LOGOUT_EVENT])
  if (!isLogout) throw claimError('events', 'has no back-channel logout event that is an object')
  return events
}

/** Chooses the registration a token is for by `aud` and `azp` (RP-12), out of those of its issuer. */
export function chooseByAudience(candidates: readonly Registration[], claims: JSONObject): Registration {
  const audiences = [claims['aud']].flat()
  const named = candidates.filter(({ clientId }) => audiences.includes(clientId))
  const [first] = named.length > 0 ? named : candidates
  const trusting = named.filter(({ clientId, trustedAudiences }) =>
    audiences.every((audience) => audience === clientId || trustedAudiences.includes(audience as string)),
  )
  if (trusting.length === 0) throw claimError('aud', 'is not this client, or not it alone', first!.clientId)
  const authorized = Object.hasOwn(claims, 'azp')
    ? trusting.find(({ clientId }) => clientId === claims['azp'])
    : trusting[0]
  if (!authorized) throw claimError('azp', 'is not this client', trusting[0]!.clientId)
  return authorized
}

/** Checks what a token says, once its signature is known to be good (RP-10, RP-17 to RP-21). */
export function checkClaims(claims: JSONObject, registration: Registration, now: number): LogoutToken {
  const { issuer: iss, clientId, requireSid } = registration
  const { iat, exp } = checkTimes(claims, registration, now)
  const [jti, sub, sid] = ['jti', 'sub', 'sid'].map((name) => stringClaim(claims, name))
  if (!jti) throw claimError('jti', missing)
  const events = checkEvents(claims)
  if (Object.hasOwn(claims, 'nonce')) throw claimError('nonce', 'is there')
  if (!sid && (requireSid || !sub)) throw claimError(requireSid ? 'sid' : 'sub', missing)
  return defined({
    iss,
    clientId,
    aud: claims['aud'] as string | string[],
    jti,
    iat,
    exp,
    sub,
    sid,
    events,
    claims,
  }) as LogoutToken
}
