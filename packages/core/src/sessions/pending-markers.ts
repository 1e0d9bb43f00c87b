import type { LogoutStore } from '../store/store.js'
import { monotonicNow } from '../util/clock.js'
import { all, chain, type Maybe } from '../util/maybe.js'
import { MultiMap } from '../util/multi-map.js'
import { retryUntil } from '../util/retry-until.js'
import { singleFlight, type Flight } from '../util/single-flight.js'
import { pause, startBackgroundTimer } from '../util/timers.js'
import { withTimeout } from '../util/with-timeout.js'
import type { Marker } from './markers.js'
import { supersedes } from './one-rule.js'

/** A marker (the stored form of a logout) that is in the store, or is going to be written. */
export interface StoredMarker extends Marker {
  key: string
  value: string
  expiresAt: number
}

/** Seconds for which a request, or `close`, tries again to write markers (RP-38). */
export const retryTime = 1.5
/** The largest number of markers that wait for the store. */
const maxPending = 100_000
/** Seconds between two flushes. A flush writes the markers that the store did not take before their request ended. */
const retryAfter = 1
/** The number of markers with which a flush begins. If writes hang, more writes would take the connections that the checks need. */
const firstCalls = 5
/**
 * The largest number of entries that are written or removed at the same time. A flush writes one group after another. If all
 * writes of a group fail, the flush stops.
 */
export const maxCalls = 50

/**
 * Writes markers. A marker is pending until the store takes it. In this process, a pending marker counts at once. If
 * the store does not take the marker before the request ends, the marker is written when the store is back (RP-38).
 * Pending markers are lost when the process ends.
 */
export interface PendingMarkers {
  /** Rejects if the store has not taken all markers by the deadline (monotonic seconds). */
  write(markers: readonly StoredMarker[], deadline: number): Promise<void> | undefined
  /** The pending markers under these keys. */
  markersOf(keys: readonly string[]): Marker[]
  /**
   * Writes the pending markers, and reports the number of markers that the store does not take. Can be called again.
   */
  close(): Promise<void>
}

export interface PendingMarkersOptions {
  store: Pick<LogoutStore, 'add'>
  storeTimeout: number
  /** Gets the key of each marker that was written after its request had failed. */
  onWritten(key: string): void
  onError(error: unknown): void
}

export function createPendingMarkers({
  store,
  storeTimeout,
  onWritten,
  onError,
}: PendingMarkersOptions): PendingMarkers {
  const pending = new MultiMap<StoredMarker>()
  /** The pending markers whose request has failed. A flush writes these markers. The requests in progress write the others. */
  const failed = new Set<StoredMarker>()
  /** The flush in progress. A flush starts no write after ten times `storeTimeout`. */
  const flushes = singleFlight<Flight<void>>(10 * storeTimeout)
  const pauses = singleFlight<Flight<void>>(2 * retryAfter)
  let cancel = (): void => {}
  let isClosed = false

  /** Writes a marker, even if it seems to have expired, because `now` may be wrong and the store has its own clock. */
  const write = (marker: StoredMarker): Maybe<void> =>
    chain(store.add(marker.key, marker.value, marker.expiresAt), () => {
      if (drop(marker)) onWritten(marker.key)
    })

  /** Removes a pending marker. Returns true if the request of the marker had failed. */
  const drop = (marker: StoredMarker): boolean => {
    pending.remove(marker.key, marker)
    return failed.delete(marker)
  }

  const keep = (marker: StoredMarker): void => {
    // Moves the marker to the end, so that the next flush begins with other markers.
    drop(marker)
    for (const other of pending.valuesOf([marker.key])) {
      if (supersedes(other, marker)) return
      if (other.clientId === marker.clientId) drop(other)
    }
    pending.add(marker.key, marker)
    failed.add(marker)
    if (failed.size > maxPending) {
      drop(failed.values().next().value!)
      onError(new Error('dropped: too many markers were not written to the store'))
    }
  }

  const flush = (): Promise<void> | undefined => {
    if (failed.size === 0) return undefined
    return flushes.run(async (flight) => {
      const waiting = [...failed]
      let failure: unknown
      for (
        let group = isClosed ? maxCalls : firstCalls;
        waiting[0] && monotonicNow() < flight.until;
        group = maxCalls
      ) {
        const slowAt = monotonicNow() + storeTimeout / 2
        let isTaken = false
        const tryWrite = async (marker: StoredMarker): Promise<void> => {
          try {
            await write(marker)
            isTaken = true
          } catch (error) {
            keep(marker)
            failure = error
          }
        }
        await Promise.all(waiting.splice(0, group).map(tryWrite))
        // A store that refuses the first markers at once may take the others.
        if (!isTaken && (group === maxCalls || monotonicNow() > slowAt)) break
      }
      if (failure) onError(failure)
      schedule()
    }).result
  }

  const schedule = (): void => {
    if (isClosed || failed.size === 0) return
    const { result } = pauses.run(() => new Promise((resolve) => (cancel = startBackgroundTimer(retryAfter, resolve))))
    void result.then(flush)
  }

  return {
    markersOf: (keys) => pending.valuesOf(keys),
    write(markers, deadline) {
      let failure: unknown
      const written = retryUntil(deadline, () =>
        all(markers.map(write))?.catch((error: unknown) => Promise.reject((failure = error) as Error)),
      )
      if (!written) return void flush()
      for (const marker of markers) pending.add(marker.key, marker)
      const fail = (error: unknown): never => {
        markers.forEach(keep)
        schedule()
        // The error of the last attempt is more useful than the time-out.
        throw failure ?? error
      }
      const succeed = (): void => {
        // Some calls of the store may have answered without a promise, before their markers were added above.
        markers.forEach(drop)
        void flush()
      }
      return withTimeout(retryTime, () => written).then(succeed, fail)
    },
    async close() {
      isClosed = true
      cancel()
      const until = monotonicNow() + retryTime
      for (;;) {
        // A flush that is already running does not write markers that came after its start.
        await flushes.settled()
        await flush()
        if (failed.size === 0) return
        if (monotonicNow() >= until) break
        await pause(retryTime / 3)
      }
      onError(new Error(`${failed.size} markers were not written to the store`))
    },
  }
}
