import type { BackchannelLogout } from './backchannel-logout.js'
import type { LogoutStore } from './store/store.js'

/** What a sibling package shares with a receiver of Logout Tokens. */
export interface Internals {
  /** Each call is limited in time, and its errors hold no claim values. */
  store: LogoutStore
  /** Tells whether sessions of this issuer can be ended. Rejects if the issuer function fails. */
  isTrusted(iss: string): Promise<boolean>
  now(): number
}

// Registered, so that copies of this module in one application find each other's. A copy of the receiver keeps it.
const key = Symbol.for('@bcl/core')

export const withInternals = (logout: BackchannelLogout, internals: Internals): BackchannelLogout =>
  Object.assign(logout, { [key]: internals })

/** @throws {TypeError} if `logout` is not from `createBackchannelLogout`. */
export function internalsOf(logout: BackchannelLogout): Internals {
  const internals = Object(logout)[key] as Internals | undefined
  if (internals) return internals
  throw new TypeError('logout must be from createBackchannelLogout')
}
