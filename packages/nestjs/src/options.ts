import type { BackchannelLogoutOptions, SessionClaims } from '@bcl/core'
import type { ExecutionContext } from '@nestjs/common'

/** Options of `BackchannelLogoutModule`: the options of `createBackchannelLogout` and three options for the guards. */
export interface BackchannelLogoutModuleOptions extends BackchannelLogoutOptions {
  /**
   * Returns the claims from the session of a request, message or operation. If there is no session, return nothing.
   * Then the request passes. This option is required if you use a guard.
   */
  session?:
    | ((context: ExecutionContext) => SessionClaims | null | undefined | Promise<SessionClaims | null | undefined>)
    | undefined
  /**
   * The guards call this function if the session has been logged out. End the local session here, too. The guard waits for a
   * returned promise. An exception from this function replaces the `UnauthorizedException`.
   */
  onLoggedOut?: ((context: ExecutionContext) => unknown) | undefined
  /**
   * The guards call this function if the check failed, for example because the store is down. The guard waits for a returned
   * promise. An exception from this function replaces the `ServiceUnavailableException`.
   */
  onUnavailable?: ((context: ExecutionContext, error: unknown) => unknown) | undefined
}

/** Options that the module needs before a factory runs. Put them next to `useFactory`, `useClass` or `useExisting`. */
export interface BackchannelLogoutRegistration {
  /** The name of this import of the module. Set it if you import the module several times. @default no name */
  name?: string | undefined
  /**
   * The path of the endpoint, from the root of the server, without the global prefix and version. The path of the request must
   * match exactly, including a trailing slash. The query string is ignored.
   *
   * @default '/backchannel-logout'
   */
  path?: string | undefined
}

/** The interface of the class for `useClass` and `useExisting`. */
export interface BackchannelLogoutOptionsFactory {
  /** Returns the options. If this method fails, the application does not start. */
  createBackchannelLogoutOptions(): BackchannelLogoutModuleOptions | Promise<BackchannelLogoutModuleOptions>
}
