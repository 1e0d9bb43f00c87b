import { asLogoutError } from '../errors.js'
import { chain, isPromise, type Maybe } from '../util/maybe.js'
import { withoutClaims } from '../util/without-claims.js'
import type { LogoutStore } from './store.js'
import { withTimeout } from '../util/with-timeout.js'

/**
 * Limits the time of each call of the application's store, except `subscribe` (RP-39). A failed call rejects with an
 * error of this library, which contains no claim values. A call rejects instead of throwing. If the application's
 * store answers without a promise, this store also answers without a promise, and without a timer.
 */
export function boundStore(store: LogoutStore, timeout: number): LogoutStore {
  const call = <T>(args: readonly unknown[], work: () => Maybe<T>): Maybe<T> => {
    let answer: Maybe<T>
    try {
      answer = work()
      if (!isPromise(answer)) return answer
    } catch (error) {
      answer = Promise.reject(error as Error)
    }
    return withTimeout(
      timeout,
      () => answer,
      (error) => asLogoutError('the store', withoutClaims(error, args)),
    )
  }
  return {
    add: (...args) => call(args, () => store.add(...args)),
    remove: (...args) => call(args, () => store.remove(...args)),
    values: (keys) =>
      call(keys, () =>
        chain(store.values(keys), (values) => {
          const isRight = Array.isArray(values) && values.length === keys.length && [...values].every(Array.isArray)
          if (isRight) return values
          throw new Error('not one answer for each key')
        }),
      ),
    ...(store.publish && { publish: async (...args) => call(args, () => store.publish!(...args)) }),
    ...(store.subscribe && { subscribe: async (listener) => store.subscribe!(listener) }),
  }
}
