import type { BoundStore } from './bound-store.js'
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
  slack,
  trackKey,
  type Marker,
} from './markers.js'
import type { PendingMarkers, StoredMarker } from './pending-markers.js'
import { within } from './time.js'
import type { Registration } from './trusted-issuer.js'
import { verify } from './verify-logout-token.js'
import type { Watchers } from './watch.js'

/** Milliseconds for which what the store refuses is tried again within a request (RP-38), and the first pause. */
const retryTime = 1500
const firstPause = 25
/** Milliseconds that a run may take besides its listeners: all its waits are bounded, and their sum is less. */
const staleAfter = 10_000

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
export interface Run {
  event: Promise<LogoutEvent>
  token?: LogoutToken
  /** From then on (`performance.now()`) it counts as dead: a runtime may have ended it with its request. */
  staleAt: number
}

export interface ReceiveOptions {
  listeners: ReadonlySet<{ call: (event: LogoutEvent) => unknown }>
  destroySession?: ((sessionId: string, event: LogoutEvent) => unknown) | undefined
  sessionMaxAge: number
  replay?: 'acknowledge' | 'reject' | undefined
  listenerTimeout: number
  now: () => number
  onError: (error: unknown) => void
}

/** Seconds, by whichever clock is ahead: a store runs on the system's, whatever `now` says. */
const storeNow = (now: number): number => Math.max(now, Date.now() / 1000)

/** When an entry about sessions that began at `iat` may be forgotten: they have ended by then (RP-36). */
export const forgetAt = (iat: number, now: number, sessionMaxAge: number): number =>
  Math.ceil(Math.max(iat, storeNow(now)) + sessionMaxAge + slack)

/** Until when a token could come again: past it, it is refused as expired. */
const validUntil = (
  { iat, exp = Infinity }: LogoutToken,
  { clockTolerance, maxTokenAge = Infinity }: Registration,
): number => Math.min(exp, iat + maxTokenAge) + clockTolerance

/** Tries again, in growing pauses, what the store fails to do, until the deadline (`performance.now()`). */
async function retry<T>(deadline: number, work: (left: number | undefined) => Promise<T>): Promise<T> {
  for (let pause = firstPause; ; pause = Math.min(pause * 2, 8 * firstPause)) {
    const left = deadline - performance.now()
    try {
      return await work(left > 0 ? left / 1000 : undefined)
    } catch (error) {
      if (deadline - performance.now() <= pause) throw error
      await new Promise((resolve) => setTimeout(resolve, pause))
    }
  }
}

/** Makes the `receive` of DESIGN: mark, tell, and once only carry out. */
export function createReceive(
  options: ReceiveOptions,
  issuers: IssuerSource,
  store: BoundStore,
  pending: PendingMarkers,
  watchers: Watchers,
): (logoutToken: string) => Run {
  const { listeners, destroySession, sessionMaxAge, replay, listenerTimeout, now, onError } = options
  const runs = new Map<string, Run>()

  /** Writes markers; what the store does not take waits in this process, and counts at once. */
  const mark = async (markers: readonly StoredMarker[], deadline: number): Promise<void> => {
    const refused: StoredMarker[] = []
    let failure: unknown
    await Promise.all(
      markers.map((marker) =>
        retry(deadline, (left) => store.add(marker.key, marker.value, marker.expiresAt, left)).catch(
          (error: unknown) => {
            refused.push(marker)
            failure = error
          },
        ),
      ),
    )
    if (refused.length > 0) pending.add(refused)
    else void pending.flush()
    watchers.tell(markers)
    if (refused.length > 0) throw failure
  }

  /** Calls everything that must know, all at once, and gathers what failed. */
  const carryOut = async (event: LogoutEvent): Promise<void> => {
    const calls = [...listeners].map(
      ({ call }) =>
        () =>
          call(event),
    )
    if (destroySession) calls.push(...event.sessionIds.map((id) => () => destroySession(id, event)))
    const results = await Promise.allSettled(calls.map((call) => within(listenerTimeout, 'a listener', call)))
    const failures = results.filter((result) => result.status === 'rejected').map(({ reason }) => reason as unknown)
    if (failures.length > 0) throw asLogoutError('a listener failed', new AggregateError(failures))
  }

  const receive = async (logoutToken: string, run: Run): Promise<LogoutEvent> => {
    const { token, registration } = await verify(logoutToken, issuers, now)
    run.token = token
    const deadline = performance.now() + retryTime
    const time = now()
    const marker: Marker = { clientId: token.clientId, iat: token.iat + registration.iatSkew }
    const expiresAt = forgetAt(marker.iat, time, sessionMaxAge)
    const scopes = scopesOf(token, registration)
    const keys = scopes.map(markerKey)
    const value = formatMarker(marker)
    await mark(
      keys.map((key) => ({ key, value, expiresAt })),
      deadline,
    )

    const published = store.publish?.(formatHint(keys)).catch(onError)
    const done = doneKey(token)
    const [carriedOut, ...found] = await retry(deadline, (left) =>
      store.values([done, ...keys, ...scopes.map(trackKey)], left),
    )
    const tracked = found
      .splice(keys.length)
      .flat()
      .map(parseTracked)
      .filter(({ session }) => covers(marker, session))
    const replayed = carriedOut!.length > 0
    const sessionIds = replayed ? [] : [...new Set(tracked.map(({ sessionId }) => sessionId))]
    const { aud: _aud, exp: _exp, ...said } = token
    const event: LogoutEvent = Object.freeze({ ...said, sessionIds, replayed })
    // What a later logout of the same client makes pointless goes; that it may stay does no harm.
    // All are read before any is removed: one that cannot be read must not leave removals that nobody waits for.
    const smaller = found.map((values) =>
      values.filter((other) => other !== value && isSmaller(parseMarker(other), marker)),
    )
    const removals = smaller.flatMap((values, index) => values.map((other) => store.remove(keys[index]!, other)))
    const tidied = Promise.all(removals).catch(onError)
    if (!replayed) {
      await carryOut(event)
      const doneUntil = Math.ceil(storeNow(time) + Math.max(0, validUntil(token, registration) - time) + slack)
      const gone = tracked.flatMap((one) =>
        scopesFor(one.session).map((scope) => store.remove(trackKey(scope), formatTracked(one))),
      )
      const untracked = Promise.all(gone).catch(onError)
      await retry(deadline, (left) => store.add(done, '1', Math.min(expiresAt, doneUntil), left))
      await untracked
    }
    await Promise.all([published, tidied])
    if (replayed && replay === 'reject') {
      throw new BackchannelLogoutError('ERR_LOGOUT_TOKEN_REPLAYED', 'Logout Token was carried out before')
    }
    return event
  }

  return (logoutToken) => {
    const known = runs.get(logoutToken)
    if (known && performance.now() < known.staleAt) return known
    const run = { staleAt: performance.now() + staleAfter + 1000 * listenerTimeout } as Run
    run.event = receive(logoutToken, run)
      .catch((error: unknown) => {
        throw asLogoutError('the logout failed', error)
      })
      .finally(() => {
        if (runs.get(logoutToken) === run) runs.delete(logoutToken)
      })
    runs.set(logoutToken, run)
    return run
  }
}
