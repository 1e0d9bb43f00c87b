import { seeOther, unauthorized } from '../../answers.ts'
import { application } from '../../application.ts'
import { activeSession } from '../../session.ts'
import { logError } from '../../shared/log.ts'
import { signOutHere } from '../../sign-out.ts'

/** Behind the check: a stolen cookie that was signed out must not sign the user out everywhere. */
export async function POST(request: Request): Promise<Response> {
  const session = await activeSession(request.headers)
  if (!session) return unauthorized()
  const { iss, sub } = session.claims
  const { logout } = await application()
  await logout.endAllSessions({ iss, sub }).catch((error: unknown) => {
    logError('Signed out, but the logout was not carried out in full', error)
  })
  // The own session ends by its own date: if the provider's clock is ahead, it can be dated later than now.
  return seeOther(await signOutHere(session))
}
