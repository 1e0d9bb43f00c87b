import type { SessionClaims } from '@bcl/core'
import type { DefaultContext, DefaultState, Middleware, ParameterizedContext } from 'koa'
import { logoutOf, type LogoutSource } from './logout-source.js'

/** Options of {@link activeSession}. */
export interface ActiveSessionOptions<StateT, ContextT> {
  /** The claims that the request's session keeps; none where nobody is signed in, and then the request goes on. */
  session: (
    ctx: ParameterizedContext<StateT, ContextT>,
  ) => SessionClaims | null | undefined | Promise<SessionClaims | null | undefined>
  /** Answers when the session is over: end it locally too. Awaited. @default a bare 401 */
  onLoggedOut?: ((ctx: ParameterizedContext<StateT, ContextT>) => unknown) | undefined
  /** Answers when it cannot be known. Awaited. @default an error of Koa's with the status 503 */
  onUnavailable?: ((ctx: ParameterizedContext<StateT, ContextT>, error: unknown) => unknown) | undefined
}

/**
 * Lets a request with a session pass only while that session has not been logged out.
 *
 * @param logout What `createBackchannelLogout` made, or a function of the context that gives it.
 * @throws {TypeError} when the session is not what `SessionClaims` says.
 * @throws {HttpError} 503 when the store is down and there is no `onUnavailable`.
 * @example
 * ```ts
 * import type { BackchannelLogout, SessionClaims } from '@bcl/core'
 * import { activeSession } from '@bcl/koa'
 * import Koa from 'koa'
 *
 * declare const logout: BackchannelLogout
 *
 * interface State {
 *   session?: { claims: SessionClaims }
 * }
 *
 * const app = new Koa<State>()
 * app.use(activeSession<State>(logout, {
 *   session: (ctx) => ctx.state.session?.claims,
 *   onLoggedOut: (ctx) => ctx.redirect('/login'),
 * }))
 * ```
 */
export function activeSession<StateT = DefaultState, ContextT = DefaultContext>(
  logout: LogoutSource<StateT, ContextT>,
  options: ActiveSessionOptions<StateT, ContextT>,
): Middleware<StateT, ContextT> {
  const { session: sessionOf, onLoggedOut, onUnavailable } = options
  return async (ctx, next) => {
    const session = await sessionOf(ctx)
    if (!session) return next()
    let loggedOut: boolean
    try {
      loggedOut = await logoutOf(logout, ctx).isLoggedOut(session)
    } catch (error) {
      if (error instanceof TypeError) throw error
      if (onUnavailable) return onUnavailable(ctx, error)
      return ctx.throw(503, 'Service Unavailable', { cause: error })
    }
    if (!loggedOut) return next()
    if (onLoggedOut) return onLoggedOut(ctx)
    ctx.status = 401
    ctx.body = ''
  }
}
