/** Injects the `Config`. */
export const CONFIG = Symbol('config')

/** Injects the result of `createSignIn`. */
export const SIGN_IN = Symbol('sign-in')

/** Injects the `Streams`. */
export const STREAMS = Symbol('streams')

/** Injects the `Stores`. */
export const STORES = Symbol('stores')
