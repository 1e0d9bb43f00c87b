import type { AsyncStore } from '../store/store.js'
import { monotonicNow } from '../util/clock.js'
import { LruMap } from '../util/lru-map.js'
import { singleFlight, type Flight } from '../util/single-flight.js'
import { markerKeysOf } from './markers.js'
import type { SessionClaims } from './session-claims.js'

/** The most "alive" answers that are kept. */
const maxAlive = 100_000

/** Whether a session has ended. */
export interface Check {
  hasEnded(session: SessionClaims): Promise<boolean>
  /** Drops the answers that these markers may have changed. */
  invalidate(keys: Iterable<string>): void
}

export interface CheckOptions {
  store: Pick<AsyncStore, 'values'>
  /** Whether a session has ended, by its age, by pending markers under its keys, or by these stored values. */
  hasEnded(session: SessionClaims, keys: readonly string[], stored: readonly string[][]): boolean
  /** Seconds for which an "alive" answer is reused. */
  recheckAfter: number
  storeTimeout: number
  /** Starts to hear of logouts on other instances. */
  subscribe(): Promise<void>
}

export function createCheck({ store, hasEnded, recheckAfter, storeTimeout, subscribe }: CheckOptions): Check {
  /** When the store was asked: monotonic seconds, by session. */
  const alive = new LruMap<number>(maxAlive)
  /** When a marker was heard of: monotonic seconds, by key. The oldest comes first. */
  const invalidated = new Map<string, number>()
  const flights = singleFlight<Flight<string[][]>>(storeTimeout)
  const longest = Math.max(recheckAfter, storeTimeout)

  return {
    async hasEnded(session) {
      const keys = markerKeysOf(session)
      if (hasEnded(session, keys, [])) return true
      const id = keys.join(' ')
      const invalidatedAt = Math.max(...keys.map((key) => invalidated.get(key) ?? -Infinity))
      const startedAt = monotonicNow()
      const aliveId = `${id} ${session.iat} ${session.clientId}`
      if (recheckAfter > 0) {
        const askedAt = alive.get(aliveId) ?? -Infinity
        if (startedAt - askedAt < recheckAfter && askedAt > invalidatedAt) return false
        void subscribe()
      }
      // Checks of one session at the same time share one call. A call from before a marker was heard of is not shared.
      const stored = await flights.run(() => store.values(keys), `${id} ${invalidatedAt}`).result
      if (hasEnded(session, keys, stored)) return true
      if (recheckAfter > 0) alive.set(aliveId, startedAt)
      return false
    },
    invalidate(keys) {
      const time = monotonicNow()
      for (const key of keys) {
        invalidated.delete(key)
        invalidated.set(key, time)
      }
      for (const [key, at] of invalidated) {
        if (time - at <= longest) break
        invalidated.delete(key)
      }
    },
  }
}
