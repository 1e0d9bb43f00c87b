import { createKeyed } from './keyed.js'
import { markerKeysFor, parseHint } from './markers.js'
import type { StoredMarker } from './pending-markers.js'
import type { SessionClaims } from './session-claims.js'
import type { LogoutStore } from './store.js'
import { later, tell, within } from './time.js'

/** Keys in one call of the store. */
const chunk = 5000

interface Watcher {
  session: SessionClaims
  keys: readonly string[]
  listener: () => unknown
}

/** Tells listeners when a session ends, on every instance: by local events, the store's broadcast, and a slow poll. */
export interface Watchers {
  /** @param check Refuses what is no session, at once or later. */
  watch(session: SessionClaims, listener: () => unknown, check: () => void | Promise<void>): () => void
  /** Tells of logouts on this instance. */
  tell(markers: readonly StoredMarker[]): void
  close(): Promise<void>
}

/**
 * @param isEnded Whether logouts found under the session's keys, or its age, end it.
 */
export function createWatchers(
  store: Pick<LogoutStore, 'values' | 'subscribe'>,
  isEnded: (session: SessionClaims, keys: readonly string[], values: readonly string[][]) => boolean,
  storeTimeout: number,
  pollInterval: number,
  onError: (error: unknown) => void,
): Watchers {
  const watchers = createKeyed<Watcher>()
  let subscription: Promise<() => Promise<void>> | undefined
  let cancelPoll = (): void => {}
  let isPolling = false
  let isClosed = false

  const forget = (watcher: Watcher): boolean => watchers.delete(watcher.keys, watcher)

  /** Calls the listener once if the session has ended. An entry that cannot be read does not keep other watchers from being called. */
  const judge = (watcher: Watcher, values: readonly string[][]): void =>
    tell(() => isEnded(watcher.session, watcher.keys, values) && forget(watcher) && watcher.listener(), onError)

  /** Asks the store for each key once, and judges the watchers under it. */
  const look = async (keys: readonly string[], under = watchers.under): Promise<void> => {
    // A session that has ended by its age or by a pending marker is found without the store.
    for (const watcher of under(keys)) judge(watcher, [])
    for (let start = 0; start < keys.length; start += chunk) {
      const part = keys.slice(start, start + chunk)
      const found = await store.values(part)
      for (const [index, key] of part.entries())
        if (found[index]![0]) for (const watcher of under([key])) judge(watcher, [found[index]!])
    }
  }

  /** Subscribes once; what fails is tried again by the next poll. */
  const subscribe = async (): Promise<void> => {
    if (isClosed) return
    subscription ??= store
      .subscribe?.((message) => tell(() => look(parseHint(message).filter((key) => watchers.sets.has(key))), onError))
      .catch((error: unknown) => {
        subscription = undefined
        throw error
      })
    await within(storeTimeout, () => subscription).catch(onError)
  }

  const poll = async (): Promise<void> => {
    isPolling = true
    while (!isClosed && watchers.sets.size > 0) {
      await new Promise<void>((resolve) => (cancelPoll = later(pollInterval, resolve)))
      await subscribe()
      await look([...watchers.sets.keys()]).catch(onError)
    }
    isPolling = false
  }

  return {
    watch(session, listener, check) {
      if (isClosed) throw new Error('watch after close')
      const known = check()
      const watcher: Watcher = { session: { ...session }, keys: markerKeysFor(session), listener }
      watchers.add(watcher.keys, watcher)
      if (!isPolling) void poll()
      const begin = async (): Promise<void> => {
        await known
        await subscribe()
        await look(watcher.keys, () => [watcher])
      }
      tell(begin, (error) => {
        // A failure that passes is for the next poll to make up for.
        if (error instanceof TypeError) forget(watcher)
        onError(error)
      })
      return () => void forget(watcher)
    },
    tell(markers) {
      for (const marker of markers) for (const watcher of watchers.under([marker.key])) judge(watcher, [[marker.value]])
    },
    async close() {
      isClosed = true
      cancelPoll()
      watchers.sets.clear()
      const ending = subscription
      subscription = undefined
      await within(storeTimeout, async () => (await ending)?.()).catch(onError)
    },
  }
}
