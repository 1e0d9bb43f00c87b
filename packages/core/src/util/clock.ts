/** The time of the system clock as a NumericDate. */
export const systemNow = (): number => Date.now() / 1000

/** Seconds of a clock that cannot be changed. Use it for back-offs, rate limits and the age of caches. */
export const monotonicNow = (): number => performance.now() / 1000
