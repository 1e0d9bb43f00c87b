import type { BackchannelLogout } from './backchannel-logout.js'
import type { LogoutStore } from './store/store.js'

/** The parts of a receiver that sibling packages use. */
export interface Internals {
  /** Each call has a time-out. The errors contain no claim values. */
  store: LogoutStore
  /** Tells whether sessions of this issuer can be ended. Rejects if the issuer function fails. */
  isTrusted(iss: string): Promise<boolean>
  now(): number
}

// Uses a registered symbol, because an application can have several copies of this module. A copy of the receiver keeps the
// symbol.
const key = Symbol.for('@bcl/core')

export const withInternals = (logout: BackchannelLogout, internals: Internals): BackchannelLogout =>
  Object.assign(logout, { [key]: internals })

/** @throws {TypeError} if `logout` was not created by `createBackchannelLogout`. */
export function internalsOf(logout: BackchannelLogout): Internals {
  const internals = Object(logout)[key] as Internals | undefined
  if (internals) return internals
  throw new TypeError('logout must be from createBackchannelLogout')
}
