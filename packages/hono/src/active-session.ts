import type { SessionClaims } from '@bcl/core'
import type { Context, Env, MiddlewareHandler } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { logoutOf, type LogoutSource } from './logout-source.js'

/** Options of {@link activeSession}. */
export interface ActiveSessionOptions<E extends Env> {
  /** The claims that the request's session keeps; none where nobody is signed in, and then the request goes on. */
  session: (c: Context<E>) => SessionClaims | null | undefined | Promise<SessionClaims | null | undefined>
  /** Answers when the session is over: end it locally too. @default a bare 401 */
  onLoggedOut?: ((c: Context<E>) => Response | Promise<Response>) | undefined
  /** Answers when it cannot be known. @default an HTTPException with 503 */
  onUnavailable?: ((c: Context<E>, error: unknown) => Response | Promise<Response>) | undefined
}

/**
 * Lets a request with a session pass only while that session has not been logged out.
 *
 * @param logout What `createBackchannelLogout` made, or a function of the context that gives it.
 * @throws {TypeError} when the session is not what `SessionClaims` says.
 * @throws {HTTPException} 503 when the store is down and there is no `onUnavailable`.
 * @example
 * ```ts
 * import type { BackchannelLogout, SessionClaims } from '@bcl/core'
 * import { activeSession } from '@bcl/hono'
 * import { Hono } from 'hono'
 *
 * declare const logout: BackchannelLogout
 *
 * const app = new Hono<{ Variables: { session?: { claims: SessionClaims } } }>()
 * app.use('/account/*', activeSession(logout, {
 *   session: (c) => c.get('session')?.claims,
 *   onLoggedOut: (c) => c.redirect('/login'),
 * }))
 * ```
 */
// oxlint-disable-next-line typescript/no-explicit-any -- Hono's own default for Env: it fits every application
export function activeSession<E extends Env = any>(
  logout: LogoutSource<E>,
  options: ActiveSessionOptions<E>,
): MiddlewareHandler<E> {
  const { session: sessionOf, onLoggedOut, onUnavailable } = options
  return async (c, next) => {
    const session = await sessionOf(c)
    if (!session) return next()
    let loggedOut: boolean
    try {
      loggedOut = await logoutOf(logout, c).isLoggedOut(session)
    } catch (error) {
      if (error instanceof TypeError) throw error
      if (onUnavailable) return onUnavailable(c, error)
      throw new HTTPException(503, { message: 'Service Unavailable', cause: error })
    }
    if (!loggedOut) return next()
    return onLoggedOut ? onLoggedOut(c) : c.body(null, 401)
  }
}
