import { getToken } from 'next-auth/jwt'

import { application } from './application.ts'
import { type Session, SESSION_COOKIE } from './auth.ts'

/** Returns the session in the cookie. The session may have been logged out. */
export async function readSession(headers: Headers): Promise<Session | undefined> {
  const { config } = await application()
  const cookie = { cookieName: SESSION_COOKIE, secret: config.sessionSecret }
  const token = await getToken({ req: { headers: new Headers({ cookie: headers.get('cookie') ?? '' }) }, ...cookie })
  return token?.signedIn?.claims.iss === config.issuer ? token.signedIn : undefined
}

/**
 * Returns the session of a request, unless the session has ended. Pages, route handlers and the proxy all use this function.
 * Rejects if the store is down.
 */
export async function activeSession(headers: Headers): Promise<Session | undefined> {
  const session = await readSession(headers)
  if (!session) return undefined
  const { logout } = await application()
  return (await logout.isLoggedOut(session.claims)) ? undefined : session
}
