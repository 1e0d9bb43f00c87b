/**
 * Where logouts are remembered: a multimap whose entries expire. Keys and values are printable ASCII and opaque to a
 * store. Calls may overlap. A method may answer with or without a promise. `testStore` of `@bcl/testing` says whether one is right.
 */
export interface LogoutStore {
  /** Puts `value` under `key` until `expiresAt` (NumericDate). A repeated add keeps the later expiry. */
  add(key: string, value: string, expiresAt: number): void | Promise<void>
  /** The live values of each key, in the order of `keys`. One round trip. */
  values(keys: readonly string[]): string[][] | Promise<string[][]>
  /** Takes `value` from under `key`, if it is there. */
  remove(key: string, value: string): void | Promise<void>
  /** Tells the other instances to look again. Only ever a hint; the entries are the truth. */
  publish?(message: string): Promise<void>
  /** Hears what any instance published; what it resolves to ends that. */
  subscribe?(listener: (message: string) => void): Promise<() => Promise<void>>
}

/** A store whose methods answer with promises. */
export interface AsyncStore extends LogoutStore {
  add(key: string, value: string, expiresAt: number): Promise<void>
  values(keys: readonly string[]): Promise<string[][]>
  remove(key: string, value: string): Promise<void>
}
