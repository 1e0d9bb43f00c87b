import type { LogoutStore } from './store.js'

interface Entry {
  value: string
  expiresAt: number
}

/**
 * A store in this process: for tests, and for sessions that die with the process. It forgets every logout at a
 * restart, and other instances know nothing of it: then every ended session is alive again.
 *
 * Expired entries go as others come: each `add` looks at two, so no call scans what is remembered.
 *
 * @example
 * ```ts
 * import { MemoryStore } from '@bcl/core'
 *
 * export const store = new MemoryStore()
 * ```
 */
export class MemoryStore implements LogoutStore {
  /** Most keys have one value, which then stands for itself: a Map for each would take more room than the rest. */
  readonly #entries = new Map<string, Entry | Map<string, number>>()
  readonly #now: () => number
  #sweep: Iterator<[key: string, value: string, expiresAt: number]> | undefined

  /** @param options `now` is the clock: a NumericDate, seconds. By default the system's. */
  constructor(options: { now?: (() => number) | undefined } = {}) {
    this.#now = options.now ?? (() => Date.now() / 1000)
  }

  async add(key: string, value: string, expiresAt: number): Promise<void> {
    this.#sweepSome()
    const found = this.#entries.get(key)
    if (found === undefined) {
      this.#entries.set(key, { value, expiresAt })
    } else if (found instanceof Map) {
      found.set(value, Math.max(expiresAt, found.get(value) ?? expiresAt))
    } else if (found.value === value) {
      found.expiresAt = Math.max(expiresAt, found.expiresAt)
    } else {
      this.#entries.set(
        key,
        new Map([
          [found.value, found.expiresAt],
          [value, expiresAt],
        ]),
      )
    }
  }

  async values(keys: readonly string[]): Promise<string[][]> {
    const now = this.#now()
    return keys.map((key) => {
      const found = this.#entries.get(key)
      if (found === undefined) return []
      if (!(found instanceof Map)) return found.expiresAt > now ? [found.value] : []
      return [...found].filter(([, expiresAt]) => expiresAt > now).map(([value]) => value)
    })
  }

  async remove(key: string, value: string): Promise<void> {
    const found = this.#entries.get(key)
    if (found instanceof Map) {
      found.delete(value)
      if (found.size === 0) this.#entries.delete(key)
    } else if (found?.value === value) {
      this.#entries.delete(key)
    }
  }

  *#all(): Generator<[key: string, value: string, expiresAt: number]> {
    for (const [key, found] of this.#entries) {
      if (found instanceof Map) {
        for (const [value, expiresAt] of found) yield [key, value, expiresAt]
      } else {
        yield [key, found.value, found.expiresAt]
      }
    }
  }

  #sweepSome(): void {
    const now = this.#now()
    for (let looks = 0; looks < 2; looks += 1) {
      this.#sweep ??= this.#all()
      const { done, value: entry } = this.#sweep.next()
      if (done) {
        this.#sweep = undefined
        return
      }
      const [key, value, expiresAt] = entry
      if (expiresAt <= now) void this.remove(key, value)
    }
  }
}
