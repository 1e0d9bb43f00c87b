import { seeOther, unauthorized } from '../../answers.ts'
import { application } from '../../application.ts'
import { activeSession } from '../../session.ts'
import { logError } from '../../shared/log.ts'
import { signOutHere } from '../../sign-out.ts'

/** This route checks the session. A stolen cookie of an ended session must not sign the user out everywhere. */
export async function POST(request: Request): Promise<Response> {
  const session = await activeSession(request.headers)
  if (!session) return unauthorized()
  const { iss, sub } = session.claims
  const { logout } = await application()
  await logout.endAllSessions({ iss, sub }).catch((error: unknown) => {
    logError('Signed out, but the logout was not carried out in full', error)
  })
  // Also ends the caller's own session. If the provider's clock is ahead, `endAllSessions` does not end that session.
  return seeOther(await signOutHere(session))
}
