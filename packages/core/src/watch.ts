import { covers, markerKeysFor, parseHint, parseMarker } from './markers.js'
import type { StoredMarker } from './pending-markers.js'
import type { SessionClaims } from './session-claims.js'
import type { LogoutStore } from './store.js'
import { later, tell, within } from './time.js'

/** Keys asked for at once by a poll. */
const chunk = 5000

interface Watcher {
  session: SessionClaims
  keys: readonly string[]
  listener: () => unknown
}

/** Tells listeners when a session ends, on every instance: by local events, the store's broadcast, and a slow poll. */
export interface Watchers {
  /** `known` rejects when the session turns out to be none. */
  watch(session: SessionClaims, listener: () => unknown, known: void | Promise<void>): () => void
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
  const watchers = new Map<string, Set<Watcher>>()
  let subscription: Promise<() => Promise<void>> | undefined
  let cancelPoll: (() => void) | undefined
  let closed = false

  const under = (keys: Iterable<string>): Watcher[] => [
    ...new Set([...keys].flatMap((key) => [...(watchers.get(key) ?? [])])),
  ]

  /** Says whether it was still watching. */
  const forget = (watcher: Watcher): boolean => {
    let was = false
    for (const key of watcher.keys) {
      const others = watchers.get(key)
      was = others?.delete(watcher) ?? was
      if (others?.size === 0) watchers.delete(key)
    }
    return was
  }

  const report = (watcher: Watcher): void => {
    if (forget(watcher)) tell(watcher.listener, [], onError)
  }

  const look = async (some: readonly Watcher[]): Promise<void> => {
    const keys = [...new Set(some.flatMap((watcher) => watcher.keys))]
    const found = new Map<string, string[]>()
    for (let start = 0; start < keys.length; start += chunk) {
      const asked = keys.slice(start, start + chunk)
      const values = await store.values(asked)
      asked.forEach((key, index) => found.set(key, values[index]!))
    }
    for (const watcher of some) {
      const values = watcher.keys.map((key) => found.get(key)!)
      try {
        if (isEnded(watcher.session, watcher.keys, values)) report(watcher)
      } catch (error) {
        onError(error) // of one session: the others are looked at all the same
      }
    }
  }

  /** Subscribes once; what fails is tried again by the next poll. */
  const subscribe = async (): Promise<void> => {
    if (!store.subscribe || closed) return
    const begun = (subscription ??= store.subscribe((message) => {
      const told = under(parseHint(message))
      if (told.length > 0) look(told).catch(onError)
    }))
    begun.catch(() => {
      if (subscription === begun) subscription = undefined
    })
    await within(storeTimeout, 'subscribing', () => begun).catch(onError)
  }

  const poll = async (): Promise<void> => {
    cancelPoll = undefined
    await subscribe()
    await look(under(watchers.keys())).catch(onError)
    schedulePoll()
  }

  let polling = false
  const schedulePoll = (): void => {
    polling = !closed && watchers.size > 0
    if (polling) cancelPoll = later(pollInterval, () => void poll())
  }

  return {
    watch(session, listener, known) {
      if (closed) throw new Error('watch() was called after close()')
      const watcher: Watcher = { session, keys: markerKeysFor(session), listener }
      for (const key of watcher.keys) watchers.set(key, (watchers.get(key) ?? new Set()).add(watcher))
      if (!polling) schedulePoll()
      const begin = async (): Promise<void> => {
        await known
        await subscribe()
        await look([watcher])
      }
      begin().catch((error: unknown) => {
        // A failure that passes is for the next poll to make up for.
        if (error instanceof TypeError) forget(watcher)
        onError(error)
      })
      return () => void forget(watcher)
    },
    tell(markers) {
      if (watchers.size === 0) return
      for (const { key, value } of markers) {
        const marker = parseMarker(value)
        for (const watcher of under([key])) if (covers(marker, watcher.session)) report(watcher)
      }
    },
    async close() {
      closed = true
      cancelPoll?.()
      watchers.clear()
      if (subscription) await within(storeTimeout, 'unsubscribing', async () => (await subscription!)()).catch(onError)
    },
  }
}
