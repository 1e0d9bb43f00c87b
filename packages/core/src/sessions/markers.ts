import { asLogoutError } from '../errors.js'
import { isObject } from '../util/objects.js'
import type { SessionClaims } from './session-claims.js'

/*
 * The format of stored and broadcast data. Stored data outlives a release, and instances of two releases read it at the same
 * time. So the format is API, and has a version.
 */
const version = 1

/**
 * A group of sessions: one session at the provider (`sid`), all sessions of a subject (`sub`), or a subject's sessions
 * with an unknown `sid` (`nosid`). Each scope has a key for its logouts (markers), and a key for its tracked sessions.
 */
export type Scope = string

/**
 * Formats a tuple as JSON in printable ASCII. Different tuples have different texts, and every database can store the text.
 */
const formatTuple = (...tuple: unknown[]): string =>
  JSON.stringify(tuple).replace(/[^ -~]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)

/**
 * Formats one text like {@link formatTuple}. Most texts need no escape. The pattern finds these texts, and is cheaper than
 * `JSON.stringify`.
 */
const formatText = (text: string): string =>
  /^[ !#-[\]-~]*$/.test(text) ? `"${text}"` : formatTuple(text).slice(1, -1)

/** Makes a scope. It is the end of the two keys of the scope. */
const scopeOf = (kind: 'sid' | 'sub' | 'nosid', iss: string, name: string): Scope =>
  `"${kind}",${formatText(iss)},${formatText(name)}]`

/** The key of the markers of a scope. */
export const markerKey = (scope: Scope): string => `[${version},"logout",${scope}`
/** The key of the tracked sessions of a scope. */
export const trackKey = (scope: Scope): string => `[${version},"session",${scope}`
/**
 * The key of a record. The record says that the logout of a token was carried out for a client. A `jti` alone does not
 * identify a token (RP-24).
 */
export const doneKey = (
  { iss, jti, iat, sub, sid }: { iss: string; jti: string; iat: number; sub?: string; sid?: string },
  clientId: string,
): string => formatTuple(version, 'done', iss, clientId, jti, iat, sub, sid)

/** The key of a record. The record says that a logout by the application was carried out for a client and these scopes. */
export const applicationKey = (clientId: string, key: string, scopes: readonly Scope[]): string =>
  formatTuple(version, 'key', clientId, key, ...scopes)

/** Returns the two scopes of a session: the scope of its `sid` (or of an unknown `sid`), and the scope of its subject. */
export function scopesOfSession({ iss, sub, sid }: SessionClaims): [Scope, Scope] {
  return [sid ? scopeOf('sid', iss, sid) : scopeOf('nosid', iss, sub), scopeOf('sub', iss, sub)]
}

/**
 * Returns the scopes that a logout ends: the session of `sid`, and the sessions of `sub` that `kind` names. Each of the two claims
 * can be missing.
 */
export const scopesOfLogout = (
  iss: string,
  sid: string | undefined,
  kind: 'sub' | 'nosid',
  sub: string | false | undefined,
): Scope[] => [...(sid ? [scopeOf('sid', iss, sid)] : []), ...(sub ? [scopeOf(kind, iss, sub)] : [])]

/** The keys of all markers that can end a session. */
export const markerKeysOf = (session: SessionClaims): string[] => scopesOfSession(session).map(markerKey)

/** The stored form of a logout: its client and its date. */
export interface Marker {
  clientId: string
  /** NumericDate, whole seconds. */
  iat: number
}

export const formatMarker = ({ clientId, iat }: Marker): string => formatTuple(clientId, iat)

/** Parses a stored value. Throws if the value is wrong, because ignoring it could keep an ended session alive. */
function parse<T extends unknown[]>(value: string, isRight: (tuple: T) => boolean): T {
  try {
    const tuple = JSON.parse(value) as T
    if (isRight(tuple)) return tuple
  } catch {
    // The error is thrown below.
  }
  throw asLogoutError('reading an entry')
}

export function parseMarker(value: string): Marker {
  const [clientId, iat] = parse<[string, number]>(value, (tuple) => Number.isFinite(tuple[1]))
  return { clientId, iat }
}

/** A session of the application: its id in the application, and its claims. */
export type TrackedSession = [sessionId: string, session: SessionClaims]

export const formatTracked = (...tracked: TrackedSession): string => formatTuple(...tracked)

export const parseTracked = (value: string): TrackedSession =>
  parse<TrackedSession>(value, ([, session]) => isObject(session))

/**
 * Formats the broadcast about new markers. It contains the keys of the markers. Other instances read these keys again.
 */
export const formatBroadcast = (keys: Iterable<string>): string => formatTuple(version, ...keys)

/** Returns the keys that a broadcast names. Returns no keys for any other message. */
export function parseBroadcast(message: string): string[] {
  try {
    const [found, ...keys] = JSON.parse(message) as [unknown, ...string[]]
    if (found === version) return [...new Set(keys)]
  } catch {
    // The message is not JSON.
  }
  return []
}
