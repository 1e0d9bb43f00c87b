/**
 * A store for logouts: a multimap whose entries expire. Keys and values are printable ASCII, and a store must not
 * interpret them. Calls may overlap. A method may answer with or without a promise. If a call fails, it must throw or
 * reject. Test your own store with `testStore` of `@bcl/testing`.
 */
export interface LogoutStore {
  /** Adds `value` under `key` until `expiresAt` (NumericDate in seconds). If the entry exists, the later expiry counts. */
  add(key: string, value: string, expiresAt: number): void | Promise<void>
  /** Returns the unexpired values of each key, in the order of `keys`. Use one round trip for all keys. */
  values(keys: readonly string[]): string[][] | Promise<string[][]>
  /** Removes `value` from `key`, if it is there. */
  remove(key: string, value: string): void | Promise<void>
  /** Tells the other instances to read their entries again. The message is only a hint and may get lost. */
  publish?(message: string): Promise<void>
  /** Calls `listener` with each message that an instance publishes. Resolves to a function that ends the subscription. */
  subscribe?(listener: (message: string) => void): Promise<() => Promise<void>>
}
