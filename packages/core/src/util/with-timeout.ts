import { startTimer } from './timers.js'

/** Microtasks to wait before the timer starts. A store in memory answers within them, and then needs no timer. */
const turns = 6

/**
 * Runs `work` for at most `seconds`, and rejects after that. The result of late work is dropped.
 *
 * @param toError Makes the error to reject with from the error that occurred.
 */
export const withTimeout = <T>(
  seconds: number,
  work: () => T | PromiseLike<T>,
  toError: (error: unknown) => unknown = (error) => error,
): Promise<T> =>
  new Promise((resolve, reject) => {
    let timer: ReturnType<typeof setTimeout> | undefined
    let turnsLeft = turns
    const fail = (error: unknown): void => {
      turnsLeft = -1
      clearTimeout(timer)
      reject(toError(error))
    }
    const wait = (): void => {
      if (turnsLeft > 0) void Promise.resolve().then(wait)
      if (turnsLeft === 0) timer = startTimer(seconds, () => fail(new Error(`took over ${seconds} s`)))
      turnsLeft -= 1
    }
    try {
      Promise.resolve(work()).then((result) => {
        turnsLeft = -1
        clearTimeout(timer)
        resolve(result)
      }, fail)
      wait()
    } catch (error) {
      fail(error)
    }
  })
