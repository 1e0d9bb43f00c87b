import type { SessionClaims } from '@bcl/core'
import { requireSessionOptions } from '@bcl/node'
import type { DefaultContext, DefaultState, Middleware, ParameterizedContext } from 'koa'
import { logoutOf, type LogoutSource } from './logout-source.js'

/** Options of {@link activeSession}. */
export interface ActiveSessionOptions<StateT, ContextT> {
  /**
   * Returns the claims from the session of the request. If the request has no session, return nothing. Then the request
   * passes.
   */
  session: (
    ctx: ParameterizedContext<StateT, ContextT>,
  ) => SessionClaims | null | undefined | Promise<SessionClaims | null | undefined>
  /**
   * Sets the response if the session has been logged out. End the local session here, too. The middleware waits for a returned
   * promise. @default an empty answer with 401
   */
  onLoggedOut?: ((ctx: ParameterizedContext<StateT, ContextT>) => unknown) | undefined
  /**
   * Sets the response if the check failed, for example because the store is down. The middleware waits for a returned promise.
   * @default an HttpError with 503
   */
  onUnavailable?: ((ctx: ParameterizedContext<StateT, ContextT>, error: unknown) => unknown) | undefined
}

/**
 * Middleware that refuses a request whose session has been logged out. A request without a session passes.
 *
 * @param logout The receiver from `createBackchannelLogout`, or a function that gets the receiver from the context.
 * @throws {TypeError} if an option is wrong. The middleware throws a `TypeError` if the session does not match `SessionClaims`.
 * @throws {HttpError} The middleware throws 503 if the check failed and there is no `onUnavailable`.
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
  requireSessionOptions(options)
  const { session: sessionOf, onLoggedOut, onUnavailable } = options

  /** Sends a response, or resolves to true if the request passes. */
  const passes = async (ctx: Parameters<Middleware<StateT, ContextT>>[0]): Promise<boolean> => {
    const session = await sessionOf(ctx)
    if (!session) return true
    let loggedOut: boolean
    try {
      loggedOut = await logoutOf(logout, ctx).isLoggedOut(session)
    } catch (error) {
      if (error instanceof TypeError) throw error
      if (!onUnavailable) return ctx.throw(503, 'Service Unavailable', { cause: error })
      await onUnavailable(ctx, error)
      return false
    }
    if (!loggedOut) return true
    if (onLoggedOut) await onLoggedOut(ctx)
    else {
      ctx.status = 401
      ctx.body = ''
    }
    return false
  }

  return async (ctx, next) => {
    let passed: boolean
    try {
      passed = await passes(ctx)
    } catch (error) {
      // For undefined and null, Koa sends no answer at all.
      throw error ?? new Error('a function failed without an error')
    }
    return passed ? next() : undefined
  }
}
