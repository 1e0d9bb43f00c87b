/** Milliseconds of so many seconds, as far as timers go. */
const milliseconds = (seconds: number): number => Math.min(seconds * 1000, 2 ** 31 - 1)

/** Runs `work` for at most `seconds`; later it rejects, and what `work` still does is nobody's concern. */
export async function within<T>(seconds: number, what: string, work: () => T | PromiseLike<T>): Promise<T> {
  let isSettled = false
  const result = (async () => work())().finally(() => (isSettled = true))
  // What needs no waiting needs no timer: a store in memory, or a client's cache.
  for (let turns = 0; turns < 6 && !isSettled; turns += 1) await undefined
  if (isSettled) return result
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took over ${seconds} s`)), milliseconds(seconds))
  })
  try {
    return await Promise.race([result, late])
  } finally {
    clearTimeout(timer)
  }
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
