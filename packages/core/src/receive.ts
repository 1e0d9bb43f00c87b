import { asLogoutError, BackchannelLogoutError } from './errors.js'
import type { IssuerSource } from './issuer-source.js'
import type { LogoutToken } from './logout-token.js'
import {
  covers,
  doneKey,
  formatHint,
  formatMarker,
  formatTracked,
  isSmaller,
  markerKey,
  parseMarker,
  parseTracked,
  scopesFor,
  scopesOf,
  trackKey,
  type Marker,
} from './markers.js'
import { retryTime, type PendingMarkers } from './pending-markers.js'
import type { LogoutStore } from './store.js'
import { createShared, retry, systemNow, within, type Run } from './time.js'
import { verify } from './verify-logout-token.js'
import type { Watchers } from './watch.js'

/** Seconds that a run may take besides its listeners and calls of the store. */
const restTime = 10

/** A logout, as listeners are told of it. */
export interface LogoutEvent {
  /** Issuer Identifier. */
  iss: string
  /** The client registration it was sent to. */
  clientId: string
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
  /** True when it was carried out before, and now only acknowledged. */
  replayed: boolean
}

/** One run of `receive`: what it comes to, and the token as soon as it is verified. */
export interface Receiving extends Run<LogoutEvent> {
  token?: LogoutToken
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

/**
 * When an entry that matters for `age` seconds from `iat` or now may be forgotten (RP-36): by whichever clock is ahead,
 * as a store runs on the system's, whatever `now` says, and later than it must, as clocks differ.
 */
export const forgetAt = (iat: number, now: number, age: number): number =>
  Math.ceil(Math.max(iat, now, systemNow()) + age + 300)

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

  /** Calls everything that must know, all at once, and gathers what failed. */
  const carryOut = async (event: LogoutEvent): Promise<void> => {
    const call = (work: () => unknown): Promise<unknown> => within(listenerTimeout, work)
    const results = await Promise.allSettled([
      ...[...listeners].map((listener) => call(() => listener(event))),
      ...event.sessionIds.map((id) => call(() => destroySession?.(id, event))),
    ])
    const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []))
    if (failures.length > 0) throw asLogoutError('a listener', new AggregateError(failures))
  }

  const receive = async (logoutToken: string, run: Receiving): Promise<LogoutEvent> => {
    const { token, registration } = await verify(logoutToken, issuers, now)
    run.token = token
    const { aud: _aud, exp = Infinity, ...said } = token
    const deadline = performance.now() + retryTime
    const time = now()
    const marker: Marker = { clientId: token.clientId, iat: token.iat + registration.iatSkew }
    const value = formatMarker(marker)
    const expiresAt = forgetAt(marker.iat, time, sessionMaxAge)
    const scopes = scopesOf(token, registration)
    const markers = scopes.map((scope) => ({ ...marker, key: markerKey(scope), value, expiresAt }))
    const keys = markers.map(({ key }) => key)
    await pending.write(markers, deadline).finally(() => watchers.tell(markers))

    const published = store.publish?.(formatHint(keys)).catch(onError)
    const done = doneKey(token)
    const [carriedOut, ...found] = await retry(deadline, () => store.values([done, ...keys, ...scopes.map(trackKey)]))
    const tracked = found
      .splice(keys.length)
      .flat()
      .map(parseTracked)
      .filter(([, session]) => covers(marker, session))
    const replayed = carriedOut!.length > 0
    const sessionIds = replayed ? [] : [...new Set(tracked.map(([sessionId]) => sessionId))]
    const event: LogoutEvent = Object.freeze({ ...said, sessionIds, replayed })
    // What a later logout of the same client makes pointless goes; that it may stay does no harm. All are read before
    // any is removed: one that cannot be read must not leave removals that nobody waits for.
    const smaller = found.map((values) => values.filter((other) => isSmaller(parseMarker(other), marker)))
    const removals = smaller.flatMap((values, index) => values.map((other) => store.remove(keys[index]!, other)))
    const tidied = Promise.all(removals).catch(onError)
    if (!replayed) {
      await carryOut(event)
      const gone = tracked.flatMap(([sessionId, session]) =>
        scopesFor(session).map((scope) => store.remove(trackKey(scope), formatTracked(sessionId, session))),
      )
      const untracked = Promise.all(gone).catch(onError)
      // As long as the token could come again, and not be refused as expired.
      const doneUntil = forgetAt(0, time, exp - time + registration.clockTolerance)
      await retry(deadline, () => store.add(done, '1', Math.min(expiresAt, doneUntil)))
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
