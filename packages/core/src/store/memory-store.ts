import { monotonicNow } from '../util/clock.js'
import { nowRules, readOptions } from '../util/options.js'
import type { LogoutStore } from './store.js'

/**
 * The values of a key form a linked list. Most keys have one value. An array or a Map would take more memory than the value.
 */
interface Entry {
  value: string
  expiresAt: number
  /** The entry stays until this time, even if the clock is wrong. Whole monotonic seconds, because fractions take more memory. */
  keptUntil: number
  next: Entry | undefined
}

/**
 * A store in the memory of this process. Use it for tests, and for applications whose sessions end with the process. A
 * restart forgets all logouts, and then the sessions of these logouts work again. Other instances do not see the logouts.
 *
 * Each `add` removes the expired entries of at most two keys, so no call scans all entries.
 *
 * @example
 * ```ts
 * import { MemoryStore } from '@bcl/core'
 *
 * export const store = new MemoryStore()
 * ```
 */
export class MemoryStore implements LogoutStore {
  readonly #entries = new Map<string, Entry>()
  readonly #now: () => number
  #sweep = this.#entries.entries()

  /** @param options `now` returns the current time as a NumericDate, in seconds. By default, it uses the system clock. */
  constructor(options: { now?: (() => number) | undefined } = {}) {
    this.#now = readOptions(options, nowRules).now!
  }

  add(key: string, value: string, expiresAt: number): void {
    const now = this.#now()
    const time = monotonicNow()
    for (let count = 0; count < 2; count += 1) {
      const { value: swept } = this.#sweep.next()
      // A clock that is wrong for a moment must not delete an entry, even if its time is not a number.
      if (swept) this.#keep(...swept, (entry) => !(entry.expiresAt <= now && entry.keptUntil <= time))
      else this.#sweep = this.#entries.entries()
    }
    const first = this.#entries.get(key)
    let entry = first
    while (entry && entry.value !== value) entry = entry.next
    if (!entry) {
      entry = { value, expiresAt, keptUntil: 0, next: first }
      this.#entries.set(key, entry)
    }
    entry.expiresAt = Math.max(entry.expiresAt, expiresAt)
    entry.keptUntil = Math.max(entry.keptUntil, Math.ceil(time + expiresAt - now))
  }

  values(keys: readonly string[]): string[][] {
    return keys.map((key) => {
      const values: string[] = []
      // Reads the clock only if there is an entry, because most keys have none.
      for (let entry = this.#entries.get(key); entry; entry = entry.next)
        if (!(entry.expiresAt <= this.#now())) values.push(entry.value)
      return values
    })
  }

  remove(key: string, value: string): void {
    this.#keep(key, this.#entries.get(key), (entry) => entry.value !== value)
  }

  /** Calls `isKept` for each entry of a key, and removes the entry if the answer is false. */
  #keep(key: string, first: Entry | undefined, isKept: (entry: Entry) => boolean): void {
    let kept: Entry | undefined
    for (let entry = first, next; entry; entry = next) {
      next = entry.next
      if (!isKept(entry)) continue
      entry.next = kept
      kept = entry
    }
    if (kept) this.#entries.set(key, kept)
    else this.#entries.delete(key)
  }
}
