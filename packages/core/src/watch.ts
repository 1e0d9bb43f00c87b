import { createKeyed } from './keyed.js'
import { markerKeysFor, parseHint } from './markers.js'
import type { StoredMarker } from './pending-markers.js'
import type { SessionClaims } from './session-claims.js'
import type { LogoutStore } from './store.js'
import { later, tell, within } from './time.js'

/** Sessions asked for at once by a poll. */
const chunk = 2500

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

  /** Tells, once, of a session that is over. What cannot be read of one does not keep the others from being told. */
  const judge = (watcher: Watcher, values: readonly string[][]): void =>
    tell(() => isEnded(watcher.session, watcher.keys, values) && forget(watcher) && watcher.listener(), onError)

  const look = async (some: readonly Watcher[]): Promise<void> => {
    for (let start = 0; start < some.length; start += chunk) {
      const part = some.slice(start, start + chunk)
      // By its age, or by what waits for the store, also while that is down.
      for (const watcher of part) judge(watcher, [])
      const values = await store.values(part.flatMap(({ keys }) => keys))
      let at = 0
      for (const watcher of part) judge(watcher, values.slice(at, (at += watcher.keys.length)))
    }
  }

  /** Subscribes once; what fails is tried again by the next poll. */
  const subscribe = async (): Promise<void> => {
    if (isClosed) return
    subscription ??= store
      .subscribe?.((message) => tell(() => look(watchers.under(parseHint(message))), onError))
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
      await look(watchers.under(watchers.sets.keys())).catch(onError)
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
        await look([watcher])
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
      await within(storeTimeout, async () => (await subscription)?.()).catch(onError)
    },
  }
}
