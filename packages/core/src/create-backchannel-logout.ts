import type { BackchannelLogout, BackchannelLogoutOptions } from './backchannel-logout.js'
import { boundStore } from './store/bound-store.js'
import { createIssuers } from './issuers/issuers.js'
import { defaultKeysTimeout } from './keys/remote-keys.js'
import { createEndSession } from './sessions/end-session.js'
import { createEndSessions, type LogoutEvent } from './sessions/end-sessions.js'
import { formatBroadcast, formatTracked, markerKeysOf, scopesOfSession, trackKey } from './sessions/markers.js'
import { expiryFor, isEnded } from './sessions/one-rule.js'
import {
  callback,
  fetchRules,
  isFunction,
  isPeriod,
  isText,
  mustBeFunction,
  mustBeText,
  oneOf,
  period,
  periodOrZero,
  readOptions,
  requireOption,
  type Rules,
} from './util/options.js'
import { createBroadcasts } from './sessions/broadcasts.js'
import { createCheck } from './sessions/check.js'
import { createPendingMarkers, type StoredMarker } from './sessions/pending-markers.js'
import { createReceive } from './receive/receive.js'
import { createRespond, handleWith, type LogoutRequest, type LogoutResponse } from './http/respond.js'
import { createFindRegistrations } from './sessions/find-registrations.js'
import { checkSession, type SessionClaims } from './sessions/session-claims.js'
import type { LogoutStore } from './store/store.js'
import { withInternals } from './internals.js'
import { systemNow } from './util/clock.js'
import { runGuarded } from './util/run-guarded.js'
import { singleFlight, type Flight } from './util/single-flight.js'
import { createWatchers } from './sessions/watch.js'

/** The options with their defaults. */
type Defaulted<T> = T & {
  [
    K in
      | 'recheckAfter'
      | 'unavailableStatus'
      | 'storeTimeout'
      | 'listenerTimeout'
      | 'keysTimeout'
      | 'pollInterval'
      | 'now'
  ]-?: NonNullable<T[K & keyof T]>
}

const isStore = (store: Partial<LogoutStore>): boolean => [store?.add, store?.values, store?.remove].every(isFunction)

const rules: Rules = {
  issuers: [
    (issuers: unknown[]) => isFunction(issuers) || (Array.isArray(issuers) && issuers.length > 0),
    'must be a non-empty list or a function',
  ],
  sessionMaxAge: [
    (age) => isPeriod(age) && age <= 400 * 86_400,
    'must be seconds, not milliseconds, and at most 400 days',
  ],
  store: [isStore, 'must be a LogoutStore'],
  destroySession: callback(),
  recheckAfter: periodOrZero(0),
  replay: oneOf('acknowledge', 'reject'),
  unavailableStatus: oneOf(400, 503),
  storeTimeout: period(1),
  listenerTimeout: period(2),
  keysTimeout: period(defaultKeysTimeout),
  pollInterval: period(30),
  ...fetchRules,
  now: callback(() => Math.floor(systemNow())),
  onDelivery: callback(),
  onError: callback(),
}

/**
 * Creates the receiver of back-channel logouts. The call sends no request, starts no timer and reads no clock. So you can
 * call this function at the top level of a module on any runtime.
 *
 * @throws {TypeError} if an option is wrong. The message names the option.
 * @see {@link https://openid.net/specs/openid-connect-backchannel-1_0.html OpenID Connect Back-Channel Logout 1.0}
 * @example
 * ```ts
 * import { createBackchannelLogout, MemoryStore } from '@bcl/core'
 *
 * const logout = createBackchannelLogout({
 *   issuers: [{ issuer: 'https://op.example.com', clientId: 'my-client' }],
 *   sessionMaxAge: 8 * 60 * 60,
 *   store: new MemoryStore(),
 * })
 *
 * // POST /backchannel-logout
 * export const POST = (request: Request) => logout.handle(request)
 * ```
 */
