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
import type { BackchannelLogoutModuleOptions } from './options.js'
import { getBackchannelLogoutToken, optionsToken } from './tokens.js'

/**
 * Lets what has a session pass only while that session has not been logged out: requests, GraphQL operations, WebSocket
 * messages. What has none goes on, so that the guard may be a global one. It asks the module's option `session`, which
 * is required then.
 *
 * @throws {UnauthorizedException} 401 when the session is over and `onLoggedOut` throws nothing.
 * @throws {ServiceUnavailableException} 503 when the store is down and `onUnavailable` throws nothing.
 * @throws {TypeError} when the session is not what `SessionClaims` says; Nest answers 500.
 * @example
 * ```ts
 * import { ActiveSessionGuard } from '@bcl/nestjs'
 * import { Module } from '@nestjs/common'
 * import { APP_GUARD } from '@nestjs/core'
 *
 * @Module({ providers: [{ provide: APP_GUARD, useClass: ActiveSessionGuard }] })
 * export class AppModule {}
 * ```
 */
export class ActiveSessionGuard implements CanActivate {
  readonly #logout: BackchannelLogout
  readonly #options: BackchannelLogoutModuleOptions

  constructor(logout: BackchannelLogout, options: BackchannelLogoutModuleOptions) {
    if (!options.session) throw new TypeError('Guards need the option session')
    this.#logout = logout
    this.#options = options
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const session = await this.#options.session!(context)
    if (!session) return true
    let loggedOut: boolean
    try {
      loggedOut = await this.#logout.isLoggedOut(session)
    } catch (error) {
      if (error instanceof TypeError) throw error
      await this.#options.onUnavailable?.(context, error)
      throw new ServiceUnavailableException('Service Unavailable', { cause: error })
    }
    if (!loggedOut) return true
    await this.#options.onLoggedOut?.(context)
    throw new UnauthorizedException()
  }
}

/** Decorates a guard with what it injects. */
export function injectInto(guard: Type, name?: string): void {
  Inject(getBackchannelLogoutToken(name))(guard, undefined, 0)
  Inject(optionsToken(name))(guard, undefined, 1)
}

// Called, not written as decorators: what a compiler makes of those is a fifth of this package.
Injectable()(ActiveSessionGuard)
injectInto(ActiveSessionGuard)
