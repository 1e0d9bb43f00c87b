import type { LogoutEvent } from '@bcl/core'
import { metadataOf, SetMetadata } from './metadata.js'
import { KEY } from './tokens.js'

/** Returns the names of the `BackchannelLogoutModule`s that a method listens to. */
export const listensTo = (method: (event: LogoutEvent) => unknown): readonly string[] => metadataOf(KEY, method) ?? []

/**
 * Calls a method for each logout, on the instance that received the logout. The logout waits for the method. If the method fails,
 * the logout fails, and the provider may send it again.
 *
 * The class can be a provider or a controller of any module. If the class is request-scoped or transient, or if no
 * `BackchannelLogoutModule` has the name, the application does not start.
 *
 * @param name The `name` of the `BackchannelLogoutModule`. Leave it out for the module without a name.
 * @example
 * ```ts
 * import type { LogoutEvent } from '@bcl/core'
 * import { OnLogout } from '@bcl/nestjs'
 * import { Injectable } from '@nestjs/common'
 *
 * @Injectable()
 * export class Audit {
 *   @OnLogout()
 *   record({ iss, jti }: LogoutEvent) {
 *     console.log('logged out', iss, jti)
 *   }
 * }
 * ```
 */
export function OnLogout(name = '') {
  return <T extends (event: LogoutEvent) => unknown>(
    target: object,
    key: string,
    descriptor: TypedPropertyDescriptor<T>,
  ): void => {
    SetMetadata(KEY, [...listensTo(descriptor.value!), name])(target, key, descriptor)
  }
}
