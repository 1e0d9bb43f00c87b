import { monotonicNow } from './clock.js'

/** A rate limit: `size` permits at once, and one more every `refill` seconds. The function takes a permit and returns true, or returns false. */
export function createTokenBucket(size: number, refill: number): () => boolean {
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
