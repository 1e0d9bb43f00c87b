import { KeyObject, verify } from 'node:crypto'
import { vi } from 'vitest'

/** Starts a fake clock for a random model. Nothing takes time on this clock, except timers. */
export function startFakeClock(): void {
  // Stacks of expected errors take a lot of time.
  Error.stackTraceLimit = 0
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'], now: 1_800_000_000_000 })
  // A real check of a signature takes real time. This check answers at once.
  vi.spyOn(crypto.subtle, 'verify').mockImplementation(async (_, key, signature, data) =>
    verify(null, data as Buffer, KeyObject.from(key as never), signature as Buffer),
  )
}

/** Seconds of the fake clock. */
export const now = (): number => performance.now() / 1000
export const sleep = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds))

/** Lets time pass. The work that a timer starts is done before the next timer fires. */
export async function pass(milliseconds: number): Promise<void> {
  let isOver = false
  setTimeout(() => (isOver = true), milliseconds)
  for (;;) {
    await new Promise((resolve) => setImmediate(resolve))
    if (isOver) return
    vi.advanceTimersToNextTimer()
  }
}
