import { setTimeout as delay } from 'node:timers/promises'

import type { BackchannelLogout } from '@bcl/core'

import { logError } from './log.ts'

/**
 * Seconds between tries. A try spends a permit to ask the provider, and Logout Tokens need those permits too: there are
 * four, and one comes back every 15 seconds.
 */
const FIRST_WAIT = 5
const LONGEST_WAIT = 30

export interface Readiness {
  /** Whether the provider's keys were there once. From then on, they are refreshed in the background. */
  isReady(): boolean
  /** Ends the tries. */
  stop(): void
}

/** Fetches the provider's keys in the background until they are there. The application can start before its provider. */
export function createReadiness(logout: Pick<BackchannelLogout, 'warm'>, wait = delay): Readiness {
  const stopped = new AbortController()
  let isReady = false

  async function fetchKeys(): Promise<void> {
    for (let seconds = FIRST_WAIT; !stopped.signal.aborted; seconds = Math.min(2 * seconds, LONGEST_WAIT)) {
      try {
        await logout.warm()
        isReady = true
        return
      } catch (error) {
        logError(`No keys of the provider, next try in ${seconds} s`, error)
      }
      // Rejects when it is stopped.
      await wait(seconds * 1000, undefined, { signal: stopped.signal }).catch(() => {})
    }
  }

  void fetchKeys()
  return { isReady: () => isReady, stop: () => stopped.abort() }
}
