import type { BackchannelLogoutOptions, SessionClaims } from '@bcl/core'
import type { ExecutionContext } from '@nestjs/common'

/** Options of `BackchannelLogoutModule`: those of `createBackchannelLogout`, and what the guard needs. */
export interface BackchannelLogoutModuleOptions extends BackchannelLogoutOptions {
  /**
   * The claims that the session of a request, message or operation keeps; none where nobody is signed in, and then it
   * goes on. Needed by the guards alone.
   */
  session?:
    | ((context: ExecutionContext) => SessionClaims | null | undefined | Promise<SessionClaims | null | undefined>)
    | undefined
  /** Called by the guards when a session is over: end it locally too. Awaited; what it throws is thrown instead of the `UnauthorizedException`. */
  onLoggedOut?: ((context: ExecutionContext) => unknown) | undefined
  /** Called by the guards when it cannot be known. Awaited; what it throws is thrown instead of the `ServiceUnavailableException`. */
  onUnavailable?: ((context: ExecutionContext, error: unknown) => unknown) | undefined
}

/** Options that are known before any factory runs: they stand beside `useFactory` and the like, not in what it gives. */
export interface BackchannelLogoutRegistration {
  /** Tells several registrations in one application apart. @default none */
  name?: string | undefined
  /**
   * The endpoint's path, from the root of the server: neither the global prefix nor a version is put before it. It is
   * compared as it is, without the query string; a slash more at its end is another path.
   *
   * @default '/backchannel-logout'
   */
  path?: string | undefined
}

/** What `useClass` and `useExisting` name. */
export interface BackchannelLogoutOptionsFactory {
  createBackchannelLogoutOptions(): BackchannelLogoutModuleOptions | Promise<BackchannelLogoutModuleOptions>
}
