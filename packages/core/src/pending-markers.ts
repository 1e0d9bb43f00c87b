import { createKeyed } from './keyed.js'
import { isSmaller, type Marker } from './markers.js'
import type { LogoutStore } from './store.js'
import { createShared, later, retry, within, type Run } from './time.js'

/** A marker as it is, or will be, in the store. */
export interface StoredMarker extends Marker {
  key: string
  value: string
  expiresAt: number
}

/** Milliseconds for which a request tries again to write its markers (RP-38). */
export const retryTime = 1500
/** The most keys with pending markers. */
const maxPending = 100_000
/** Seconds between two flushes. */
const retryAfter = 1
/** Writes under way at once. As many failures in a row end a flush. */
const maxWrites = 50

/**
 * Writes markers. If the store does not take a marker within the time of its request, the marker is pending: this process
 * honours it, and writes it when the store is back (RP-38). Pending markers are lost when the process ends.
 */
export interface PendingMarkers {
  /** Rejects if the store has not taken all markers by the deadline (`performance.now()`). */
  write(markers: readonly StoredMarker[], deadline: number): Promise<void>
  /** The pending markers under these keys. */
  under(keys: readonly string[]): Marker[]
  /** Writes the pending markers, and reports those that the store does not take. It can be called again. */
  close(): Promise<void>
}

/**
 * @param onWritten Gets the keys of each marker that was written after its request had failed.
 */
export function createPendingMarkers(
  store: Pick<LogoutStore, 'add'>,
  storeTimeout: number,
  onWritten: (keys: readonly string[]) => void,
  onError: (error: unknown) => void,
): PendingMarkers {
  const pending = createKeyed<StoredMarker>()
  /** A flush begins no write after this time. */
  const flushes = createShared<Run<void>>(10 * storeTimeout)
  const pauses = createShared<Run<void>>(2 * retryAfter)
  let cancel = (): void => {}
  let isClosed = false

  /** Also writes a marker that seems to have expired: `now` may be wrong, and the store knows better. */
  const write = async (marker: StoredMarker): Promise<void> => {
    await store.add(marker.key, marker.value, marker.expiresAt)
    if (pending.delete([marker.key], marker)) onWritten([marker.key])
  }

  const keep = (marker: StoredMarker): void => {
    const keys = [marker.key]
    // A marker that fails goes to the end, so that the next flush begins with the others.
    pending.delete(keys, marker)
    for (const other of pending.under(keys)) {
      if (isSmaller(marker, other)) return
      if (other.clientId === marker.clientId) pending.delete(keys, other)
    }
    pending.add(keys, marker)
    if (pending.sets.size > maxPending) {
      pending.sets.delete(pending.sets.keys().next().value!)
      onError(new Error('too many logouts wait for the store: one was dropped'))
    }
  }

  const flush = (): Promise<void> =>
    flushes.join(async (run) => {
      const waiting = pending.under(pending.sets.keys())
      let failure: unknown
      let isTaken = true
      while (waiting[0] && isTaken && performance.now() < run.until) {
        isTaken = false
        const writes = waiting.splice(0, maxWrites).map(async (marker) => {
          try {
            await write(marker)
            isTaken = true
          } catch (error) {
            keep(marker)
            failure = error
          }
        })
        await Promise.all(writes)
      }
      if (failure) onError(failure)
      schedule()
    }).result

  const schedule = (): void => {
    if (isClosed || pending.sets.size === 0) return
    const pause = pauses.join(() => new Promise((resolve) => (cancel = later(retryAfter, resolve))))
    void pause.result.then(flush)
  }

  return {
    under: pending.under,
    async write(markers, deadline) {
      let failure: unknown
      const attempt = (): Promise<unknown> =>
        Promise.all(markers.map(write)).catch((error: unknown) => {
          failure = error
          throw error
        })
      try {
        // The error of the last attempt says more than the time-out.
        await within(
          retryTime / 1000,
          () => retry(deadline, attempt),
          (error) => failure ?? error,
        )
      } catch (error) {
        markers.forEach(keep)
        schedule()
        throw error
      }
      if (pending.sets.size > 0) void flush()
    },
    async close() {
      isClosed = true
      cancel()
      // A flush that is under way does not write the markers that came after its start.
      await flushes.get()?.result
      await flush()
      const { size } = pending.sets
      if (size > 0) onError(new Error(`${size} logouts were not written to the store`))
    },
  }
}
