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

/** Milliseconds for which what the store refuses is tried again within a request (RP-38). */
export const retryTime = 1500
/** The most keys whose markers wait, the seconds between attempts to write them, and when an attempt is given up. */
const maxPending = 100_000
const retryAfter = 1
const maxFailures = 3

/**
 * Writes markers. Those that the store has not taken when a request's time is over are honoured by this process from then
 * on, and written when it is back (RP-38). They end with the process.
 */
export interface PendingMarkers {
  /** Rejects when the store has not taken all of them by the deadline (`performance.now()`). */
  write(markers: readonly StoredMarker[], deadline: number): Promise<void>
  /** The markers that wait to be put under these keys. */
  under(keys: readonly string[]): Marker[]
  close(): Promise<void>
}

/**
 * @param onWritten Hears which keys were written late, by a flush or by a request that was given up.
 */
export function createPendingMarkers(
  store: Pick<LogoutStore, 'add'>,
  storeTimeout: number,
  now: () => number,
  onWritten: (keys: readonly string[]) => void,
  onError: (error: unknown) => void,
): PendingMarkers {
  const pending = createKeyed<StoredMarker>()
  const flushes = createShared<Run<void>>(2 * storeTimeout)
  const pauses = createShared<Run<void>>(2 * retryAfter)
  let cancel = (): void => {}
  let isClosed = false

  const write = async (marker: StoredMarker): Promise<void> => {
    if (marker.expiresAt > now()) await store.add(marker.key, marker.value, marker.expiresAt)
    if (pending.delete([marker.key], marker)) onWritten([marker.key])
  }

  const keep = (marker: StoredMarker): void => {
    const keys = [marker.key]
    // What failed last goes last next time.
    pending.delete(keys, marker)
    for (const other of pending.under(keys)) {
      if (isSmaller(marker, other)) return
      if (other.clientId === marker.clientId) pending.delete(keys, other)
    }
    pending.add(keys, marker)
    if (pending.sets.size > maxPending) {
      pending.sets.delete(pending.sets.keys().next().value!)
      onError(new Error('too many logouts wait'))
    }
  }

  const flush = (): Promise<void> =>
    flushes.join(async (run) => {
      const failures: unknown[] = []
      for (const marker of pending.under(pending.sets.keys())) {
        run.until = performance.now() + 2000 * storeTimeout
        try {
          await write(marker)
        } catch (error) {
          keep(marker)
          if (failures.push(error) === maxFailures) break
        }
      }
      if (failures[0]) onError(failures[0])
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
      try {
        await within(retryTime / 1000, () => retry(deadline, () => Promise.all(markers.map(write))))
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
      // One that is under way knows nothing of what came since.
      await flushes.get()?.result
      await flush()
    },
  }
}
