import { asLogoutError } from './errors.js'
import { withoutClaims } from './markers.js'
import type { LogoutStore } from './store.js'
import { within } from './time.js'

/** The application's store, each call of it bounded in time (RP-39), and failing as one of ours. */
export interface BoundStore {
  /** @param left Seconds, where there is less time than usual. */
  add(key: string, value: string, expiresAt: number, left?: number): Promise<void>
  values(keys: readonly string[], left?: number): Promise<string[][]>
  remove(key: string, value: string): Promise<void>
  publish?(message: string): Promise<void>
  subscribe?(listener: (message: string) => void): Promise<() => Promise<void>>
}

export function boundStore(store: LogoutStore, timeout: number): BoundStore {
  const call = <T>(texts: readonly string[], work: () => T | Promise<T>, left = timeout): Promise<T> =>
    within(Math.min(timeout, left), 'the store', work, (error) =>
      asLogoutError('the store failed', withoutClaims(error, texts)),
    )
  return {
    add: (key, value, expiresAt, left) => call([key, value], () => store.add(key, value, expiresAt), left),
    remove: (key, value) => call([key, value], () => store.remove(key, value)),
    values: (keys, left) =>
      call(
        keys,
        async () => {
          const found = await store.values(keys)
          if (found.length !== keys.length) throw new Error('the store gave no answer for each key')
          return found
        },
        left,
      ),
    ...(store.publish && { publish: (message: string) => call([message], () => store.publish!(message)) }),
    ...(store.subscribe && {
      subscribe: async (listener: (message: string) => void) => store.subscribe!(listener),
    }),
  }
}
