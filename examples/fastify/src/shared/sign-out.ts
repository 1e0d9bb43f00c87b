import type { BackchannelLogout, SessionClaims } from '@bcl/core'

import { logError } from './log.ts'
import type { createSignIn } from './sign-in.ts'

/** The part of a session that a sign-out needs. */
export interface SignedIn {
  claims: SessionClaims
  /** For the provider's `id_token_hint`. */
  idToken?: string | undefined
}

/**
 * The application's own sign-out. Both functions resolve to the URL where the browser signs out at the provider, too.
 * They never reject, because a user must be able to sign out while the store is down.
 */
export function createSignOut(
  { endSession, endAllSessions }: Pick<BackchannelLogout, 'endSession' | 'endAllSessions'>,
  { endSessionUrl }: Pick<ReturnType<typeof createSignIn>, 'endSessionUrl'>,
) {
  async function finish(logouts: readonly Promise<unknown>[], idToken?: string): Promise<string> {
    const failed = (await Promise.allSettled(logouts)).find((result) => result.status === 'rejected')
    // If the store is down, this instance refuses the session from now on. It writes the marker when the store is back.
    if (failed) logError('Signed out, but the logout was not carried out in full', failed.reason)
    try {
      return (await endSessionUrl(idToken)).href
    } catch (error) {
      logError('Signed out here, but not at the provider', error)
      return '/'
    }
  }

  return {
    /** Ends this session and all copies of its cookie, on every instance. */
    here(session: SignedIn | undefined): Promise<string> {
      return finish(session ? [endSession(session.claims)] : [], session?.idToken)
    },

    /**
     * Ends all sessions of the user. Call it behind the session check only. The own session ends by its own date: if the
     * provider's clock is ahead, the session can be dated later than now, and `endAllSessions` alone would leave it alive.
     */
    everywhere({ claims, idToken }: SignedIn): Promise<string> {
      const { iss, sub } = claims
      return finish([endAllSessions({ iss, sub }), endSession(claims)], idToken)
    },
  }
}
