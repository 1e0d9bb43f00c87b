import { startTimer } from './timers.js'

/** The number of microtasks to wait before the timer starts. A store in memory answers earlier, so it needs no timer. */
const turns = 6

/**
 * Runs `work` for at most `seconds`. Then rejects, and ignores a later result.
 *
 * @param toError Converts the error to the error of the returned promise.
 */
export const withTimeout = <T>(
  seconds: number,
  work: () => T | PromiseLike<T>,
  toError: (error: unknown) => unknown = (error) => error,
): Promise<T> =>
  new Promise((resolve, reject) => {
    let timer: ReturnType<typeof setTimeout> | undefined
    let hasEnded = false
    const fail = (error: unknown): void => reject(toError(error))
    const run = async (): Promise<void> => {
      try {
        resolve(await work())
      } catch (error) {
        fail(error)
      }
      hasEnded = true
      clearTimeout(timer)
    }
    const watch = async (): Promise<void> => {
      for (let turn = 0; turn < turns; turn += 1) await undefined
      if (!hasEnded) timer = startTimer(seconds, () => fail(new Error(`took over ${seconds} s`)))
    }
    void run()
    void watch()
  })
