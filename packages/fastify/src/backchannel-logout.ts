import type { LogoutEndpoint } from '@bcl/core'
import { requireNames, respondTo, sendResponse } from '@bcl/node'
import type { FastifyInstance } from 'fastify'
import { logoutOf, type LogoutSource } from './logout-source.js'

/** Options of {@link backchannelLogout}. */
export interface BackchannelLogoutPluginOptions {
  /**
   * The receiver from `createBackchannelLogout`, or a function that gets the receiver from the request. You can also mount any
   * other receiver that has `respond`.
   */
  logout: LogoutSource<LogoutEndpoint>
  /**
   * The path of the endpoint. Fastify puts the `prefix` of the scope and the `prefix` of the plugin before this path.
   *
   * @default '/backchannel-logout'
   */
  path?: string | undefined
}

/**
 * A plugin with the endpoint to which the OpenID Provider posts Logout Tokens. The plugin is encapsulated: it does not affect
 * other routes. It takes a `prefix`, and you can register it several times.
 *
 * The plugin answers in its own `onRequest` hook. So the endpoint does not use content-type parsers, body limits, rate
 * limits of routes, or hooks of later stages. For these parts, the order of registration does not matter. But
 * Fastify runs `onRequest` hooks in the order in which they were added. So register the plugin before the plugins for
 * logins, CSRF protection and CORS.
 *
 * If `logout` is missing, the registration fails with a `TypeError`. Without a `path`, the registration also fails if an option
 * is unknown. With a `path`, unknown options are ignored, because `@fastify/autoload` passes shared options to all plugins.
 *
 * @see {@link https://openid.net/specs/openid-connect-backchannel-1_0.html#BCRequest OpenID Connect Back-Channel Logout 1.0, 2.5}
 * @example
 * ```ts
 * import type { BackchannelLogout } from '@bcl/core'
 * import { backchannelLogout } from '@bcl/fastify'
 * import Fastify from 'fastify'
 *
 * declare const logout: BackchannelLogout
 *
 * const app = Fastify({ return503OnClosing: false }) // with the default, a logout that arrives during app.close() gets 503
 * app.register(backchannelLogout, { logout, path: '/backchannel-logout' })
 * ```
 */
export async function backchannelLogout(app: FastifyInstance, options: BackchannelLogoutPluginOptions): Promise<void> {
  const { logout, path } = options
  // A misspelt name shows as a missing `logout` or `path`. If both are set, the other options come from elsewhere, for example from
  // `@fastify/autoload`, and need no check.
  if (!logout || path === undefined) requireNames(options, ['logout', 'path', 'prefix', 'logLevel', 'logSerializers'])
  if (!logout) throw new TypeError('logout must be a receiver or a function')
  // This code is a hook, not a handler. With a handler, body parsers, `onSend` hooks and CSRF protection of outer scopes would
  // also run.
  app.addHook('onRequest', async (request, reply) => {
    const answer = await respondTo(logoutOf(logout, request), request.raw, request)
    reply.hijack()
    sendResponse(reply.raw, answer)
  })
  app.all(path ?? '/backchannel-logout', async () => {})
}
