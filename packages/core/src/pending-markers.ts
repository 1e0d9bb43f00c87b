import type { LogoutStore } from './store.js'
import { later } from './time.js'

/** A marker as it is, or will be, in the store. */
export interface StoredMarker {
  key: string
  value: string
  expiresAt: number
}

/** The most markers that wait, and the seconds between attempts to write them. */
const maxPending = 100_000
const retryAfter = 1
/** How many are written at once, when the store is known to be back. */
const batch = 64

/**
 * Markers the store did not take (RP-38): this process honours them at once and writes them when the store is back.
 * They end with the process.
 */
export interface PendingMarkers {
  add(markers: readonly StoredMarker[]): void
  /** The values that wait to be put under these keys. */
  values(keys: readonly string[]): string[]
  /** Writes what waits, as far as the store takes it. */
  flush(): Promise<void>
  close(): Promise<void>
}

/**
 * @param onWritten Hears which keys were written.
 */
export function createPendingMarkers(
  store: Pick<LogoutStore, 'add'>,
  storeTimeout: number,
  now: () => number,
  onWritten: (keys: readonly string[]) => void,
  onError: (error: unknown) => void,
): PendingMarkers {
  const pending = new Map<string, StoredMarker>()
  const byKey = new Map<string, Set<StoredMarker>>()
  let cancel: (() => void) | undefined
  // Times, not flags: a runtime that ends a request ends its timers and promises too, and nothing would reset a flag.
  let retryAt = 0
  let busyUntil = 0
  let closed = false

  const nameOf = ({ key, value }: StoredMarker): string => key + value

  const drop = (marker: StoredMarker): void => {
    const others = byKey.get(marker.key)
    others?.delete(marker)
    if (others?.size === 0) byKey.delete(marker.key)
    pending.delete(nameOf(marker))
  }

  /** Says whether the store took it. One that it does not take lets the others go first. */
  const write = async (marker: StoredMarker): Promise<boolean> => {
    try {
      if (marker.expiresAt > now()) await store.add(marker.key, marker.value, marker.expiresAt)
      drop(marker)
      return true
    } catch (error) {
      onError(error)
      if (pending.delete(nameOf(marker))) pending.set(nameOf(marker), marker)
      return false
    }
  }

  const schedule = (): void => {
    if (closed || pending.size === 0 || performance.now() < retryAt) return
    retryAt = performance.now() + 2000 * retryAfter
    cancel = later(retryAfter, () => {
      retryAt = 0
      void flush()
    })
  }

  const flush = async (): Promise<void> => {
    if (performance.now() < busyUntil) return
    const all = [...pending.values()]
    // The first alone, to find out whether the store is back.
    for (let start = 0, size = 1; start < all.length; start += size, size = batch) {
      const some = all.slice(start, start + size)
      busyUntil = performance.now() + 2000 * storeTimeout
      const written = await Promise.all(some.map(write))
      onWritten([...new Set(some.filter((_, index) => written[index]).map(({ key }) => key))])
      if (written.includes(false)) break
    }
    busyUntil = 0
    schedule()
  }

  return {
    add(markers) {
      for (const marker of markers) {
        if (pending.has(nameOf(marker))) continue
        pending.set(nameOf(marker), marker)
        byKey.set(marker.key, (byKey.get(marker.key) ?? new Set()).add(marker))
        if (pending.size > maxPending) {
          drop(pending.values().next().value!)
          onError(new Error('too many logouts wait for the store: one was forgotten'))
        }
      }
      schedule()
    },
    values: (keys) =>
      byKey.size === 0 ? [] : keys.flatMap((key) => Array.from(byKey.get(key) ?? [], ({ value }) => value)),
    flush,
    async close() {
      closed = true
      cancel?.()
      busyUntil = 0
      await flush()
    },
  }
}
