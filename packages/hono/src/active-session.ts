import type { SessionClaims } from '@bcl/core'
import { requireSessionOptions } from '@bcl/node'
import type { Context, Env, MiddlewareHandler } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { finish } from './finish.js'
import { logoutOf, type LogoutSource } from './logout-source.js'

/** Options of {@link activeSession}. */
export interface ActiveSessionOptions<E extends Env> {
  /**
   * Returns the claims from the session of the request. If the request has no session, return nothing. Then the request
   * passes.
   */
  session: (c: Context<E>) => SessionClaims | null | undefined | Promise<SessionClaims | null | undefined>
  /**
   * Returns the response if the session has been logged out. End the local session here, too. @default an empty answer with 401
   */
  onLoggedOut?: ((c: Context<E>) => Response | Promise<Response>) | undefined
  /** Returns the response if the check failed, for example because the store is down. @default an HTTPException with 503 */
  onUnavailable?: ((c: Context<E>, error: unknown) => Response | Promise<Response>) | undefined
}

/**
 * Middleware that refuses a request whose session has been logged out. A request without a session passes.
 *
 * @param logout The receiver from `createBackchannelLogout`, or a function that gets the receiver from the context.
 * @throws {TypeError} if an option is wrong. The middleware throws a `TypeError` if the session does not match `SessionClaims`.
 * @throws {HTTPException} The middleware throws 503 if the check failed and there is no `onUnavailable`.
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
// oxlint-disable-next-line typescript/no-explicit-any -- Hono has the same default for Env, so the middleware fits every application
export function activeSession<E extends Env = any>(
  logout: LogoutSource<E>,
  options: ActiveSessionOptions<E>,
): MiddlewareHandler<E> {
  requireSessionOptions(options)
  const { session: sessionOf, onLoggedOut, onUnavailable } = options
  return async (c, next) => {
    const session = await sessionOf(c)
    if (!session) return next()
    let loggedOut: boolean
    try {
      const check = logoutOf(logout, c).isLoggedOut(session)
      finish(c, () => check)
      loggedOut = await check
    } catch (error) {
      if (error instanceof TypeError) throw error
      if (onUnavailable) return onUnavailable(c, error)
      throw new HTTPException(503, { message: 'Service Unavailable', cause: error })
    }
    if (!loggedOut) return next()
    return onLoggedOut ? onLoggedOut(c) : c.body(null, 401)
  }
}
