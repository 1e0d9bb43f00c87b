import type { LogoutStore } from '../store/store.js'
import { monotonicNow } from '../util/clock.js'
import { runGuarded } from '../util/run-guarded.js'
import { withTimeout } from '../util/with-timeout.js'
import { parseBroadcast } from './markers.js'

/** What other instances say about new markers, if the store can subscribe. */
export interface Broadcasts {
  /** Subscribes once. Resolves when that is done or has failed; a failure is reported and tried again later. */
  subscribe(): Promise<void>
  close(): Promise<void>
}

export interface BroadcastsOptions {
  store: Pick<LogoutStore, 'subscribe'>
  storeTimeout: number
  /** Seconds between two tries to subscribe. */
  pollInterval: number
  /** Gets the keys of new markers. */
  onKeys(keys: readonly string[]): unknown
  onError(error: unknown): void
}

export function createBroadcasts(options: BroadcastsOptions): Broadcasts {
  const { store, storeTimeout, pollInterval, onKeys, onError } = options
  let subscription: Promise<() => Promise<void>> | undefined
  let tryAfter = -Infinity
  let isClosed = false

  return {
    async subscribe() {
      if (isClosed || (!subscription && monotonicNow() < tryAfter)) return
      tryAfter = monotonicNow() + pollInterval / 2
      subscription ??= store
        .subscribe?.((message) => runGuarded(() => onKeys(parseBroadcast(message)), onError))
        .catch((error: unknown) => {
          subscription = undefined
          throw error
        })
      await withTimeout(storeTimeout, () => subscription).catch(onError)
    },
    async close() {
      isClosed = true
      const ended = subscription
      subscription = undefined
      await withTimeout(storeTimeout, async () => (await ended)?.()).catch(onError)
    },
  }
}
