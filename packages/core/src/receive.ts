import { asLogoutError, BackchannelLogoutError } from './errors.js'
import type { IssuerSource } from './issuer-source.js'
import {
  covers,
  doneKey,
  formatHint,
  formatMarker,
  isSmaller,
  markerKey,
  parseMarker,
  parseTracked,
  scopesFor,
  scopesOf,
  trackKey,
} from './markers.js'
import { retryTime, type PendingMarkers } from './pending-markers.js'
import type { LogoutStore } from './store.js'
import { createShared, retry, systemNow, within, type Run } from './time.js'
import { verify, type Verified } from './verify-logout-token.js'
import type { Watchers } from './watch.js'

/** Seconds that a run may take besides its listeners and calls of the store. */
const restTime = 10

/** A logout, as listeners are told of it. */
export interface LogoutEvent {
  /** Issuer Identifier. */
  iss: string
  /** The client registrations whose sessions ended. */
  clientIds: readonly string[]
  jti: string
  /** NumericDate, seconds: sessions that began then or before have ended. */
  iat: number
  /** The End-User, where the provider says. */
  sub?: string
  /** The session that ended, or absent: then all sessions of `sub` have. */
  sid?: string
  /** `events` of the Logout Token; Keycloak's `revoke_offline_access` is found here (RP-34). */
  events: object
  /** All claims, as sent. */
  claims: object
  /** The ids of tracked sessions that it ends. */
  sessionIds: readonly string[]
  /** True if the token was carried out before, for each of these registrations. Then it is only acknowledged. */
  replayed: boolean
}

/** One run of `receive`: what it comes to, and the token as soon as it is verified. */
export interface Receiving extends Run<LogoutEvent> {
  token?: Verified['token']
}

export interface ReceiveOptions {
  listeners: ReadonlySet<(event: LogoutEvent) => unknown>
  destroySession?: ((sessionId: string, event: LogoutEvent) => unknown) | undefined
  sessionMaxAge: number
  replay?: 'acknowledge' | 'reject' | undefined
  storeTimeout: number
  listenerTimeout: number
  now: () => number
  onError: (error: unknown) => void
}

/** The latest expiry of an entry: a date in the year 9987. No store has to represent a later one. */
const latestExpiry = 253e9

/**
 * Expiry for an entry that must live at least `age` seconds (RP-36). Counts from the latest of `iat`, `now` and the system
 * clock, because stores expire entries by the system clock. Adds five minutes for clock skew.
 */
export const forgetAt = (iat: number, now: number, age: number): number =>
  Math.min(latestExpiry, Math.ceil(Math.max(iat, now, systemNow()) + age + 300))

/** Makes the `receive` of DESIGN: mark, tell, and once only carry out. */
export function createReceive(
  options: ReceiveOptions,
  issuers: IssuerSource,
  store: LogoutStore,
  pending: PendingMarkers,
  watchers: Watchers,
): { run: (logoutToken: string) => Receiving; settled: () => Promise<unknown> } {
  const { listeners, destroySession, sessionMaxAge, replay, storeTimeout, listenerTimeout, now, onError } = options
  const runs = createShared<Receiving>(restTime + listenerTimeout + 4 * storeTimeout)

  /** Runs all listeners and `destroySession` calls in parallel. Throws one error that holds every failure. */
  const carryOut = async (event: LogoutEvent): Promise<void> => {
    const failures: unknown[] = []
    const call = (work: () => unknown): Promise<unknown> =>
      within(listenerTimeout, work).catch((error: unknown) => failures.push(error))
    await Promise.all([
      ...[...listeners].map((listener) => call(() => listener(event))),
      ...event.sessionIds.map((id) => call(() => destroySession?.(id, event))),
    ])
    if (failures.length > 0) throw asLogoutError('a listener', new AggregateError(failures))
  }

  const receive = async (logoutToken: string, run: Receiving): Promise<LogoutEvent> => {
    const { token, registrations } = await verify(logoutToken, issuers, now)
    run.token = token
    const { aud: _aud, exp, ...said } = token
    const deadline = performance.now() + retryTime
    const time = now()
    const markers = registrations.flatMap((registration) => {
      const marker = { clientId: registration.clientId, iat: token.iat + registration.iatSkew }
      const value = formatMarker(marker)
      const expiresAt = forgetAt(marker.iat, time, sessionMaxAge)
      return scopesOf(token, registration).map((scope) => ({
        ...marker,
        key: markerKey(scope),
        track: trackKey(scope),
        value,
        expiresAt,
      }))
    })
    await pending.write(markers, deadline).finally(() => watchers.tell(markers))

    const written = new Set(markers.map(({ key }) => key))
    const published = store.publish?.(formatHint(written)).catch(onError)
    // "Done" is remembered for as long as the token would be accepted: until `exp`, or `maxTokenAge` after `iat`.
    const done = registrations.map(({ clientId, clockTolerance, maxTokenAge }) => {
      const end = exp ?? token.iat + maxTokenAge!
      return { key: doneKey(token, clientId), expiresAt: forgetAt(0, time, end + clockTolerance - time) }
    })
    const keys = [...done.map(({ key }) => key), ...written, ...new Set(markers.map(({ track }) => track))]
    const values = await retry(deadline, () => store.values(keys))
    const under = (key: string): string[] => values[keys.indexOf(key)]!
    const replayed = done.every(({ key }) => under(key).length > 0)
    const ended = markers.flatMap((marker) =>
      under(marker.track).filter((value) => covers(marker, parseTracked(value)[1])),
    )
    const tracked = [...new Set(ended)]
    const sessionIds = replayed ? [] : [...new Set(tracked.map((value) => parseTracked(value)[0]))]
    const event: LogoutEvent = Object.freeze({ ...said, sessionIds, replayed })
    // Removes older markers that a new marker makes pointless. It does no harm if one of them stays. All are parsed before
    // the first is removed: a value that cannot be parsed must not leave removals that nobody awaits.
    const smaller = markers.map((marker) => under(marker.key).filter((value) => isSmaller(parseMarker(value), marker)))
    const removals = smaller.flatMap((some, index) => some.map((value) => store.remove(markers[index]!.key, value)))
    const tidied = Promise.all(removals).catch(onError)
    if (!replayed) {
      await carryOut(event)
      const gone = tracked.flatMap((value) =>
        scopesFor(parseTracked(value)[1]).map((scope) => store.remove(trackKey(scope), value)),
      )
      const untracked = Promise.all(gone).catch(onError)
      await retry(deadline, () => Promise.all(done.map(({ key, expiresAt }) => store.add(key, '1', expiresAt))))
      await untracked
    }
    await Promise.all([published, tidied])
    if (replayed && replay === 'reject')
      throw new BackchannelLogoutError('ERR_LOGOUT_TOKEN_REPLAYED', 'was carried out before')
    return event
  }

  return {
    settled: runs.settled,
    run: (logoutToken) =>
      runs.join(
        (run) =>
          receive(logoutToken, run).catch((error: unknown) => {
            throw asLogoutError('the logout', error)
          }),
        logoutToken,
      ),
  }
}
