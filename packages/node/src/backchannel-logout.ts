import type { LogoutEndpoint } from '@bcl/core'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { respondTo } from './respond-to.js'
import { sendResponse } from './send-response.js'

/**
 * The endpoint to which the OpenID Provider posts Logout Tokens, for `node:http`, Connect and the API routes of Next.js. Mount
 * the endpoint for all methods, and before CSRF protection.
 *
 * @param logout The receiver from `createBackchannelLogout`, or another object with the same `respond`.
 * @returns A function that answers a request. Its promise resolves after the answer has been sent, and never rejects.
 * @see {@link https://openid.net/specs/openid-connect-backchannel-1_0.html#BCRequest OpenID Connect Back-Channel Logout 1.0, 2.5}
 * @example
 * ```ts
 * import type { BackchannelLogout } from '@bcl/core'
 * import { backchannelLogout } from '@bcl/node'
 * import { createServer } from 'node:http'
 *
 * declare const logout: BackchannelLogout
 *
 * const endpoint = backchannelLogout(logout)
 * createServer((request, response) => {
 *   if (request.url === '/backchannel-logout') return endpoint(request, response)
 *   response.end('elsewhere')
 * })
 * ```
 */
export const backchannelLogout =
  (logout: LogoutEndpoint) =>
  async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    sendResponse(response, await respondTo(logout, request))
  }
