import { asLogoutError } from '../errors.js'
import { withoutClaims } from '../util/without-claims.js'
import type { AsyncStore, LogoutStore } from './store.js'
import { withTimeout } from '../util/with-timeout.js'

/** Bounds each call of the application's store in time (RP-39). A call that fails rejects with an error of this library. */
export function boundStore(store: LogoutStore, timeout: number): AsyncStore {
  const call = <T>(asked: readonly string[], work: () => T | Promise<T>): Promise<T> =>
    withTimeout(timeout, work, (error) => asLogoutError('the store', withoutClaims(error, asked)))
  return {
    add: (key, value, expiresAt) => call([key, value], () => store.add(key, value, expiresAt)),
    remove: (key, value) => call([key, value], () => store.remove(key, value)),
    values: (keys) =>
      call(keys, async () => {
        const found = await store.values(keys)
        if (keys.every((_, index) => Array.isArray(found[index]))) return found
        throw new Error('no answer for a key')
      }),
    ...(store.publish && { publish: (message) => call([message], () => store.publish!(message)) }),
    ...(store.subscribe && { subscribe: async (listener) => store.subscribe!(listener) }),
  }
}
