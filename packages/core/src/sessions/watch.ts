import type { LogoutStore } from '../store/store.js'
import { MultiMap } from '../util/multi-map.js'
import { runGuarded } from '../util/run-guarded.js'
import { startBackgroundTimer } from '../util/timers.js'
import { markerKeysOf } from './markers.js'
import type { StoredMarker } from './pending-markers.js'
import type { SessionClaims } from './session-claims.js'

/** The most keys in one call of the store. */
const maxKeys = 5000

interface Watcher {
  session: SessionClaims
  keys: readonly string[]
  listener: () => unknown
}

/**
 * Calls listeners when a session ends, on every instance. It uses local logouts, the store's broadcast, and a slow poll as
 * the safety net.
 */
export interface Watchers {
  /** @param check Throws or rejects if the session is wrong. */
  watch(session: SessionClaims, listener: () => unknown, check: () => void | Promise<void>): () => void
  /** Calls the watchers of sessions that these markers end. */
  notify(markers: readonly StoredMarker[]): void
  /** Reads new markers under these keys from the store. */
  onBroadcast(keys: readonly string[]): Promise<void>
  close(): void
}

export interface WatchersOptions {
  store: Pick<LogoutStore, 'values'>
  /** Whether a session has ended, by its age, by pending markers under its keys, or by these stored values. */
  hasEnded(session: SessionClaims, keys: readonly string[], stored: readonly string[][]): boolean
  /** Subscribes to logouts on other instances. */
  subscribe(): Promise<void>
  pollInterval: number
  onError(error: unknown): void
}

export function createWatchers({ store, hasEnded, subscribe, pollInterval, onError }: WatchersOptions): Watchers {
  const watchers = new MultiMap<Watcher>()
  let cancelPoll = (): void => {}
  let isPolling = false
  let isClosed = false

  const remove = (watcher: Watcher): boolean => {
    let wasThere = false
    for (const key of watcher.keys) wasThere = watchers.remove(key, watcher) || wasThere
    return wasThere
  }

  /** Calls the listener once if its session has ended. An entry that cannot be parsed does not stop other watchers. */
  const notifyIfEnded = (watcher: Watcher, stored: readonly string[][]): void =>
    runGuarded(() => hasEnded(watcher.session, watcher.keys, stored) && remove(watcher) && watcher.listener(), onError)

  /** Asks the store for each key once, and calls the watchers whose sessions have ended. */
  const checkStore = async (
    keys: readonly string[],
    watchersOf = (some: readonly string[]) => watchers.valuesOf(some),
  ): Promise<void> => {
    // A session that has ended by its age or by a pending marker is found without the store.
    for (const watcher of watchersOf(keys)) notifyIfEnded(watcher, [])
    for (let start = 0; start < keys.length; start += maxKeys) {
      const part = keys.slice(start, start + maxKeys)
      try {
        const stored = await store.values(part)
        for (const [index, key] of part.entries())
          if (stored[index]![0]) for (const watcher of watchersOf([key])) notifyIfEnded(watcher, [stored[index]!])
      } catch (error) {
        // One part that fails does not stop the others.
        onError(error)
      }
    }
  }

  const poll = async (): Promise<void> => {
    isPolling = true
    while (!isClosed && watchers.size > 0) {
      await new Promise<void>((resolve) => (cancelPoll = startBackgroundTimer(pollInterval, resolve)))
      await subscribe()
      await checkStore([...watchers.keys()])
    }
    isPolling = false
  }

  return {
    watch(session, listener, check) {
      if (isClosed) throw new Error('watch after close')
      const checked = check()
      const watcher: Watcher = { session: { ...session }, keys: markerKeysOf(session), listener }
      for (const key of watcher.keys) watchers.add(key, watcher)
      if (!isPolling) void poll()
      // The subscription comes first: a logout after the check of the store is broadcast.
      const start = async (): Promise<void> => {
        await checked
        await subscribe()
        await checkStore(watcher.keys, () => [watcher])
      }
      runGuarded(start, (error) => {
        // The next poll tries again after any other failure.
        if (error instanceof TypeError) remove(watcher)
        onError(error)
      })
      return () => void remove(watcher)
    },
    notify(markers) {
      for (const { key, value } of markers)
        for (const watcher of watchers.valuesOf([key])) notifyIfEnded(watcher, [[value]])
    },
    onBroadcast: (keys) => checkStore(keys.filter((key) => watchers.has(key))),
    close() {
      isClosed = true
      cancelPoll()
      watchers.clear()
    },
  }
}
