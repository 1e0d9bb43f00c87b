import type { BackchannelLogout, SessionClaims } from '@bcl/core'

import { logError } from './log.ts'
import type { createSignIn } from './sign-in.ts'

/** The members of a session that a sign-out needs. */
export interface SignedIn {
  claims: SessionClaims
  /** The ID Token for the provider's `id_token_hint`. */
  idToken?: string | undefined
}

/**
 * Signs users out in the application. Both functions resolve to the URL for the sign-out at the provider. They never
 * reject, because a user must be able to sign out while the store is down.
 */
export function createSignOut(
  { endSession, endAllSessions }: Pick<BackchannelLogout, 'endSession' | 'endAllSessions'>,
  { endSessionUrl }: Pick<ReturnType<typeof createSignIn>, 'endSessionUrl'>,
) {
  async function finish(logouts: readonly Promise<unknown>[], idToken?: string): Promise<string> {
    const failed = (await Promise.allSettled(logouts)).find((result) => result.status === 'rejected')
    // If the store is down, this instance refuses the session from now on. The instance writes the marker when the
    // store is back.
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
     * Ends all sessions of the user. Call this function only behind the session check. Also calls `endSession` for the
     * caller's own session. If the provider's clock is ahead, `endAllSessions` does not end that session.
     */
    everywhere({ claims, idToken }: SignedIn): Promise<string> {
      const { iss, sub } = claims
      return finish([endAllSessions({ iss, sub }), endSession(claims)], idToken)
    },
  }
}
