import type { SessionClaims } from '@bcl/core'
import { requireSessionOptions } from '@bcl/node'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { logoutOf, type LogoutSource } from './logout-source.js'

/** Options of {@link activeSession}. */
export interface ActiveSessionOptions {
  /**
   * Returns the claims from the session of the request. If the request has no session, return nothing. Then the request
   * passes.
   */
  session: (request: FastifyRequest) => SessionClaims | null | undefined | Promise<SessionClaims | null | undefined>
  /**
   * Sends the reply if the session has been logged out. End the local session here, too. The hook waits for a returned promise.
   *
   * @default an empty reply with 401
   */
  onLoggedOut?: ((request: FastifyRequest, reply: FastifyReply) => unknown) | undefined
  /**
   * Sends the reply if the check failed, for example because the store is down. The hook waits for a returned promise.
   *
   * @default an error with the `statusCode` 503
   */
  onUnavailable?: ((request: FastifyRequest, reply: FastifyReply, error: unknown) => unknown) | undefined
}

/**
 * A hook that refuses a request whose session has been logged out. A request without a session passes. Use the hook for one
 * route, or for all routes of a scope with `addHook`. You can use it as `onRequest`, `preParsing`, `preValidation` or
 * `preHandler`. It must run after the hook that reads the session.
 *
 * @param logout The receiver from `createBackchannelLogout`, or a function that gets the receiver from the request.
 * @throws {TypeError} if an option is wrong.
 * @returns A hook. It throws a `TypeError` if the session does not match `SessionClaims`. It throws an error with the
 * `statusCode` 503 if the check failed and there is no `onUnavailable`. Fastify handles these errors like all errors of
 * hooks.
 * @example
 * ```ts
 * import type { BackchannelLogout, SessionClaims } from '@bcl/core'
 * import { activeSession } from '@bcl/fastify'
 * import Fastify from 'fastify'
 *
 * declare const logout: BackchannelLogout
 *
 * declare module 'fastify' {
 *   interface FastifyRequest {
 *     claims?: SessionClaims
 *   }
 * }
 *
 * const app = Fastify({ return503OnClosing: false })
 * app.register(async (account) => {
 *   account.addHook('preHandler', activeSession(logout, {
 *     session: (request) => request.claims,
 *     onLoggedOut: (request, reply) => reply.redirect('/login'),
 *   }))
 *   account.get('/account', async () => 'active')
 * })
 * ```
 */
export function activeSession(logout: LogoutSource, options: ActiveSessionOptions) {
  requireSessionOptions(options)
  const { session: sessionOf, onLoggedOut, onUnavailable } = options
  return async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    const session = await sessionOf(request)
    if (!session) return undefined
    let loggedOut: boolean
    try {
      loggedOut = await logoutOf(logout, request).isLoggedOut(session)
    } catch (error) {
      if (error instanceof TypeError) throw error
      if (!onUnavailable) {
        throw Object.assign(new Error('Service Unavailable', { cause: error }), { statusCode: 503 })
      }
      await onUnavailable(request, reply, error)
      return reply
    }
    if (!loggedOut) return undefined
    if (onLoggedOut) await onLoggedOut(request, reply)
    else reply.code(401).send()
    // The returned reply tells Fastify that this hook answers the request. Otherwise the request would continue while
    // an `onSend` hook is running.
    return reply
  }
}
