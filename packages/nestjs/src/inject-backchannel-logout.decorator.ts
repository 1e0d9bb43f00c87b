import { Inject } from '@nestjs/common'
import { getBackchannelLogoutToken } from './tokens.js'

/**
 * Injects the `BackchannelLogout` of a `BackchannelLogoutModule`, for example to call `trackSession` at sign-in or `watch` for
 * live sign-out. If no module has the name, Nest does not start.
 *
 * @param name The `name` of the module. Leave it out for the module without a name.
 * @example
 * ```ts
 * import type { BackchannelLogout, SessionClaims } from '@bcl/core'
 * import { InjectBackchannelLogout } from '@bcl/nestjs'
 * import { Injectable } from '@nestjs/common'
 *
 * @Injectable()
 * export class SignIn {
 *   readonly #logout: BackchannelLogout
 *
 *   constructor(@InjectBackchannelLogout() logout: BackchannelLogout) {
 *     this.#logout = logout
 *   }
 *
 *   async start(session: SessionClaims, sessionId: string) {
 *     if (!(await this.#logout.trackSession(session, sessionId))) throw new Error('the session has already been logged out')
 *   }
 * }
 * ```
 */
export const InjectBackchannelLogout = (name?: string): ParameterDecorator & PropertyDecorator =>
  Inject(getBackchannelLogoutToken(name))
