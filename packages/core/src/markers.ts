import { asLogoutError } from './errors.js'
import type { CheckedClaims } from './logout-token.js'
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
/** The key under which it is remembered that a token was carried out for a client. A `jti` alone does not identify a token (RP-24). */
export const doneKey = ({ iss, jti, iat, sub, sid }: CheckedClaims, clientId: string): string =>
  ascii(version, 'done', iss, clientId, jti, iat, sub, sid)

/** What a token ends (RP-30): with `sid` that session, and those of the subject whose `sid` is not known. */
export function scopesOf({ iss, sub, sid }: CheckedClaims, { logoutScope }: Registration): Scope[] {
  const kind = sid && logoutScope === 'session' ? 'nosid' : 'sub'
  return (
    [
      ['sid', iss, sid],
      [kind, iss, sub],
    ] as Scope[]
  ).filter(([, , name]) => name)
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

/**
 * The one rule (RP-32): a marker covers the sessions that began in its second or earlier. A session that names a client is
 * covered by markers of that client only. An older cookie may hold a fractional `iat`, which counts as its whole second.
 */
export const covers = (marker: Marker, { iat, clientId }: Pick<SessionClaims, 'iat' | 'clientId'>): boolean =>
  marker.iat >= Math.floor(iat) && (clientId === undefined || clientId === marker.clientId)

/** Whether another logout makes one pointless: it covers all that this one does. */
export const isSmaller = (marker: Marker, other: Marker): boolean =>
  marker.clientId === other.clientId && marker.iat < other.iat

/** A session of the application: the id it goes by there, and the claims it came from. */
export type TrackedSession = [sessionId: string, session: SessionClaims]

export const formatTracked = (sessionId: string, { iss, sub, sid, iat, clientId }: SessionClaims): string =>
  ascii(sessionId, { iss, sub, sid: sid || undefined, iat, clientId })

export const parseTracked = (value: string): TrackedSession =>
  parse<TrackedSession>(value, ([, session]) => isObject(session))

/** The broadcast that tells other instances to look again: the keys of new markers. */
export const formatHint = (keys: Iterable<string>): string => ascii(version, ...keys)

/** The keys of a hint; none where it is not one of ours. */
export function parseHint(message: string): string[] {
  try {
    const [found, ...keys] = JSON.parse(message) as [unknown, ...string[]]
    return found === version ? keys : []
  } catch {
    return []
  }
}

/** Pieces of keys and values that are not claim values. */
const ours = /^(?:[[\]{},:]+\d*[[\]{},:]*|logout|session|done|nosid|sid|sub|iss|iat|clientId)?$/
const withheld = '[withheld]'

/**
 * A copy of an error without the claim values that it was asked for. The driver's own words stay.
 *
 * @param asked The texts with the claim values: keys, values, a message or an issuer.
 */
export function withoutClaims(error: unknown, asked: readonly string[]): Error {
  const escaped = asked.join('"')
  const plain = escaped.replace(/\\+u(....)/g, (_, hex) => String.fromCharCode(Number(`0x${hex}`)))
  // Claim values are split at quotes and backslashes, because drivers escape those in several ways.
  const texts = `${escaped}"${plain}`.split(/[\\"'`]+/).filter((piece) => !ours.test(piece))
  const times = escaped.match(/\d{5,}/g) ?? []
  const pieces = [...new Set([...texts, ...times])].sort((one, other) => other.length - one.length)

  /** `undefined` if nothing can be shown. */
  const clean = (text: unknown): string | undefined => {
    if (!isText(text)) return undefined
    let rest = text.slice(0, 10_000)
    for (const piece of pieces) {
      if (piece.length > 3) rest = rest.replaceAll(piece, withheld)
      // A short value can be a word of the driver. Its place in a known sentence would tell it.
      else if ((/\W/.test(piece) ? rest : rest.split(/\W+/)).includes(piece)) return undefined
    }
    // A key that the driver has cut off ends in a part of a claim value.
    return rest.replace(/\[1,\\*"((?!"\]).)*$/gm, withheld)
  }

  const copy = (from: unknown, depth: number): Error | undefined => {
    if (!from || depth > 3) return undefined
    try {
      const { message = from, name, code, detail, cause } = from as Record<string, unknown>
      const members = {
        name: clean(name),
        code: clean(code),
        detail: clean(detail),
        cause: copy(cause, depth + 1),
      }
      return Object.assign(new Error(clean(message) ?? members.code ?? withheld), defined(members))
    } catch {
      // A getter has thrown.
      return new Error(withheld)
    }
  }
  return copy(error, 0) ?? new Error(withheld)
}
