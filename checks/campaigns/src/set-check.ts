import type { Party } from './party.ts'
import { has, isMap, isName, isSigned, isTime, read, type Members } from './second-check.ts'

/*
 * Implements the requirements SE-1 to SE-3 and SE-13 for an accepted Security Event Token a second time.
 */

const tolerance = 60
const maxAge = 7 * 86_400
const logoutEvent = 'http://schemas.openid.net/event/backchannel-logout'
const base = 'https://schemas.openid.net/secevent/'
const aboutStream = ['ssf/event-type/verification', 'ssf/event-type/stream-updated', 'risc/event-type/verification']

function isGoodHeader(header: Members): boolean {
  if (has(header, 'crit') || has(header, 'b64')) return false
  if (has(header, 'kid') && (typeof header['kid'] !== 'string' || header['kid'].length > 1024)) return false
  const { typ } = header
  if (!has(header, 'typ') || typeof typ !== 'string') return false
  return ['secevent+jwt', 'application/secevent+jwt'].includes(typ.toLowerCase())
}

function isTimely(claims: Members, now: number): boolean {
  const { iat, exp, nbf } = claims
  if (!has(claims, 'iat') || !isTime(iat) || iat > now + tolerance || Math.floor(iat) + maxAge + tolerance < now)
    return false
  if (has(claims, 'exp') && (!isTime(exp) || now >= exp + tolerance)) return false
  return !has(claims, 'nbf') || (isTime(nbf) && nbf <= now + tolerance)
}

/** Returns true if a value is a Subject Identifier, in the form of RFC 9493 or in the older form. */
function isSubject(value: unknown): boolean {
  if (!isMap(value)) return false
  return has(value, 'format') ? isName(value['format']) : has(value, 'subject_type') && isName(value['subject_type'])
}

function hasEvents(claims: Members): boolean {
  const { events } = claims
  if (!has(claims, 'events') || !isMap(events)) return false
  const types = Object.keys(events)
  if (types.length === 0 || types.length > 10 || types.includes(logoutEvent)) return false
  return types.every((type) => {
    if (aboutStream.some((name) => type === base + name)) return true
    const values = events[type]
    return has(claims, 'sub_id') ? isSubject(claims['sub_id']) : isMap(values) && isSubject(values['subject'])
  })
}

/** Tells whether a receiver may accept a Security Event Token at this time. */
export function mayAcceptSet(token: string, transmitters: readonly Party[], now: number): boolean {
  const { parts, header, claims } = read(token) ?? {}
  if (!parts || !header || !claims || !isGoodHeader(header)) return false
  const party = transmitters.find(({ issuer }) => has(claims, 'iss') && claims['iss'] === issuer)
  if (!party || !isSigned(parts, header, party)) return false
  const audiences: unknown[] = Array.isArray(claims['aud']) ? claims['aud'] : [claims['aud']]
  if (!has(claims, 'aud') || !audiences.includes(party.clientId)) return false
  return isTimely(claims, now) && has(claims, 'jti') && isName(claims['jti']) && hasEvents(claims)
}
