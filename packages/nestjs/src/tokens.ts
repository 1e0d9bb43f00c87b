/**
 * The key of this package in what belongs to others: the token of a registration, the metadata of a listener, and a property of
 * the HTTP adapter. It is a string, so that all copies of this package share it.
 */
export const KEY = 'BACKCHANNEL_LOGOUT'

/**
 * The injection token of a registration's `BackchannelLogout`, for where no decorator can stand: `app.get` in `main`,
 * `overrideProvider` in a test.
 *
 * @param name The name of the registration, where there are several.
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
