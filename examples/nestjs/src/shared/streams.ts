import type { SessionClaims } from '@bcl/core'

export interface StreamLimits {
  perSession: number
  perProcess: number
}

export interface Streams {
  /**
   * Counts one more open stream. Returns a function to call when the stream has ended. If too many streams are open,
   * returns the status for the answer: 429 for this session, 503 for the process.
   */
  open(session: SessionClaims): (() => void) | 429 | 503
}

/**
 * Limits the number of open streams. Each stream needs a socket, a timer and a watch, and anybody with a session can open
 * streams.
 */
export function createStreams({ perSession, perProcess }: StreamLimits = { perSession: 5, perProcess: 1000 }): Streams {
  const openOf = new Map<string, number>()
  let openInAll = 0

  return {
    open({ iss, sub, sid, iat }) {
      const session = JSON.stringify([iss, sub, sid, iat])
      const open = openOf.get(session) ?? 0
      if (open >= perSession) return 429
      if (openInAll >= perProcess) return 503
      openOf.set(session, open + 1)
      openInAll += 1

      let isOpen = true
      return () => {
        if (!isOpen) return
        isOpen = false
        openInAll -= 1
        const left = openOf.get(session)! - 1
        if (left === 0) openOf.delete(session)
        else openOf.set(session, left)
      }
    },
  }
}
