import { systemNow } from '../util/clock.js'
import { parseMarker, type Marker } from './markers.js'
import type { SessionClaims } from './session-claims.js'

/**
 * Tells whether a marker covers a session: the date of the marker is the second in which the session began, or later (RP-32).
 */
export const covers = (marker: Marker, { iat, clientId }: SessionClaims): boolean =>
  // If a session has a `clientId`, only markers of that client cover it.
  marker.iat >= iat && (clientId === undefined || clientId === marker.clientId)

/** Tells whether `marker` makes `other` unnecessary: both have the same client, and `marker` has the later date. */
export const supersedes = (marker: Marker, other: Marker): boolean =>
  marker.clientId === other.clientId && marker.iat > other.iat

/**
 * Tells whether a session has ended: a marker covers it, or it is older than `sessionMaxAge` (RP-32, RP-36). Every
 * check of a session uses this function.
 *
 * @param earliest The date of the oldest sessions that are alive: now minus `sessionMaxAge`.
 * @param pending Markers that are not yet in the store.
 * @param stored The values that the store has under the session's keys.
 */
export const isEnded = (
  session: SessionClaims,
  earliest: number,
  pending: readonly Marker[],
  stored: readonly (readonly string[])[],
): boolean =>
  session.iat < earliest ||
  pending.some((marker) => covers(marker, session)) ||
  stored.some((values) => values.some((value) => covers(parseMarker(value), session)))

/** The latest expiry of an entry. It is a date in the year 9987, because some stores cannot represent a later date. */
const latestExpiry = 253e9

/**
 * The expiry of an entry that must live at least `age` seconds (RP-36). Counts from the latest of `iat`, `now` and the
 * system clock, because stores expire entries by the system clock. Adds five minutes for clock skew. If `now` is not a number,
 * the entry gets the latest expiry, so that no logout is lost.
 */
export const expiryFor = (iat: number, now: number, age: number): number =>
  Math.min(latestExpiry, Math.ceil(Math.max(iat, now, systemNow()) + age + 300) || Infinity)
