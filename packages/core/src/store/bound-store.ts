import { asLogoutError } from '../errors.js'
import { chain, isPromise, type Maybe } from '../util/maybe.js'
import { withoutClaims } from '../util/without-claims.js'
import type { LogoutStore } from './store.js'
import { monotonicNow } from '../util/clock.js'
import { withTimeout } from '../util/with-timeout.js'

/**
 * The largest number of calls that have timed out and still have no answer. A driver keeps such calls in memory. So if the
 * store hangs, further calls fail at once.
 */
const maxUnanswered = 1000
/** Seconds after which a call without an answer is forgotten, because a driver can lose a call. */
const forgottenAfter = 60

/**
 * Limits the time of each call of the application's store, except `subscribe` (RP-39), and the number of calls without an
 * answer (RP-39c). A failed call rejects with an error of this library, which contains no claim values. A call rejects instead
 * of throwing. If the application's store answers without a promise, this store also answers without a promise, and without a
 * timer.
 */
export function boundStore(store: LogoutStore, timeout: number): LogoutStore {
  /** The calls that have timed out and have no answer, and when each is forgotten. The oldest call comes first. */
  const unanswered = new Map<unknown, number>()
  const call = <T>(args: readonly unknown[], work: () => Maybe<T>): Maybe<T> => {
    for (const [oldest, until] of unanswered) {
      if (monotonicNow() < until) break
      unanswered.delete(oldest)
    }
    if (unanswered.size >= maxUnanswered)
      return Promise.reject(asLogoutError('the store', new Error(`${maxUnanswered} calls have no answer`)))
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
      (failure) => {
        unanswered.set(answer, monotonicNow() + forgottenAfter)
        const forget = (): void => void unanswered.delete(answer)
        void (answer as Promise<T>).then(forget, forget)
        return asLogoutError('the store', withoutClaims(failure, args))
      },
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
