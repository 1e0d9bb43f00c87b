import { startTimer } from './timers.js'

/** The timer starts after this many microtasks. A store in memory answers earlier, so a call of this store needs no timer. */
const turns = 6

/**
 * Runs `work`. If `work` takes longer than `seconds`, rejects and ignores the later result.
 *
 * @param toError Converts the error of `work` or of the time-out. The returned promise rejects with the converted error.
 * @param onEnd Called when `work` has succeeded or failed, also after the time-out.
 */
export const withTimeout = <T>(
  seconds: number,
  work: () => T | PromiseLike<T>,
  toError: (error: unknown) => unknown = (error) => error,
  onEnd?: () => void,
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
      onEnd?.()
    }
    const watch = async (): Promise<void> => {
      for (let turn = 0; turn < turns; turn += 1) await undefined
      if (!hasEnded) timer = startTimer(seconds, () => fail(new Error(`took over ${seconds} s`)))
    }
    void run()
    void watch()
  })
