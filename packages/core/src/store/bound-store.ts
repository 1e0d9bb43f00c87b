import { asLogoutError } from '../errors.js'
import { withoutClaims } from '../util/without-claims.js'
import type { AsyncStore, LogoutStore } from './store.js'
import { withTimeout } from '../util/with-timeout.js'

/**
 * Limits the time of each call of the application's store (RP-39). If a call fails, it rejects with an error of this
 * library that holds no claim values.
 */
export function boundStore(store: LogoutStore, timeout: number): AsyncStore {
  const call = <T>(args: readonly unknown[], work: () => T | Promise<T>): Promise<T> =>
    withTimeout(timeout, work, (error) => asLogoutError('the store', withoutClaims(error, args)))
  return {
    add: (...args) => call(args, () => store.add(...args)),
    remove: (...args) => call(args, () => store.remove(...args)),
    values: (keys) =>
      call(keys, async () => {
        const values = await store.values(keys)
        if (keys.every((_, index) => Array.isArray(values[index]))) return values
        throw new Error('no answer for a key')
      }),
    ...(store.publish && { publish: (...args) => call(args, () => store.publish!(...args)) }),
    ...(store.subscribe && { subscribe: async (listener) => store.subscribe!(listener) }),
  }
}
