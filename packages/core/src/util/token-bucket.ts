import { monotonicNow } from './clock.js'

/** Takes a permit and returns true. If no permit is left, returns false. With a `cost` of -1, gives a permit back. */
export type TokenBucket = (cost?: number) => boolean

/**
 * A rate limit: `size` permits at once, and one more permit every `refill` seconds.
 *
 * @param lent The number of permits that may be given back. These permits are not refilled in the meantime.
 */
export function createTokenBucket(size: number, refill: number, lent = (): number => 0): TokenBucket {
  let permits = size
  let countedAt = -Infinity
  return (cost = 1) => {
    const time = monotonicNow()
    permits = Math.min(size - lent(), permits + (time - countedAt) / refill)
    countedAt = time
    if (permits < cost) return false
    permits -= cost
    return true
  }
}

/** Throws if `permit` is false. If `failure` is set, throws `failure`, because it says more than "too many requests". */
export function requirePermit(permit: boolean, failure?: unknown): void {
  if (!permit) throw failure ?? new Error('too many requests')
}
