import { asLogoutError } from './errors.js'
import type { LogoutToken } from './logout-token.js'
import { defined, isObject } from './objects.js'
import { isText } from './options.js'
import type { SessionClaims } from './session-claims.js'
import type { Registration } from './trusted-issuer.js'

/*
 * What is stored and broadcast outlives a release: these formats are API, and carry a version.
 */
const version = 1

/** Whom a logout or a session concerns: a session at the provider, all sessions of a subject, or those whose `sid` is not known. */
export type Scope = readonly [kind: 'sid' | 'sub' | 'nosid', iss: string, name: string]

/** JSON in printable ASCII: no two tuples share one, and any database takes it. */
function ascii(...tuple: unknown[]): string {
  const json = JSON.stringify(tuple)
  // Asked first, as most are ASCII, and a search is much cheaper than a replacement that finds nothing.
  if (!/[^ -~]/.test(json)) return json
  return json.replace(/[^ -~]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** Where the logouts of a scope are kept. */
export const markerKey = (scope: Scope): string => ascii(version, 'logout', ...scope)
/** Where the tracked sessions of a scope are kept. */
export const trackKey = (scope: Scope): string => ascii(version, 'session', ...scope)
/** Where it is kept that a token was carried out. A `jti` alone does not make a token the same (RP-24). */
export const doneKey = ({ iss, clientId, jti, iat, sub, sid }: LogoutToken): string =>
  ascii(version, 'done', iss, clientId, jti, iat, sub, sid)

/** What a token ends (RP-30): with `sid` that session, and those of the subject whose `sid` is not known. */
export function scopesOf({ iss, sub, sid }: LogoutToken, { logoutScope }: Registration): Scope[] {
  const scopes: Scope[] = []
  if (sid) scopes.push(['sid', iss, sid])
  if (sub) scopes.push([sid && logoutScope === 'session' ? 'nosid' : 'sub', iss, sub])
  return scopes
}

/** Where a session looks for logouts: by its `sid` or the lack of one, and by its subject. */
export function scopesFor(session: SessionClaims): [Scope, Scope] {
  const { iss, sub, sid } = session
  return [sid ? ['sid', iss, sid] : ['nosid', iss, sub], ['sub', iss, sub]]
}

/** Where the logouts are that may end a session. */
export const markerKeysFor = (session: SessionClaims): string[] => scopesFor(session).map(markerKey)

/** A logout: for which client, and the time it is dated. */
export interface Marker {
  clientId: string
  iat: number
}

export const formatMarker = ({ clientId, iat }: Marker): string => ascii(clientId, iat)

/** Reads what was stored. What cannot be read is an error: taking it for nothing would let a session live. */
function parse<T extends unknown[]>(value: string, isRight: (tuple: T) => boolean): T {
  try {
    const tuple = JSON.parse(value) as T
    if (isRight(tuple)) return tuple
  } catch {
    // said below
  }
  throw asLogoutError('reading an entry')
}

export function parseMarker(value: string): Marker {
  const [clientId, iat] = parse<[string, number]>(value, (tuple) => Number.isFinite(tuple[1]))
  return { clientId, iat }
}

/** The one rule (RP-32): a logout covers sessions that began no later, of its client where they name one. */
export const covers = (marker: Marker, { iat, clientId }: Pick<SessionClaims, 'iat' | 'clientId'>): boolean =>
  marker.iat >= iat && (clientId === undefined || clientId === marker.clientId)

/** Whether another logout makes one pointless: it covers all that this one does. */
export const isSmaller = (marker: Marker, other: Marker): boolean =>
  marker.clientId === other.clientId && marker.iat < other.iat

/** A session of the application: the id it goes by there, and the claims it came from. */
export type TrackedSession = [sessionId: string, session: SessionClaims]

export const formatTracked = (sessionId: string, { iss, sub, sid, iat, clientId }: SessionClaims): string =>
  ascii(sessionId, { iss, sub, sid: sid || undefined, iat, clientId })

export const parseTracked = (value: string): TrackedSession =>
  parse<TrackedSession>(value, ([, session]) => isObject(session))

/** What tells other instances where to look again: the keys of new markers. */
export const formatHint = (keys: readonly string[]): string => ascii(version, ...keys)

/** The keys of a hint; none where it is not one of ours. */
export function parseHint(message: string): string[] {
  try {
    const [found, ...keys] = JSON.parse(message) as [unknown, ...string[]]
    return found === version ? keys : []
  } catch {
    return []
  }
}

/** The words of keys and values that name nobody. */
const ours = /^(?:[[\],]*1?[[\],]*|logout|session|done|nosid|sid|sub)$/

/** Somebody's error as far as it does not repeat what he was asked for: a message often does, other members may. */
export function withoutClaims(error: unknown, asked: readonly unknown[]): Error {
  const { name, message = error, code } = Object(error) as { name?: unknown; message?: unknown; code?: unknown }
  const isTelling =
    !isText(message) ||
    asked
      .join()
      .split(/[\\"]+/)
      .some((piece) => !ours.test(piece) && message.includes(piece))
  return Object.assign(new Error(isTelling ? 'withheld' : message), defined({ name, code }))
}
