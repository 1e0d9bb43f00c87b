import { setTimeout as delay } from 'node:timers/promises'

/** Waits until the clock shows a later second than it does now: a NumericDate taken then is greater. */
export async function nextSecond(): Promise<void> {
  const second = Math.floor(Date.now() / 1000)
  while (Math.floor(Date.now() / 1000) === second) await delay(1000 - (Date.now() % 1000))
}
