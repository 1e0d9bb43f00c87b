import { setTimeout as delay } from 'node:timers/promises'
import { CommandError } from '../terminal/command-error.js'
import { reasonOf } from './reason-of.js'

/**
 * Waits until a server answers at an address. Any status counts as an answer.
 *
 * @param onWait Called once if there is no answer at first.
 * @throws {CommandError} if no server answers within `seconds`.
 */
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
        throw new CommandError(
          `Nothing answers at ${url} (${reasonOf(error)}).`,
          'Start your application and check the address. If it needs longer to start, raise --wait.',
        )
      }
      await delay(200)
    }
  }
}
