/** Milliseconds of so many seconds, as far as timers go. */
const milliseconds = (seconds: number): number => Math.min(seconds * 1000, 2 ** 31 - 1)

/** Microtasks that a result may take and still need no timer: a store in memory, or a client's cache. */
const turns = 6

/**
 * Runs `work` for at most `seconds`; later it rejects, and what `work` still does is nobody's concern.
 *
 * @param fail What to reject with, instead of the error at hand.
 */
export function within<T>(
  seconds: number,
  what: string,
  work: () => T | PromiseLike<T>,
  fail: (error: unknown) => unknown = (error) => error,
): Promise<T> {
  return new Promise((resolve, reject) => {
    let timer: ReturnType<typeof setTimeout> | undefined
    let left = turns
    const refuse = (error: unknown): void => {
      left = -1
      clearTimeout(timer)
      reject(fail(error))
    }
    const wait = (): void => {
      if (left > 0) queueMicrotask(wait)
      if (left === 0)
        timer = setTimeout(() => refuse(new Error(`${what} took over ${seconds} s`)), milliseconds(seconds))
      left -= 1
    }
    try {
      Promise.resolve(work()).then((result) => {
        left = -1
        clearTimeout(timer)
        resolve(result)
      }, refuse)
      wait()
    } catch (error) {
      refuse(error)
    }
  })
}

/** A timer that does not keep a Node process alive. */
export function later(seconds: number, work: () => void): () => void {
  const timer: unknown = setTimeout(work, milliseconds(seconds))
  ;(timer as { unref?: () => void }).unref?.()
  return () => clearTimeout(timer as ReturnType<typeof setTimeout>)
}

/** Calls somebody else's function whose failure must change nothing here, but be told. */
export function tell<A extends unknown[]>(
  listener: ((...args: A) => unknown) | undefined,
  args: A,
  onError: (error: unknown) => void = () => {},
): void {
  const call = async (): Promise<unknown> => listener?.(...args)
  call().catch(onError)
}

/** Hands out `size` permits, and another every `refill` seconds, as `now` counts them. */
export function createBucket(size: number, refill: number, now: () => number): () => boolean {
  let permits = size
  let countedAt: number | undefined
  return () => {
    const time = now()
    permits = Math.min(size, permits + Math.max(0, time - (countedAt ?? time)) / refill)
    countedAt = time
    if (permits < 1) return false
    permits -= 1
    return true
  }
}

/** Sets an entry of a map whose keys somebody else chooses, and lets the oldest go past `most`. */
export function remember<V>(map: Map<string, V>, key: string, value: V, most: number): V {
  map.delete(key)
  map.set(key, value)
  if (map.size > most) map.delete(map.keys().next().value!)
  return value
}
