import { Inject } from '@nestjs/common'
import { getBackchannelLogoutToken } from './tokens.js'

/**
 * Injects the `BackchannelLogout` of a registration: for `trackSession` at sign-in, or `watch` for a live sign-out.
 *
 * @param name The name of the registration, where there are several.
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
 *     if (!(await this.#logout.trackSession(session, sessionId))) throw new Error('logged out already')
 *   }
 * }
 * ```
 */
export const InjectBackchannelLogout = (name?: string): ParameterDecorator & PropertyDecorator =>
  Inject(getBackchannelLogoutToken(name))
