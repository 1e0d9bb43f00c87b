import { pause } from './timers.js'

/** Seconds between two tries. */
const interval = 0.05

/** Repeats `work` until it succeeds, or until the deadline (milliseconds of `performance.now()`). Throws the last error. */
export async function retryUntil<T>(deadline: number, work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (deadline - performance.now() < interval * 1000) throw error
      await pause(interval)
    }
  }
}
