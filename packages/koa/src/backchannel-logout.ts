import type { LogoutEndpoint } from '@bcl/core'
import { requireNames, respondTo } from '@bcl/node'
import type { DefaultContext, DefaultState, Middleware } from 'koa'
import { logoutOf, type LogoutSource } from './logout-source.js'

/** Options of {@link backchannelLogout}. */
export interface BackchannelLogoutEndpointOptions {
  /**
   * The path of the endpoint. Requests with another path go to the next middleware. The path must match exactly,
   * including a trailing slash. If a router selects the requests, do not set `path`.
   *
   * @default the middleware answers every request
   */
  path?: string | undefined
}

/**
 * The endpoint to which the OpenID Provider posts Logout Tokens. Pass it to `app.use` with a `path`, or mount it in a
 * router for all methods. Mount it before CSRF protection, and before any other middleware that refuses form POSTs
 * without a login.
 *
 * @param logout The receiver from `createBackchannelLogout`, another object with the same `respond`, or a function that gets the
 *   receiver from the context.
 * @throws {TypeError} if an option is unknown, or `path` does not begin with a slash.
 * @see {@link https://openid.net/specs/openid-connect-backchannel-1_0.html#BCRequest OpenID Connect Back-Channel Logout 1.0, 2.5}
 * @example
 * ```ts
 * import type { BackchannelLogout } from '@bcl/core'
 * import { backchannelLogout } from '@bcl/koa'
 * import Koa from 'koa'
 *
 * declare const logout: BackchannelLogout
 *
 * const app = new Koa()
 * app.use(backchannelLogout(logout, { path: '/backchannel-logout' }))
 * ```
 */
export function backchannelLogout<StateT = DefaultState, ContextT = DefaultContext>(
  logout: LogoutSource<StateT, ContextT, LogoutEndpoint>,
  options: BackchannelLogoutEndpointOptions = {},
): Middleware<StateT, ContextT> {
  requireNames(options, ['path'])
  const { path } = options
  if (path !== undefined && !path.startsWith('/')) throw new TypeError('path must begin with a slash')
  return async (ctx, next) => {
    if (path !== undefined && ctx.path !== path) return next()
    const { status, headers, body } = await respondTo(logoutOf(logout, ctx), ctx.req, ctx.request)
    ctx.set(headers)
    ctx.status = status
    ctx.body = body
  }
}
