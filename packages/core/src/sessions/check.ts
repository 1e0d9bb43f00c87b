import type { LogoutStore } from '../store/store.js'
import { monotonicNow } from '../util/clock.js'
import { LruMap } from '../util/lru-map.js'
import { chain, isPromise, type Maybe } from '../util/maybe.js'
import { singleFlight, type Flight } from '../util/single-flight.js'
import { markerKeysOf } from './markers.js'
import type { SessionClaims } from './session-claims.js'

/** The largest number of cached answers. Only "alive" answers are cached: answers that a session has not ended. */
const maxAlive = 100_000

/** Tells whether a session has ended. */
export interface Check {
  hasEnded(session: SessionClaims): Maybe<boolean>
  /** Drops the cached answers of sessions with these keys of markers. A marker is a stored logout. */
  invalidate(keys: Iterable<string>): void
  /** Drops all cached answers. */
  invalidateAll(): void
}

export interface CheckOptions {
  store: Pick<LogoutStore, 'values'>
  /**
   * Tells whether a session has ended: by its age, by a pending marker under one of its keys, or by one of the stored values.
   */
  hasEnded(session: SessionClaims, keys: readonly string[], stored: readonly string[][]): boolean
  /** Seconds for which an "alive" answer is reused. */
  recheckAfter: number
  storeTimeout: number
  /** Subscribes to logouts on other instances. */
  subscribe(): Promise<void>
}

/** A cached "alive" answer. */
interface Alive {
  claims: readonly unknown[]
  keys: readonly string[]
  /** The time of the read, in monotonic seconds. */
  startedAt: number
}

/** A read of the store that is in progress. */
interface Read extends Flight<string[][]> {
  /** Monotonic seconds. */
  startedAt: number
}

export function createCheck({ store, hasEnded, recheckAfter, storeTimeout, subscribe }: CheckOptions): Check {
  const alive = new LruMap<Alive>(maxAlive)
  /**
   * For each key, the time when this instance learned of a new marker, in monotonic seconds. The oldest entry comes first.
   */
  const invalidated = new Map<string, number>()
  /** A read that began at this time or earlier does not count. */
  let allInvalidated = -Infinity
  // A read that began earlier may lack a logout that has to count by now.
  const reads = singleFlight<Read>(Math.min(recheckAfter, storeTimeout))
  const unsent = new Map<string, Promise<string[][]>>()
  /** True if the store answers without a promise. Then a call is cheap, so checks do not share calls. */
  let isImmediate = false

  const readStore = (keys: readonly string[]): Maybe<string[][]> => {
    const answer = store.values(keys)
    isImmediate = !isPromise(answer)
    return answer
  }

  /**
   * Checks that start at the same moment share one call of the store. A later check starts a new call, because the
   * answer of the earlier call can lack a logout that arrived in the meantime.
   */
  const readNow = (keys: readonly string[]): Maybe<string[][]> => {
    if (isImmediate) return readStore(keys)
    const id = keys.join()
    const shared = unsent.get(id)
    if (shared) return shared
    const read = Promise.resolve().then(() => {
      unsent.delete(id)
      return readStore(keys)
    })
    unsent.set(id, read)
    return read
  }

  const recheck = (session: SessionClaims): Maybe<boolean> => {
    const claims: unknown[] = Object.values(session)
    const [, sub, sid, iat, clientId] = claims
    // The map is fast because its ids are short. Different sessions can have the same id, so the claims are compared.
    const id = `${sid || sub} ${iat} ${clientId}`
    const found = alive.get(id)
    const known = found?.claims.every((claim, index) => claim === claims[index]) && found
    const keys = known ? known.keys : markerKeysOf(session)
    if (hasEnded(session, keys, [])) return true
    const invalidatedAt = Math.max(allInvalidated, ...keys.map((key) => invalidated.get(key) ?? -Infinity))
    if (known && monotonicNow() - known.startedAt < recheckAfter && known.startedAt > invalidatedAt) return false
    void subscribe()
    // Checks share a call in progress. But if a marker has arrived since that call began, the check starts a new call.
    const { result, startedAt } = reads.run(async (started) => {
      started.startedAt = monotonicNow()
      return store.values(keys)
    }, `${keys} ${invalidatedAt}`)
    return result.then((stored) => {
      if (hasEnded(session, keys, stored)) return true
      alive.set(id, { claims, keys, startedAt })
      return false
    })
  }

  return {
    hasEnded(session) {
      if (recheckAfter > 0) return recheck(session)
      const keys = markerKeysOf(session)
      if (hasEnded(session, keys, [])) return true
      return chain(readNow(keys), (stored) => hasEnded(session, keys, stored))
    },
    invalidate(keys) {
      if (recheckAfter === 0) return
      const time = monotonicNow()
      for (const key of keys) {
        invalidated.delete(key)
        invalidated.set(key, time)
      }
      for (const [key, at] of invalidated) {
        if (time - at <= recheckAfter) break
        invalidated.delete(key)
      }
      if (invalidated.size > maxAlive) this.invalidateAll()
    },
    invalidateAll() {
      allInvalidated = monotonicNow()
      invalidated.clear()
    },
  }
}
