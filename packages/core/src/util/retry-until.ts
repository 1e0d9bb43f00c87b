import { isPromise, type Maybe } from './maybe.js'
import { pause } from './timers.js'

/** Seconds between two tries. */
const interval = 0.05

/**
 * Repeats `work` until it succeeds, or until the deadline (milliseconds of `performance.now()`). Rejects with the last
 * error. An answer that is there at once needs no promise.
 *
 * @param work Does not throw: if it fails, it returns a promise that rejects.
 */
export function retryUntil<T>(deadline: number, work: () => Maybe<T>): Maybe<T> {
  const first = work()
  const retry = async (): Promise<T> => {
    for (let attempt = first; ; attempt = work()) {
      try {
        return await attempt
      } catch (error) {
        if (deadline - performance.now() < interval * 1000) throw error
        await pause(interval)
      }
    }
  }
  return isPromise(first) ? retry() : first
}
