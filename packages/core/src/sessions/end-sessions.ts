import { asLogoutError } from '../errors.js'
import type { LogoutStore } from '../store/store.js'
import { monotonicNow } from '../util/clock.js'
import { all } from '../util/maybe.js'
import { MultiMap } from '../util/multi-map.js'
import { retryUntil } from '../util/retry-until.js'
import { withTimeout } from '../util/with-timeout.js'
import {
  formatBroadcast,
  formatMarker,
  markerKey,
  parseMarker,
  parseTracked,
  scopesOfSession,
  trackKey,
  type Marker,
  type Scope,
  type TrackedSession,
} from './markers.js'
import { covers, expiryFor, supersedes } from './one-rule.js'
import { maxCalls, retryTime, type PendingMarkers, type StoredMarker } from './pending-markers.js'

/** The sessions that a logout ended. */
export interface EndedSessions {
  /**
   * The Issuer Identifier in the sessions. If the logout is for registrations with different `sessionIssuer`s, this is the
   * first of them.
   */
  iss: string
  /** The client registrations whose sessions ended. */
  clientIds: readonly string[]
  /** NumericDate in seconds. Sessions that began in this second or earlier have ended. Does not include `iatSkew`. */
  iat: number
  /** The End-User, if known. */
  sub?: string
  /**
   * The session that ended. If a Logout Token or a security event also has `sub`, the sessions of `sub` without a `sid` have
   * ended, too. With `logoutScope: 'subject'`, a Logout Token with `sub` has ended all sessions of `sub`.
   *
   * If `sid` is absent, all sessions of `sub` have ended. There is one exception: `endSession` without a `sid` ends only the
   * sessions of `sub` without a `sid`.
   */
  sid?: string
  /** The ids of the tracked sessions that ended. */
  sessionIds: readonly string[]
  /** True if this logout was already carried out for all these registrations. Then listeners are not called again. */
  replayed: boolean
}

/** The event that listeners get. `source` says who asked for the logout. */
export type LogoutEvent =
  | (EndedSessions & {
      source: 'logout-token' | 'security-event'
      jti: string
      /** The `events` of the token. For example, it contains `revoke_offline_access` of Keycloak (RP-34). */
      events: object
      /** All claims, as they were sent. */
      claims: object
    })
  | (EndedSessions & { source: 'application'; jti?: never; events?: never; claims?: never })

type Distribute<E> = E extends unknown ? Omit<E, 'sessionIds' | 'replayed'> : never

/** A request to end sessions: from a Logout Token, a security event or the application. */
export interface Wish {
  /** The event for the listeners, without the members that this file adds. */
  event: Distribute<LogoutEvent>
  /** The markers (stored logouts) to write. Each has the client, the date, and the scopes that it applies to. */
  markers: readonly (Marker & { scopes: readonly Scope[] })[]
  /** The keys that record this logout as carried out, each with its expiry. Without keys, the logout is not recorded. */
  done: readonly { key: string; expiresAt: number }[]
}

export interface EndSessionsOptions {
  store: LogoutStore
  pending: PendingMarkers
  /** Gets new markers, both stored and pending ones. */
  onMarkers(markers: readonly StoredMarker[]): void
  listeners: ReadonlySet<(event: LogoutEvent) => unknown>
  destroySession?: ((sessionId: string, event: LogoutEvent) => unknown) | undefined
  sessionMaxAge: number
  listenerTimeout: number
  now(): number
  onError(error: unknown): void
}

/**
 * Makes the function that ends sessions. This function writes the markers first, so the sessions have ended even if a
 * later step fails.
 */
export function createEndSessions(options: EndSessionsOptions): (wish: Wish) => Promise<LogoutEvent> {
  const { store, pending, onMarkers, listeners, destroySession, sessionMaxAge, listenerTimeout, now, onError } = options

  /** Runs all listeners and `destroySession` calls in parallel. Throws one error that holds every failure. */
  const callListeners = async (event: LogoutEvent): Promise<void> => {
    const failures: unknown[] = []
    const call = (work: () => unknown): Promise<unknown> =>
      withTimeout(listenerTimeout, work).catch((error: unknown) => failures.push(error))
    await Promise.all([
      // Comes first, because a listener can change the list.
      ...event.sessionIds.map((id) => call(() => destroySession?.(id, event))),
      ...[...listeners].map((listener) => call(() => listener(event))),
    ])
    if (failures.length > 0) throw asLogoutError('a listener', new AggregateError(failures))
  }

  /**
   * Removes entries, at most `maxCalls` at the same time. A user can have thousands of tracked sessions, and the store has
   * other calls to answer. A failure stops the removal, and `onError` gets the error. An entry that stays does no harm.
   */
  const removeAll = async (entries: (readonly [key: string, value: string])[]): Promise<void> => {
    try {
      while (entries[0]) await all(entries.splice(0, maxCalls).map((entry) => store.remove(...entry)))
    } catch (error) {
      onError(error)
    }
  }

  return async (wish) => {
    const deadline = monotonicNow() + retryTime
    const markersOf = new MultiMap<StoredMarker>()
    for (const { clientId, iat, scopes } of wish.markers) {
      const value = formatMarker({ clientId, iat })
      const expiresAt = expiryFor(iat, now(), sessionMaxAge)
      for (const scope of scopes) markersOf.add(scope, { clientId, iat, key: markerKey(scope), value, expiresAt })
    }
    const scopes = [...markersOf.keys()]
    const markers = markersOf.valuesOf(scopes)
    const written = pending.write(markers, deadline)
    // The markers count on this instance from now on. So cached answers are dropped before the store has answered.
    onMarkers(markers)
    await written

    const published = store.publish?.(formatBroadcast(scopes.map(markerKey))).catch(onError)
    const doneKeys = wish.done.map(({ key }) => key)
    const keys = [...new Set(doneKeys), ...scopes.map(markerKey), ...scopes.map(trackKey)]
    const stored = await retryUntil(deadline, () => store.values(keys))
    const valuesOf = (key: string): string[] => stored[keys.indexOf(key)]!

    const replayed = !!doneKeys[0] && doneKeys.every((key) => valuesOf(key)[0])
    // Collects the sessions to end, and the older markers of the same client, which are removed. Parses all values first, and each
    // value once. If a value cannot be parsed, the logout fails before a listener runs or an entry is removed.
    const tracked = new Map<string, TrackedSession>()
    const removals: [key: string, value: string][] = []
    for (const [scope, ofScope] of markersOf) {
      const added = [...ofScope]
      for (const value of valuesOf(trackKey(scope))) {
        const session = parseTracked(value)
        if (added.some((marker) => covers(marker, session[1]))) tracked.set(value, session)
      }
      for (const value of valuesOf(markerKey(scope))) {
        const other = parseMarker(value)
        if (added.some((marker) => supersedes(marker, other))) removals.push([markerKey(scope), value])
      }
    }
    const sessionIds = replayed ? [] : [...new Set([...tracked.values()].map(([id]) => id))]
    const event: LogoutEvent = Object.freeze({ ...wish.event, sessionIds, replayed } as LogoutEvent)

    if (!replayed) {
      await callListeners(event)
      for (const [value, [, session]] of tracked)
        for (const scope of scopesOfSession(session)) removals.push([trackKey(scope), value])
    }
    const removed = removeAll(removals)
    // The record that the logout was carried out is written last. If the logout fails before this line, and the provider
    // sends the token again, the logout is carried out again.
    if (!replayed)
      await retryUntil(deadline, () => all(wish.done.map(({ key, expiresAt }) => store.add(key, '1', expiresAt))))
    await removed
    await published
    return event
  }
}
