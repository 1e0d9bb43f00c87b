import { createHmac, timingSafeEqual, verify } from 'node:crypto'
import type { Party } from './party.ts'

/*
 * Implements the requirements for an accepted token a second time, with node:crypto. This file shares no code with the
 * library or with jose. The campaign compares the results of this file with the results of the library.
 */

const event = 'http://schemas.openid.net/event/backchannel-logout'
const tolerance = 60

export type Members = Record<string, unknown>

export const isMap = (value: unknown): value is Members =>
  Object.prototype.toString.call(value) === '[object Object]' && typeof value === 'object'

/** Decodes a part. Returns `undefined` if its spelling is not canonical (RP-10a). */
function bytesOf(part: string): Buffer | undefined {
  const bytes = Buffer.from(part, 'base64url')
  return bytes.toString('base64url') === part ? bytes : undefined
}

/** Returns the JSON object of a part, if the part is valid UTF-8. */
function membersOf(part: string): Members | undefined {
  const bytes = bytesOf(part)
  if (!bytes) return undefined
  const text = bytes.toString('utf8')
  if (!Buffer.from(text, 'utf8').equals(bytes)) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return isMap(value) ? value : undefined
  } catch {
    return undefined
  }
}

export const has = (members: Members, name: string): boolean => Object.keys(members).includes(name)
export const isName = (value: unknown): boolean => typeof value === 'string' && value.length > 0
const isAbsent = (members: Members, name: string): boolean => !has(members, name) || members[name] === null
export const isTime = (value: unknown): value is number =>
  typeof value === 'number' && value < Infinity && value > -Infinity

/** Checks the header (RP-15, RP-22). */
function isGoodHeader(header: Members): boolean {
  if (has(header, 'crit') || has(header, 'b64')) return false
  if (has(header, 'kid') && (typeof header['kid'] !== 'string' || header['kid'].length > 1024)) return false
  if (!has(header, 'typ')) return true
  const { typ } = header
  if (typeof typ !== 'string') return false
  return ['jwt', 'application/jwt', 'logout+jwt', 'application/logout+jwt'].includes(typ.toLowerCase())
}

/** Checks the signature (RP-13 to RP-15). */
export function isSigned(parts: readonly string[], header: Members, party: Party): boolean {
  const signature = bytesOf(parts[2]!)
  if (!signature || header['alg'] !== party.alg) return false
  const input = Buffer.from(`${parts[0]}.${parts[1]}`)
  if (!party.publicKey) {
    const own = createHmac('sha256', party.secret).update(input).digest()
    return own.length === signature.length && timingSafeEqual(own, signature)
  }
  if (has(header, 'kid') && header['kid'] !== party.kid) return false
  if (party.alg === 'EdDSA') return verify(null, input, party.publicKey, signature)
  return verify('sha256', input, { key: party.publicKey, dsaEncoding: 'ieee-p1363' }, signature)
}

/** Checks the audiences (RP-12). */
function isForUs(claims: Members, clientId: string): boolean {
  const audiences = Array.isArray(claims['aud']) ? claims['aud'] : [claims['aud']]
  if (audiences.length === 0 || audiences.some((audience) => audience !== clientId)) return false
  return !has(claims, 'azp') || claims['azp'] === clientId
}

/** Checks the times (RP-17). A fraction of `iat` is ignored. */
function isTimely(claims: Members, now: number): boolean {
  const { iat, exp, nbf } = claims
  if (!has(claims, 'iat') || !isTime(iat) || Math.floor(iat) > now + tolerance) return false
  if (!has(claims, 'exp') || !isTime(exp) || now >= exp + tolerance) return false
  return !has(claims, 'nbf') || (isTime(nbf) && nbf <= now + tolerance)
}

/** Checks the claims of a logout (RP-10, RP-18, RP-20, RP-21). */
function saysLogout(claims: Members): boolean {
  if (has(claims, 'nonce') || !isName(claims['jti'])) return false
  const named = ['sub', 'sid'].filter((name) => !isAbsent(claims, name))
  if (named.length === 0 || named.some((name) => !isName(claims[name]))) return false
  const { events } = claims
  return isMap(events) && has(events, event) && isMap(events[event])
}

/** Decodes the header and the claims of a token. Returns `undefined` if its form is wrong. */
export function read(token: string): { parts: string[]; header: Members; claims: Members } | undefined {
  const parts = token.split('.')
  if (parts.length !== 3 || token.length > 16_384) return undefined
  const [header, claims] = [membersOf(parts[0]!), membersOf(parts[1]!)]
  return header && claims && { parts, header, claims }
}

/** Tells whether a receiver may accept a token at this time. */
export function mayAccept(token: string, parties: readonly Party[], now: number): boolean {
  const { parts, header, claims } = read(token) ?? {}
  if (!parts || !header || !claims || !isGoodHeader(header)) return false
  const party = parties.find(({ issuer }) => has(claims, 'iss') && claims['iss'] === issuer)
  if (!party || !isForUs(claims, party.clientId) || !isSigned(parts, header, party)) return false
  return isTimely(claims, now) && saysLogout(claims)
}

/**
 * Returns the Logout Token in the bytes of a form, if there is exactly one (RP-1 to RP-4). Does not use a parser of a
 * library.
 */
export function tokenOfForm(body: Buffer): string | undefined {
  if (body.length > 65_536) return undefined
  const tokens: string[] = []
  const pairs = body.toString('latin1').split('&')
  if (pairs.length > 100) return undefined
  for (const pair of pairs) {
    const at = pair.indexOf('=')
    const [name, value] = at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)]
    const plain = unescapeForm(name)
    if (plain === 'logout_token') tokens.push(unescapeForm(value))
    else if (plain.startsWith('logout_token[')) return undefined
  }
  return tokens.length === 1 ? tokens[0] : undefined
}

/** Decodes percent-encoding and plus signs. Leaves other text unchanged. */
const unescapeForm = (text: string): string =>
  text
    .replaceAll('+', ' ')
    .replaceAll(/%[\da-f]{2}/gi, (escape) => String.fromCharCode(Number.parseInt(escape.slice(1), 16)))
