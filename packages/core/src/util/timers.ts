/** Starts a timer. A time of more than 24.8 days is cut to that, the longest time that `setTimeout` takes. */
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
