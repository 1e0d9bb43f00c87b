/**
 * The key for three things in Nest: an injection token, the metadata of listeners, and a property of the HTTP adapter.
 * It is a string, so that several copies of this package share it.
 */
export const KEY = 'BACKCHANNEL_LOGOUT'

/**
 * Returns the injection token for the `BackchannelLogout` of a `BackchannelLogoutModule`. Use the token where you cannot use a
 * decorator: for `app.get` in `main`, or for `overrideProvider` in a test.
 *
 * @param name The `name` of the module. Leave it out for the module without a name.
 * @example
 * ```ts
 * import type { BackchannelLogout } from '@bcl/core'
 * import { getBackchannelLogoutToken } from '@bcl/nestjs'
 * import type { INestApplication } from '@nestjs/common'
 *
 * declare const app: INestApplication
 *
 * const logout = app.get<BackchannelLogout>(getBackchannelLogoutToken())
 * ```
 */
export const getBackchannelLogoutToken = (name = ''): string => `${KEY}:${name}`

export const optionsToken = (name?: string): string => `OPTIONS:${getBackchannelLogoutToken(name)}`
