/** Starts a timer. A longer time than 24.8 days is shortened, because `setTimeout` allows no more. */
export const startTimer = (seconds: number, work: () => void): ReturnType<typeof setTimeout> =>
  setTimeout(work, Math.min(seconds * 1000, 2 ** 31 - 1))

/** Starts a timer that does not keep a Node process alive. Returns a function that cancels it. */
export function startBackgroundTimer(seconds: number, work: () => void): () => void {
  const timer = startTimer(seconds, work)
  ;(timer as { unref?: () => void }).unref?.()
  return () => clearTimeout(timer)
}

/** Resolves after these seconds. */
export const pause = (seconds: number): Promise<void> => new Promise((resolve) => startTimer(seconds, resolve))
