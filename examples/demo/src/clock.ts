import { setTimeout as delay } from 'node:timers/promises'

/** Waits for the next second of the clock, so that the next NumericDate is greater than the last NumericDate. */
export async function nextSecond(): Promise<void> {
  const second = Math.floor(Date.now() / 1000)
  while (Math.floor(Date.now() / 1000) === second) await delay(1000 - (Date.now() % 1000))
}
