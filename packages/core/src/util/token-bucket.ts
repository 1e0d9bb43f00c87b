import { monotonicNow } from './clock.js'

/**
 * A rate limit: `size` permits at once, and one more permit every `refill` seconds. The returned function takes a permit and
 * returns true. If no permit is left, it returns false. With a `cost` of -1, it gives a permit back.
 */
export function createTokenBucket(size: number, refill: number): (cost?: number) => boolean {
  let permits = size
  let countedAt = -Infinity
  return (cost = 1) => {
    const time = monotonicNow()
    permits = Math.min(size, permits + Math.max(0, time - countedAt) / refill)
    countedAt = time
    if (permits < cost) return false
    permits -= cost
    return true
  }
}
