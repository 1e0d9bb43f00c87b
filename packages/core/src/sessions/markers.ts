import { asLogoutError } from '../errors.js'
import { isObject } from '../util/objects.js'
import type { SessionClaims } from './session-claims.js'

/*
 * The format of what is stored and broadcast. It outlives a release, and instances of two releases read it at the same
 * time. So it is API, and carries a version.
 */
const version = 1

/**
 * The sessions that a marker or a tracked session belongs to: one session at the provider (`sid`), all sessions of a
 * subject (`sub`), or the sessions of a subject whose `sid` is not known (`nosid`).
 */
export type Scope = readonly [kind: 'sid' | 'sub' | 'nosid', iss: string, name: string]

/** JSON in printable ASCII. No two tuples have the same text, and every database can store it. */
function formatTuple(...tuple: unknown[]): string {
  const json = JSON.stringify(tuple)
  // Most texts are ASCII, and a test is much cheaper than a replacement that finds nothing.
  if (!/[^ -~]/.test(json)) return json
  return json.replace(/[^ -~]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** Formats one text as {@link formatTuple} does. Most texts need no escape, and then JSON costs more than a test. */
const formatText = (text: string): string =>
  /^[ !#-[\]-~]*$/.test(text) ? `"${text}"` : formatTuple(text).slice(1, -1)

const scopeKey = (type: string, [kind, iss, name]: Scope): string =>
  `[${version},"${type}","${kind}",${formatText(iss)},${formatText(name)}]`

/** The key of the markers of a scope. */
export const markerKey = (scope: Scope): string => scopeKey('logout', scope)
/** The key of the tracked sessions of a scope. */
export const trackKey = (scope: Scope): string => scopeKey('session', scope)
/** The key that says that a token was carried out for a client. A `jti` alone does not identify a token (RP-24). */
export const doneKey = (
  { iss, jti, iat, sub, sid }: { iss: string; jti: string; iat: number; sub?: string; sid?: string },
  clientId: string,
): string => formatTuple(version, 'done', iss, clientId, jti, iat, sub, sid)

/** The key that says that a logout of the application was carried out for a client. */
export const applicationKey = (iss: string, clientId: string, key: string): string =>
  formatTuple(version, 'key', iss, clientId, key)

/** The scopes that a session belongs to: by its `sid`, or by not having one, and by its subject. */
export function scopesOfSession({ iss, sub, sid }: SessionClaims): [Scope, Scope] {
  return [sid ? ['sid', iss, sid] : ['nosid', iss, sub], ['sub', iss, sub]]
}

/** The keys of all markers that can end a session. */
export const markerKeysOf = (session: SessionClaims): string[] => scopesOfSession(session).map(markerKey)

/** The record of a logout: for which client, and its date. */
export interface Marker {
  clientId: string
  /** NumericDate, whole seconds. */
  iat: number
}

export const formatMarker = ({ clientId, iat }: Marker): string => formatTuple(clientId, iat)

/** Parses a stored value. A value that cannot be parsed is an error: to ignore it would let a session live. */
function parse<T extends unknown[]>(value: string, isRight: (tuple: T) => boolean): T {
  try {
    const tuple = JSON.parse(value) as T
    if (isRight(tuple)) return tuple
  } catch {
    // The error below says so.
  }
  throw asLogoutError('reading an entry')
}

export function parseMarker(value: string): Marker {
  const [clientId, iat] = parse<[string, number]>(value, (tuple) => Number.isFinite(tuple[1]))
  return { clientId, iat }
}

/** A session of the application: its id there, and its claims. */
export type TrackedSession = [sessionId: string, session: SessionClaims]

export const formatTracked = (sessionId: string, { iss, sub, sid, iat, clientId }: SessionClaims): string =>
  formatTuple(sessionId, { iss, sub, sid: sid || undefined, iat, clientId })

export const parseTracked = (value: string): TrackedSession =>
  parse<TrackedSession>(value, ([, session]) => isObject(session))

/** The broadcast after new markers: it names their keys, so that other instances look again. */
export const formatBroadcast = (keys: Iterable<string>): string => formatTuple(version, ...keys)

/** The keys that a broadcast names. A message of another kind names none. */
export function parseBroadcast(message: string): string[] {
  try {
    const [found, ...keys] = JSON.parse(message) as [unknown, ...string[]]
    return found === version ? keys : []
  } catch {
    return []
  }
}
