import type { SessionClaims } from '@bcl/core'
import { requireSessionOptions } from '@bcl/node'
import type { Request, RequestHandler, Response } from 'express'
import { failWith } from './fail-with.js'
import { logoutOf, type LogoutSource } from './logout-source.js'

/** Options of {@link activeSession}. If one of these functions fails, the error goes to `next`. */
export interface ActiveSessionOptions {
  /**
   * Returns the claims from the session of the request. If the request has no session, return nothing. Then the request
   * passes.
   */
  session: (
    request: Request,
    response: Response,
  ) => SessionClaims | null | undefined | Promise<SessionClaims | null | undefined>
  /** Sends the response if the session has been logged out. End the local session here, too. @default an empty answer with 401 */
  onLoggedOut?: ((request: Request, response: Response) => unknown) | undefined
  /**
   * Sends the response if the check failed, for example because the store is down. @default an error with `status` 503 for `next`
   */
  onUnavailable?: ((request: Request, response: Response, error: unknown) => unknown) | undefined
}

/**
 * Middleware that refuses a request whose session has been logged out. A request without a session passes.
 *
 * These errors go to `next`:
 *
 * - An `Error` with `status` 503, if the check failed and there is no `onUnavailable`. The `cause` says why.
 * - A `TypeError`, if the session does not match `SessionClaims`.
 *
 * @param logout The receiver from `createBackchannelLogout`, or a function that gets the receiver from the request.
 * @throws {TypeError} if an option is wrong.
 * @example
 * ```ts
 * import type { BackchannelLogout, SessionClaims } from '@bcl/core'
 * import { activeSession } from '@bcl/express'
 * import express from 'express'
 * import 'express-session'
 *
 * declare module 'express-session' {
 *   interface SessionData {
 *     claims: SessionClaims
 *   }
 * }
 * declare const logout: BackchannelLogout
 *
 * const app = express()
 * app.use('/account', activeSession(logout, {
 *   session: (request) => request.session.claims,
 *   onLoggedOut: (request, response) => response.redirect('/login'),
 * }))
 * ```
 */
export function activeSession(logout: LogoutSource, options: ActiveSessionOptions): RequestHandler {
  requireSessionOptions(options)
  const { session: sessionOf, onLoggedOut, onUnavailable } = options

  /** Sends a response, or resolves to true if the request passes. */
  const passes = async (request: Request, response: Response): Promise<boolean> => {
    const session = await sessionOf(request, response)
    if (!session) return true
    let loggedOut: boolean
    try {
      loggedOut = await logoutOf(logout, request).isLoggedOut(session)
    } catch (error) {
      if (error instanceof TypeError) throw error
      if (!onUnavailable) {
        // Express answers with `status`. Error handlers that know http-errors show the message only if `expose` is true.
        throw Object.assign(new Error('Service Unavailable', { cause: error }), { status: 503, expose: false })
      }
      await onUnavailable(request, response, error)
      return false
    }
    if (!loggedOut) return true
    if (onLoggedOut) await onLoggedOut(request, response)
    else response.status(401).end()
    return false
  }

  return async (request, response, next) => {
    let passed: boolean
    try {
      passed = await passes(request, response)
    } catch (error) {
      return failWith(next, error)
    }
    if (passed) next()
  }
}
