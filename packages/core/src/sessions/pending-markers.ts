import type { LogoutStore } from '../store/store.js'
import { all, chain, isPromise, type Maybe } from '../util/maybe.js'
import { MultiMap } from '../util/multi-map.js'
import { retryUntil } from '../util/retry-until.js'
import { singleFlight, type Flight } from '../util/single-flight.js'
import { startBackgroundTimer } from '../util/timers.js'
import { withTimeout } from '../util/with-timeout.js'
import type { Marker } from './markers.js'
import { supersedes } from './one-rule.js'

/** A marker that is in the store, or is going to be written. */
export interface StoredMarker extends Marker {
  key: string
  value: string
  expiresAt: number
}

/** Milliseconds for which a request tries again to write its markers (RP-38). */
export const retryTime = 1500
/** The largest number of keys with pending markers. */
const maxPending = 100_000
/** Seconds between two flushes. */
const retryAfter = 1
/** The largest number of writes in progress. A flush stops if all writes of one group fail. */
const maxWrites = 50

/**
 * Writes markers. If the store does not take a marker before the request ends, the marker is pending: this process obeys the
 * marker, and writes it when the store is back (RP-38). Pending markers are lost when the process ends.
 */
export interface PendingMarkers {
  /** Rejects if the store has not taken all markers by the deadline (`performance.now()`). */
  write(markers: readonly StoredMarker[], deadline: number): Maybe<void>
  /** The pending markers under these keys. */
  markersOf(keys: readonly string[]): Marker[]
  /** Writes the pending markers. Reports how many of them the store does not take. You can call it again. */
  close(): Promise<void>
}

export interface PendingMarkersOptions {
  store: Pick<LogoutStore, 'add'>
  storeTimeout: number
  /** Gets the key of each marker that was written later than its request. */
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
  /** A flush starts no write after this time. */
  const flushes = singleFlight<Flight<void>>(10 * storeTimeout)
  const pauses = singleFlight<Flight<void>>(2 * retryAfter)
  let cancel = (): void => {}
  let isClosed = false

  /** Also writes a marker that seems to have expired. `now` may be wrong, and the store has its own clock. */
  const write = (marker: StoredMarker): Maybe<void> =>
    chain(store.add(marker.key, marker.value, marker.expiresAt), () => {
      if (pending.remove(marker.key, marker)) onWritten(marker.key)
    })

  const keep = (marker: StoredMarker): void => {
    // A marker that fails moves to the end, so that the next flush begins with other markers.
    pending.remove(marker.key, marker)
    for (const other of pending.valuesOf([marker.key])) {
      if (supersedes(other, marker)) return
      if (other.clientId === marker.clientId) pending.remove(marker.key, other)
    }
    pending.add(marker.key, marker)
    if (pending.size > maxPending) {
      pending.delete(pending.keys().next().value!)
      onError(new Error('too many logouts wait for the store: one was dropped'))
    }
  }

  const flush = (): Promise<void> =>
    flushes.run(async (flight) => {
      const waiting = pending.valuesOf(pending.keys())
      let failure: unknown
      let isTaken = true
      while (waiting[0] && isTaken && performance.now() < flight.until) {
        isTaken = false
        const tryWrite = async (marker: StoredMarker): Promise<void> => {
          try {
            await write(marker)
            isTaken = true
          } catch (error) {
            keep(marker)
            failure = error
          }
        }
        await Promise.all(waiting.splice(0, maxWrites).map(tryWrite))
      }
      if (failure) onError(failure)
      schedule()
    }).result

  const schedule = (): void => {
    if (isClosed || pending.size === 0) return
    const { result } = pauses.run(() => new Promise((resolve) => (cancel = startBackgroundTimer(retryAfter, resolve))))
    void result.then(flush)
  }

  return {
    markersOf: (keys) => pending.valuesOf(keys),
    write(markers, deadline) {
      let failure: unknown
      const attempt = (): unknown => {
        const written = all(markers.map(write))
        return isPromise(written)
          ? written.catch((error: unknown) => {
              failure = error
              throw error
            })
          : written
      }
      const flushRest = (): void => {
        if (pending.size > 0) void flush()
      }
      const written = retryUntil(deadline, attempt)
      if (!isPromise(written)) return flushRest()
      // The error of the last attempt is more useful than the time-out.
      const toError = (error: unknown): unknown => failure ?? error
      return withTimeout(retryTime / 1000, () => written, toError).then(flushRest, (error: unknown) => {
        markers.forEach(keep)
        schedule()
        throw error
      })
    },
    async close() {
      isClosed = true
      cancel()
      // A flush that is already running does not write markers that came after its start.
      await flushes.get()?.result
      await flush()
      const { size } = pending
      if (size > 0) onError(new Error(`${size} logouts were not written to the store`))
    },
  }
}
