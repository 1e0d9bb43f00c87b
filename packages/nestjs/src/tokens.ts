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
export const getBackchannelLogoutToken = (name = ''): string => `BACKCHANNEL_LOGOUT:${name}`

export const optionsToken = (name?: string): string => `OPTIONS:${getBackchannelLogoutToken(name)}`

/** The same in every module. */
export const REGISTRATION = 'BACKCHANNEL_LOGOUT_REGISTRATION'
