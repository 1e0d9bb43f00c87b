import { application } from './application.ts'
import { signOut } from './auth.ts'
import { logError } from './shared/log.ts'
import type { Session } from './auth.ts'

/** Ends the session in the application. Resolves to the URL for the sign-out at the provider. */
export async function signOutHere(session: Session | undefined): Promise<string> {
  // Clears the cookie. The event `signOut` in auth.ts ends the copies of the cookie.
  await signOut({ redirect: false })
  try {
    return await endSessionUrl(session?.idToken)
  } catch (error) {
    logError('Signed out here, but not at the provider', error)
    return '/'
  }
}

/** @see https://openid.net/specs/openid-connect-rpinitiated-1_0.html */
async function endSessionUrl(idToken: string | undefined): Promise<string> {
  const { issuer, clientId, baseUrl } = (await application()).config
  const discovery = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  const response = await fetch(discovery, { signal: AbortSignal.timeout(5000), redirect: 'error' })
  if (!response.ok) throw new Error(`discovery was answered with ${response.status}`)
  const metadata = (await response.json()) as { issuer?: string; end_session_endpoint?: string }
  if (metadata.issuer !== issuer) throw new Error('discovery names another issuer')
  if (metadata.end_session_endpoint === undefined) throw new Error('the provider has no end_session_endpoint')
  const url = new URL(metadata.end_session_endpoint)
  url.searchParams.set('client_id', clientId)
  url.searchParams.set('post_logout_redirect_uri', `${baseUrl}/`)
  if (idToken !== undefined) url.searchParams.set('id_token_hint', idToken)
  return url.href
}
