/** The system's clock: a NumericDate. */
export const systemNow = (): number => Date.now() / 1000

/** Seconds on a clock that nobody sets: for back-offs, rate limits and the age of caches. */
export const monotonicNow = (): number => performance.now() / 1000

export const pause = (seconds: number): Promise<void> => new Promise((resolve) => after(seconds, resolve))

/** A timer, as far ahead as timers go. */
const after = (seconds: number, work: () => void): ReturnType<typeof setTimeout> =>
  setTimeout(work, Math.min(seconds * 1000, 2 ** 31 - 1))

/** Microtasks that a result may take and still need no timer: a store in memory, or a client's cache. */
const turns = 6

/**
 * Runs `work` for at most `seconds`; later it rejects, and what `work` still does is nobody's concern.
 *
 * @param fail What to reject with, instead of the error at hand.
 */
export const within = <T>(
  seconds: number,
  work: () => T | PromiseLike<T>,
  fail: (error: unknown) => unknown = (error) => error,
): Promise<T> =>
  new Promise((resolve, reject) => {
    let timer: ReturnType<typeof setTimeout> | undefined
    let left = turns
    const refuse = (error: unknown): void => {
      left = -1
      clearTimeout(timer)
      reject(fail(error))
    }
    const wait = (): void => {
      if (left > 0) void Promise.resolve().then(wait)
      if (left === 0) timer = after(seconds, () => refuse(new Error(`took over ${seconds} s`)))
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

/** A timer that does not keep a Node process alive. */
export function later(seconds: number, work: () => void): () => void {
  const timer = after(seconds, work)
  ;(timer as { unref?: () => void }).unref?.()
  return () => clearTimeout(timer)
}

/** Tries again, after a short pause, what fails, until the deadline (`performance.now()`). */
export async function retry<T>(deadline: number, work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (deadline - performance.now() < 50) throw error
      await pause(0.05)
    }
  }
}

/** Work that is under way. */
export interface Run<T> {
  result: Promise<T>
  until: number
}

/** Shares work that is under way with all who come while it lasts. */
export interface Shared<R extends Run<unknown>> {
  join(work: (run: R) => R['result'], key?: string): R
  /** What is under way. */
  get(key?: string): R | undefined
  /** Waits until all work under way has ended. */
  settled(): Promise<unknown>
}

/**
 * @param seconds That work may take. A time, not the promise alone: a runtime that ends a request ends its fetches and
 *   timers too, and nothing would settle what waits for them.
 */
export function createShared<R extends Run<unknown>>(seconds: number): Shared<R> {
  const runs = new Map<string, R>()
  const get = (key = ''): R | undefined => {
    const run = runs.get(key)
    if (run && performance.now() < run.until) return run
    // What a runtime has ended is never settled.
    runs.delete(key)
    return undefined
  }
  return {
    get,
    settled: () => Promise.allSettled([...runs.values()].map(({ result }) => result)),
    join(work, key = '') {
      const known = get(key)
      if (known) return known
      // The oldest first, up to one that is not over.
      for (const old of runs.keys()) if (get(old)) break
      const run = { until: performance.now() + seconds * 1000 } as R
      run.result = work(run).finally(() => {
        if (runs.get(key) === run) runs.delete(key)
      })
      runs.set(key, run)
      return run
    },
  }
}

/** Does something of somebody else's whose failure must change nothing here, but be told. */
export const tell = (work: () => unknown, onError: (error: unknown) => void = () => {}): void => {
  new Promise((done) => done(work())).catch(onError)
}

/** A rate limit: `size` permits, and another every `refill` seconds. */
export function createBucket(size: number, refill: number): () => boolean {
  let permits = size
  let countedAt = -Infinity
  return () => {
    const time = monotonicNow()
    permits = Math.min(size, permits + Math.max(0, time - countedAt) / refill)
    countedAt = time
    if (permits < 1) return false
    permits -= 1
    return true
  }
}

/** A map that drops the least recently used entry past `most` entries: for keys that somebody else chooses. */
export class LruMap<V> extends Map<string, V> {
  readonly #most: number
  constructor(most: number) {
    super()
    this.#most = most
  }
  override get(key: string): V | undefined {
    const value = super.get(key)
    if (value !== undefined) this.set(key, value)
    return value
  }
  override set(key: string, value: V): this {
    this.delete(key)
    super.set(key, value)
    if (this.size > this.#most) this.delete(this.keys().next().value!)
    return this
  }
}
