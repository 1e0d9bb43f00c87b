import type { LogoutEndpoint } from '@bcl/core'
import { respondTo, sendResponse } from '@bcl/node'
import type { RequestHandler } from 'express'
import { failWith } from './fail-with.js'
import { logoutOf, type LogoutSource } from './logout-source.js'

/**
 * The endpoint to which the OpenID Provider posts Logout Tokens. Mount the endpoint for all methods. Mount it before
 * CSRF protection, before rate limits, and before any other middleware that refuses form POSTs without a login.
 *
 * @param logout The receiver from `createBackchannelLogout`, another receiver that has `respond`, or a function that gets the
 *   receiver from the request. An error of the function goes to `next`.
 * @see {@link https://openid.net/specs/openid-connect-backchannel-1_0.html#BCRequest OpenID Connect Back-Channel Logout 1.0, 2.5}
 * @example
 * ```ts
 * import type { BackchannelLogout } from '@bcl/core'
 * import { backchannelLogout } from '@bcl/express'
 * import express from 'express'
 *
 * declare const logout: BackchannelLogout
 *
 * const app = express()
 * app.all('/backchannel-logout', backchannelLogout(logout))
 * app.use(express.urlencoded())
 * ```
 */
export const backchannelLogout =
  (logout: LogoutSource<LogoutEndpoint>): RequestHandler =>
  async (request, response, next) => {
    try {
      sendResponse(response, await respondTo(logoutOf(logout, request), request))
    } catch (error) {
      failWith(next, error)
    }
  }
