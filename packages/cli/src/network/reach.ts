import { setTimeout as delay } from 'node:timers/promises'
import { Problem } from '../terminal/problem.js'

/** What a failed `fetch` or connection says, where it says why, on one line. */
export function reasonOf(error: unknown): string {
  const { name, message, cause, code } = error as NodeJS.ErrnoException
  if (cause instanceof AggregateError) return reasonOf(cause.errors[0])
  if (cause instanceof Error) return reasonOf(cause)
  if (name === 'TimeoutError') return 'no answer in time'
  if (code?.startsWith('ERR_SSL_')) return `it does not speak TLS (${code})`
  return message || code || name
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
