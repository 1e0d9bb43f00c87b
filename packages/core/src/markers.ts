import { defined } from './compact.js'
import { asLogoutError } from './errors.js'
import type { LogoutToken } from './logout-token.js'
import { knownSid, type SessionClaims } from './session-claims.js'
import type { Registration } from './trusted-issuer.js'

/*
 * What is stored and broadcast outlives a release: these formats are API, and carry a version.
 */
const version = 1

/** Whom a logout or a session concerns: a session at the provider, all sessions of a subject, or those whose `sid` is not known. */
export type Scope = readonly [kind: 'sid' | 'sub' | 'nosid', iss: string, name: string]

/** Seconds that entries outlive what they are for, so that instances whose clocks differ agree (RP-36). */
export const slack = 300

const unprintable = /[^\x20-\x7e]/
const escape = (char: string): string => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`

/** JSON in printable ASCII: no two tuples share one, and any database takes it. */
function ascii(tuple: readonly unknown[]): string {
  const json = JSON.stringify(tuple)
  return unprintable.test(json) ? json.replace(new RegExp(unprintable, 'g'), escape) : json
}

/** Where the logouts of a scope are kept. */
export const markerKey = (scope: Scope): string => ascii([version, 'logout', ...scope])
/** Where the tracked sessions of a scope are kept. */
export const trackKey = (scope: Scope): string => ascii([version, 'session', ...scope])
/** Where it is kept that a token was carried out. A `jti` alone does not make a token the same (RP-24). */
export const doneKey = ({ iss, clientId, jti, iat, sub, sid }: LogoutToken): string =>
  ascii([version, 'done', iss, clientId, jti, iat, sub ?? null, sid ?? null])

/** What a token ends (RP-30): with `sid` that session, and those of the subject whose `sid` is not known. */
export function scopesOf({ iss, sub, sid }: LogoutToken, { logoutScope }: Registration): Scope[] {
  const bySubject: Scope[] =
    sub === undefined ? [] : [[sid === undefined || logoutScope === 'subject' ? 'sub' : 'nosid', iss, sub]]
  return sid === undefined ? bySubject : [['sid', iss, sid], ...bySubject]
}

/** Where the logouts are that may end a session. */
export const markerKeysFor = (session: SessionClaims): string[] => scopesFor(session).map(markerKey)

/** Where a session looks for logouts: by its `sid` or the lack of one, and by its subject. */
export function scopesFor(session: SessionClaims): [Scope, Scope] {
  const { iss, sub } = session
  const sid = knownSid(session)
  return [sid === undefined ? ['nosid', iss, sub] : ['sid', iss, sid], ['sub', iss, sub]]
}

/** A logout: for which client, and the time it is dated. */
export interface Marker {
  clientId: string
  iat: number
}

export const formatMarker = ({ clientId, iat }: Marker): string => ascii([clientId, iat])

/** Reads what was stored. What cannot be read is an error: taking it for nothing would let a session live. */
function parse(value: string): unknown[] {
  try {
    const tuple: unknown = JSON.parse(value)
    if (Array.isArray(tuple)) return tuple
  } catch {
    // said below
  }
  throw asLogoutError('the store holds what was not put there', undefined)
}

export function parseMarker(value: string): Marker {
  const [clientId, iat] = parse(value)
  if (typeof iat !== 'number') parse('')
  return { clientId: clientId as string, iat: iat as number }
}

/** The one rule (RP-32): a logout covers sessions that began no later, of its client where they name one. */
export const covers = (marker: Marker, { iat, clientId }: Pick<SessionClaims, 'iat' | 'clientId'>): boolean =>
  marker.iat >= iat && (clientId === undefined || clientId === marker.clientId)

/** Whether another logout makes one pointless: it covers all that this one does. */
export const isSmaller = (marker: Marker, other: Marker): boolean =>
  marker.clientId === other.clientId && marker.iat < other.iat

/** A session of the application: the id it goes by there, and the claims it came from. */
export interface TrackedSession {
  sessionId: string
  session: SessionClaims
}

export const formatTracked = ({ sessionId, session }: TrackedSession): string =>
  ascii([sessionId, session.iat, session.clientId ?? null, session.iss, session.sub, knownSid(session) ?? null])

export function parseTracked(value: string): TrackedSession {
  const [sessionId, iat, clientId, iss, sub, sid] = parse(value) as [string, number, string, string, string, string]
  return { sessionId, session: { iss, sub, sid, iat, clientId: clientId ?? undefined } }
}

/** What tells other instances where to look again: the keys of new markers. */
export const formatHint = (keys: readonly string[]): string => ascii([version, ...keys])

/** The keys of a hint; none where it is not one of ours. */
export function parseHint(message: string): string[] {
  try {
    const [found, ...keys] = JSON.parse(message) as [unknown, ...unknown[]]
    return found === version ? keys.filter((key) => typeof key === 'string') : []
  } catch {
    return []
  }
}

/** All that keys and values name, but for the words that are ours. */
const namesIn = (value: unknown): string[] => {
  if (Array.isArray(value)) return value.flatMap(namesIn)
  const text = String(value)
  try {
    const parsed: unknown = JSON.parse(text)
    if (Array.isArray(parsed)) return namesIn(parsed)
  } catch {
    // It is a name.
  }
  return /^(?:1|logout|session|done|sid|sub|nosid|null)$/.test(text) ? [] : [text]
}

/** A driver's error as far as it does not repeat what it was asked for: its message often does, its members may. */
export function withoutClaims(error: unknown, texts: readonly string[]): Error {
  const { name, message, code } = Object(error) as { name?: unknown; message?: unknown; code?: unknown }
  const says = String(message ?? error)
  const isTelling = namesIn(texts).some((part) => says.includes(part) || says.includes(ascii([part]).slice(2, -2)))
  return Object.assign(new Error(isTelling ? 'withheld: it repeats claims' : says), defined({ name, code }))
}
