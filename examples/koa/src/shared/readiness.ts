import { setTimeout as delay } from 'node:timers/promises'

import type { BackchannelLogout } from '@bcl/core'

import { logError } from './log.ts'

/**
 * Seconds before the second attempt. Later pauses are longer. The library fetches keys from the provider at most four times at
 * once, and then once every 15 seconds. Each attempt counts, and so does each fetch for a Logout Token.
 */
const FIRST_WAIT = 5
/** The longest pause, in seconds. */
const LONGEST_WAIT = 30

export interface Readiness {
  /** Tells whether the provider's keys were fetched at least once. After that, the library refreshes the keys. */
  isReady(): boolean
  /** Stops the attempts. */
  stop(): void
}

/**
 * Tries to fetch the provider's keys in the background until one attempt succeeds. So the application can start before
 * its provider.
 */
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
      // The promise rejects when `stop` is called.
      await wait(seconds * 1000, undefined, { signal: stopped.signal }).catch(() => {})
    }
  }

  void fetchKeys()
  return { isReady: () => isReady, stop: () => stopped.abort() }
}
