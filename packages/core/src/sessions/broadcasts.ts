import type { LogoutStore } from '../store/store.js'
import { monotonicNow } from '../util/clock.js'
import { runGuarded } from '../util/run-guarded.js'
import { withTimeout } from '../util/with-timeout.js'
import { parseBroadcast } from './markers.js'

/** Receives the broadcasts of other instances about new markers (stored logouts), if the store can subscribe. */
export interface Broadcasts {
  /**
   * Subscribes once. Resolves when the subscription has begun or has failed. Reports a failure. After a failure, a
   * later call tries again.
   */
  subscribe(): Promise<void>
  close(): Promise<void>
}

export interface BroadcastsOptions {
  store: Pick<LogoutStore, 'subscribe'>
  storeTimeout: number
  /** Seconds. The time between two attempts to subscribe is at least half of this value. */
  pollInterval: number
  /** Gets the keys of new markers. */
  onKeys(keys: readonly string[]): unknown
  /** Called when a subscription has begun. Earlier broadcasts may have been missed. */
  onSubscribed(): void
  onError(error: unknown): void
}

export function createBroadcasts(options: BroadcastsOptions): Broadcasts {
  const { store, storeTimeout, pollInterval, onKeys, onSubscribed, onError } = options
  /** Resolves to the function that ends the subscription, or to `undefined` if the subscription has failed. */
  let attempt: Promise<(() => Promise<void>) | undefined> | undefined
  let tryAfter = -Infinity

  const start = async (): Promise<(() => Promise<void>) | undefined> => {
    const started = store.subscribe!((message) => runGuarded(() => onKeys(parseBroadcast(message)), onError))
    try {
      const end = await withTimeout(storeTimeout, () => started)
      onSubscribed()
      return end
    } catch (error) {
      attempt = undefined
      // If this subscription begins after its time-out, ends the subscription, because a later attempt replaces it.
      runGuarded(async () => (await started)())
      onError(error)
    }
    return undefined
  }

  return {
    async subscribe() {
      if (!store.subscribe || (!attempt && monotonicNow() < tryAfter)) return
      tryAfter = monotonicNow() + pollInterval / 2
      attempt ??= start()
      await attempt
    },
    async close() {
      const lastAttempt = attempt
      attempt = undefined
      // No other attempt starts.
      tryAfter = Infinity
      await withTimeout(storeTimeout, async () => (await lastAttempt)?.()).catch(onError)
    },
  }
}
