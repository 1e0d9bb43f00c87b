import type { BackchannelLogout } from './backchannel-logout.js'
import type { LogoutStore } from './store/store.js'

/** The parts of a receiver that sibling packages use. */
export interface Internals {
  /** The application's store, with a time-out for each call. Its errors contain no claim values. */
  store: LogoutStore
  /** Tells whether sessions of this issuer can be ended. Rejects if the issuer function fails. */
  isTrusted(iss: string): Promise<boolean>
  now(): number
}

// Uses `Symbol.for`, because an application can have several copies of this module. If an application copies the
// receiver's members into another object, the member with this key is copied, too.
const key = Symbol.for('@bcl/core')

export const withInternals = (logout: BackchannelLogout, internals: Internals): BackchannelLogout =>
  Object.assign(logout, { [key]: internals })

/** @throws {TypeError} if `logout` was not created by `createBackchannelLogout`. */
export function internalsOf(logout: BackchannelLogout): Internals {
  const internals = Object(logout)[key] as Internals | undefined
  if (internals) return internals
  throw new TypeError('logout must be from createBackchannelLogout')
}
