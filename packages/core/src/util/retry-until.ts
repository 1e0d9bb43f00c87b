import { monotonicNow } from './clock.js'
import { isPromise, type Maybe } from './maybe.js'
import { pause } from './timers.js'

/** Seconds between two attempts. */
const interval = 0.05

/**
 * Repeats `work` until it succeeds, or until the deadline (monotonic seconds). Rejects with the last error.
 * Returns a promise only if `work` returns a promise.
 *
 * @param work Must not throw. If it fails, it must return a promise that rejects.
 */
export function retryUntil<T>(deadline: number, work: () => Maybe<T>): Maybe<T> {
  const first = work()
  return isPromise(first) ? retry(deadline, work, first) : first
}

async function retry<T>(deadline: number, work: () => Maybe<T>, first: Promise<T>): Promise<T> {
  for (let attempt: Maybe<T> = first; ; attempt = work()) {
    try {
      return await attempt
    } catch (error) {
      if (deadline - monotonicNow() < interval) throw error
      await pause(interval)
    }
  }
}