export function createBackchannelLogout(options: BackchannelLogoutOptions): BackchannelLogout {
  const read = readOptions(options, rules) as Defaulted<BackchannelLogoutOptions>
  const { sessionMaxAge, storeTimeout, now } = read
  const onError = (error: unknown): void => runGuarded(() => options.onError?.(error))
  const store = boundStore(options.store, storeTimeout)
  const common = { ...read, store, onError }
  const issuers = createIssuers(common)
  const listeners = new Set<(event: LogoutEvent) => unknown>()

  const onWritten = (key: string): void => void store.publish?.(formatBroadcast([key])).catch(onError)
  const pending = createPendingMarkers({ ...common, onWritten })

  const hasEnded = (session: SessionClaims, keys: readonly string[], stored: readonly string[][]): boolean =>
    isEnded(session, now() - sessionMaxAge, pending.markersOf(keys), stored)

  const findRegistrations = createFindRegistrations(issuers, now)

  const broadcasts = createBroadcasts({
    ...common,
    onSubscribed: () => check.invalidateAll(),
    onKeys(keys) {
      check.invalidate(keys)
      return watchers.onBroadcast(keys)
    },
  })
  const { subscribe } = broadcasts
  const check = createCheck({ ...common, hasEnded, subscribe })
  const watchers = createWatchers({ ...common, hasEnded, subscribe })

  const isLoggedOut = async (given: SessionClaims): Promise<boolean> => {
    const session = checkSession(given)
    const found = findRegistrations(session, 'session')
    if ('then' in found) await found
    return check.hasEnded(session)
  }

  /** Calls `work` for each entry of a tracked session. The session has one entry under each of its scopes. */
  const eachEntry = async (
    given: SessionClaims,
    sessionId: string,
    work: (key: string, value: string) => void | Promise<void>,
  ): Promise<void> => {
    const session = checkSession(given)
    requireOption(isText(sessionId), 'sessionId', mustBeText)
    const value = formatTracked(sessionId, session)
    await Promise.all(scopesOfSession(session).map((scope) => work(trackKey(scope), value)))
  }

  const untrackSession = (session: SessionClaims, sessionId: string): Promise<void> =>
    eachEntry(session, sessionId, store.remove)

  const onMarkers = (markers: readonly StoredMarker[]): void => {
    check.invalidate(markers.map(({ key }) => key))
    watchers.notify(markers)
  }
  const endSessions = createEndSessions({ ...common, pending, onMarkers, listeners })
  // Seconds after which a logout in progress counts as lost. Then `close` does not wait for it any more.
  const longest = read.listenerTimeout + 4 * storeTimeout + 4 * read.keysTimeout + 20
  const receive = createReceive({ ...common, issuers, endSessions, longest })
  const application = createEndSession({ ...common, endSessions, findRegistrations, longest })
  const answer = createRespond(receive, read.unavailableStatus, options.onDelivery)
  // Adds five seconds for reading the body, because a request is in progress from its first byte.
  const calls = singleFlight<Flight<unknown>>(longest + 5)
  /** Makes `close` wait for this call. */
  const track = <T>(work: () => Promise<T>): Promise<T> => calls.run(work, {}).result as Promise<T>
  const respond = (request: LogoutRequest): Promise<LogoutResponse> => track(() => answer(request))

  return withInternals(
    {
      receive: (logoutToken) => track(() => receive(logoutToken).result),
      endSession: (...args) => track(() => application.endSession(...args)),
      endAllSessions: (...args) => track(() => application.endAllSessions(...args)),
      onLogout(listener) {
        requireOption(isFunction(listener), 'listener', mustBeFunction, listener)
        const entry = (event: LogoutEvent): unknown => listener(event)
        listeners.add(entry)
        return () => void listeners.delete(entry)
      },
      isLoggedOut,
      watch(given, listener) {
        requireOption(isFunction(listener), 'listener', mustBeFunction, listener)
        const session = checkSession(given)
        return watchers.watch(session, listener, () => findRegistrations(session, 'session'))
      },
      async trackSession(given, sessionId) {
        const session = checkSession(given)
        await findRegistrations(session, 'session')
        const expiresAt = expiryFor(session.iat, now(), sessionMaxAge)
        await eachEntry(session, sessionId, (key, value) => store.add(key, value, expiresAt))
        // A logout that came before the new entry has not seen the entry. A cached answer may lack this logout.
        const keys = markerKeysOf(session)
        if (!hasEnded(session, keys, await store.values(keys))) return true
        await untrackSession(session, sessionId)
        return false
      },
      untrackSession,
      respond,
      handle: (request) => handleWith(respond, request),
      warm: issuers.warm,
      async close() {
        const settled = calls.settled()
        watchers.close()
        await Promise.all([broadcasts.close(), settled.then(pending.close)])
      },
    },
    { store, now, isTrusted: async (iss) => (await issuers.findForSession(iss, () => true)).length > 0 },
  )
}
