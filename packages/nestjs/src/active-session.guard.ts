import type { BackchannelLogout } from '@bcl/core'
import {
  Inject,
  Injectable,
  ServiceUnavailableException,
  UnauthorizedException,
  type CanActivate,
  type ExecutionContext,
  type Type,
} from '@nestjs/common'
import { allowsLoggedOut } from './allow-logged-out.decorator.js'
import type { BackchannelLogoutModuleOptions } from './options.js'
import { getBackchannelLogoutToken, optionsToken } from './tokens.js'

/**
 * Refuses requests, GraphQL operations and WebSocket messages whose session has been logged out. The guard gets the
 * session from the option `session` of the module. Without this option, an application with the guard does not start. A
 * request without a session passes, so the guard can be global. If the guard is global, put `@AllowLoggedOut()` on the
 * sign-in routes.
 *
 * The guard checks a GraphQL subscription, a stream or a socket only when it starts. Use `watch` to end it with the session.
 *
 * @throws {UnauthorizedException} 401 if the session has been logged out and `onLoggedOut` does not throw.
 * @throws {ServiceUnavailableException} 503 if the check failed and `onUnavailable` does not throw.
 * @throws {TypeError} if the session does not match `SessionClaims`. Nest answers 500.
 * @example
 * ```ts
 * import { ActiveSessionGuard, AllowLoggedOut } from '@bcl/nestjs'
 * import { Controller, Get, Module, Redirect } from '@nestjs/common'
 * import { APP_GUARD } from '@nestjs/core'
 *
 * @Controller()
 * class SignInController {
 *   @AllowLoggedOut() // without this line, a user whose session was logged out gets 401 here, too
 *   @Get('login')
 *   @Redirect('https://op.example.com/authorize')
 *   login() {}
 * }
 *
 * @Module({
 *   controllers: [SignInController],
 *   providers: [{ provide: APP_GUARD, useClass: ActiveSessionGuard }],
 * })
 * export class AppModule {}
 * ```
 */
export class ActiveSessionGuard implements CanActivate {
  readonly #logout: BackchannelLogout
  readonly #options: BackchannelLogoutModuleOptions

  constructor(logout: BackchannelLogout, options: BackchannelLogoutModuleOptions) {
    if (!options.session) throw new TypeError('ActiveSessionGuard needs the option session of BackchannelLogoutModule')
    this.#logout = logout
    this.#options = options
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const session = !allowsLoggedOut(context) && (await this.#options.session!(context))
    if (!session) return true
    const loggedOut = await this.#logout.isLoggedOut(session).catch(async (error: unknown) => {
      if (error instanceof TypeError) throw error
      await this.#options.onUnavailable?.(context, error)
      throw new ServiceUnavailableException('Service Unavailable', { cause: error })
    })
    if (!loggedOut) return true
    await this.#options.onLoggedOut?.(context)
    throw new UnauthorizedException()
  }
}

/** Tells Nest to pass the receiver and the options of a module to the guard's constructor. Returns the guard. */
export function injectRegistration(guard: Type<ActiveSessionGuard>, name?: string): Type<ActiveSessionGuard> {
  Inject(getBackchannelLogoutToken(name))(guard, undefined, 0)
  Inject(optionsToken(name))(guard, undefined, 1)
  return guard
}

// Calls the decorators as functions, because the helper code for decorator syntax would be a fifth of the package.

Injectable()(ActiveSessionGuard)
injectRegistration(ActiveSessionGuard)
