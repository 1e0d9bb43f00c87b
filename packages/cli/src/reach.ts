import { setTimeout as delay } from 'node:timers/promises'
import { Problem } from './problem.js'

/** What a failed `fetch` says, where it says why. */
export function reasonOf(error: unknown): string {
  const { message, cause } = error as Error
  if (cause instanceof AggregateError) return reasonOf(cause.errors[0])
  return cause instanceof Error && cause.message ? cause.message : message
}

/** Waits until something answers at an address, with any status. */
export async function waitFor(url: string, seconds: number, onWait: () => void): Promise<void> {
  const deadline = Date.now() + seconds * 1000
  for (let isFirst = true; ; isFirst = false) {
    try {
      const response = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(5000) })
      await response.body?.cancel()
      return
    } catch (error) {
      if (isFirst) onWait()
      if (Date.now() > deadline) {
        throw new Problem(
          `Nothing answers at ${url} (${reasonOf(error)}).`,
          'Start your application, see that the address is right, and give it longer with --wait.',
        )
      }
      await delay(200)
    }
  }
}
