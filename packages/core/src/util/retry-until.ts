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
  const answer = work()
  if (!isPromise(answer)) return answer
  return answer.catch(async (error: unknown) => {
    if (deadline - monotonicNow() < interval) throw error
    await pause(interval)
    return retryUntil(deadline, work)
  })
}
