import type { LogoutStore } from '../store/store.js'
import { MultiMap } from '../util/multi-map.js'
import { runGuarded } from '../util/run-guarded.js'
import { startBackgroundTimer } from '../util/timers.js'
import { markerKeysOf } from './markers.js'
import type { StoredMarker } from './pending-markers.js'
import type { SessionClaims } from './session-claims.js'

/** The largest number of keys in one call of the store. */
const maxKeys = 5000

interface Watcher {
  session: SessionClaims
  keys: readonly string[]
  listener: () => unknown
}

/**
 * Calls listeners when a session ends, on every instance. Learns of the end from local logouts, from broadcasts of the
 * store, and from a slow poll in case a broadcast is lost.
 */
export interface Watchers {
  /** @param check Throws or rejects if the issuer of the session is not trusted. */
  watch(session: SessionClaims, listener: () => unknown, check: () => unknown): () => void
  /** Calls the watchers of sessions that these markers end. A marker is a stored logout. */
  notify(markers: readonly StoredMarker[]): void
  /** Reads new markers under these keys from the store. */
  onBroadcast(keys: readonly string[]): Promise<void>
  close(): void
}

export interface WatchersOptions {
  store: Pick<LogoutStore, 'values'>
  /** Tells whether a session has ended: by its age, by pending markers under its keys, or by these stored values. */
  hasEnded(session: SessionClaims, keys: readonly string[], stored: readonly string[][]): boolean
  /** Subscribes to logouts on other instances. */
  subscribe(): Promise<void>
  pollInterval: number
  onError(error: unknown): void
}

export function createWatchers({ store, hasEnded, subscribe, pollInterval, onError }: WatchersOptions): Watchers {
  const watchers = new MultiMap<Watcher>()
  /** Watchers whose keys have not been read yet. */
  let unread = new MultiMap<Watcher>()
  let cancelPoll = (): void => {}
  let isPolling = false
  let isClosed = false

  /** Removes a watcher. Returns true if it was still registered. */
  const remove = (watcher: Watcher): boolean => watcher.keys.map((key) => watchers.remove(key, watcher)).includes(true)

  /**
   * Calls the listener once if its session has ended. If an entry cannot be parsed or the listener fails, reports the error,
   * and goes on with the other watchers.
   */
  const notifyIfEnded = (watcher: Watcher, stored: readonly string[][]): void =>
    runGuarded(() => hasEnded(watcher.session, watcher.keys, stored) && remove(watcher) && watcher.listener(), onError)

  /** Reads each key from the store once, and calls those of `some` watchers whose sessions have ended. */
  const checkStore = async (some: MultiMap<Watcher>, keys = [...some.keys()]): Promise<void> => {
    // This call finds sessions that ended by age or by a pending marker. It does not need the store.
    for (const watcher of some.valuesOf(keys)) notifyIfEnded(watcher, [])
    for (let start = 0; start < keys.length; start += maxKeys) {
      const part = keys.slice(start, start + maxKeys)
      try {
        const stored = await store.values(part)
        for (const [index, key] of part.entries())
          if (stored[index]![0]) for (const watcher of some.valuesOf([key])) notifyIfEnded(watcher, [stored[index]!])
      } catch (error) {
        // If one part fails, the other parts still run.
        onError(error)
      }
    }
  }

  const poll = async (): Promise<void> => {
    isPolling = true
    while (!isClosed && watchers.size) {
      await new Promise<void>((resolve) => (cancelPoll = startBackgroundTimer(pollInterval, resolve)))
      await subscribe()
      await checkStore(watchers)
    }
    isPolling = false
  }

  return {
    watch(session, listener, check) {
      if (isClosed) throw new Error('watch after close')
      const checked = check()
      const watcher: Watcher = { session, keys: markerKeysOf(session), listener }
      for (const key of watcher.keys) watchers.add(key, watcher)
      if (!isPolling) void poll()
      // Subscribes before the store is read. The subscription gets each logout that comes after the read,
      // so no logout is missed.
      const start = async (): Promise<void> => {
        await checked
        await subscribe()
        for (const key of watcher.keys) unread.add(key, watcher)
        // Watchers that begin at the same moment share the read of the first.
        await undefined
        const some = unread
        unread = new MultiMap()
        await checkStore(some)
      }
      runGuarded(start, (error) => {
        // A `TypeError` means that the session is wrong, or its issuer is not trusted. After any other failure, the next
        // poll subscribes and reads the store again.
        if (error instanceof TypeError) remove(watcher)
        onError(error)
      })
      return () => void remove(watcher)
    },
    notify(markers) {
      for (const { key, value } of markers)
        for (const watcher of watchers.valuesOf([key])) notifyIfEnded(watcher, [[value]])
    },
    onBroadcast: (keys) =>
      checkStore(
        watchers,
        keys.filter((key) => watchers.has(key)),
      ),
    close() {
      isClosed = true
      cancelPoll()
      watchers.clear()
    },
  }
}
