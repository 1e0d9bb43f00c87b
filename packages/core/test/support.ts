import {
  BackchannelLogoutError,
  createBackchannelLogout,
  MemoryStore,
  type BackchannelLogout,
  type BackchannelLogoutOptions,
  type LogoutStore,
} from '@bcl/core'
import { createTestIssuer, createTestKey, type TestIssuer, type TestIssuerOptions, type TestKey } from '@bcl/testing'
import { expect, vi } from 'vitest'

/** A clock that stands still until a test moves it. */
export interface Clock {
  time: number
  now: () => number
}

export function createClock(time = 1_800_000_000): Clock {
  const clock = { time, now: () => clock.time }
  return clock
}

const { now: realNow } = performance
let elapsed = 0

/** Lets time pass, on this clock and on the monotonic clock. */
export function advance(clock: Clock, seconds: number): void {
  clock.time += seconds
  elapsed += seconds * 1000
  vi.spyOn(performance, 'now').mockImplementation(() => realNow.call(performance) + elapsed)
}

/** An issuer that the tests of one file share, because generating keys takes longer than most tests. */
export const sharedIssuer = async (clock?: Clock): Promise<TestIssuer> => createTestIssuer(clock && { now: clock.now })

/** More than the number of issuers in any test. */
const poolSize = 32
const pool: Promise<TestKey>[] = []
let issuerCount = 0

/**
 * Makes an issuer like {@link createTestIssuer}, but takes its first key from a pool. Making a key takes much longer than most tests.
 * The issuers of one test have different keys.
 */
export async function pooledIssuer(options?: Omit<TestIssuerOptions, 'alg' | 'kid' | 'key'>): Promise<TestIssuer> {
  const index = (issuerCount += 1) % poolSize
  const key = await (pool[index] ??= createTestKey('RS256', 'key-1'))
  return createTestIssuer({ ...options, key: { ...key, publicJwk: { ...key.publicJwk } } })
}

export const create = (op: TestIssuer, options: Partial<BackchannelLogoutOptions> = {}): BackchannelLogout =>
  createBackchannelLogout({
    issuers: [op.trusted],
    sessionMaxAge: 3600,
    store: new MemoryStore({ now: op.now }),
    now: op.now,
    ...options,
  })

/** Returns the error that `work` rejects with. */
export async function refusal(work: Promise<unknown>): Promise<BackchannelLogoutError> {
  const error = await work.then(
    (value) => expect.fail(`was not refused: ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(BackchannelLogoutError)
  return error as BackchannelLogoutError
}

/** A store in memory that shows its entries and its calls. Each call waits for `before` first. */
export class SpyStore implements LogoutStore {
  readonly entries = new Map<string, Map<string, number>>()
  readonly calls: string[] = []
  before: (call: string, key: string) => unknown = () => {}

  async add(key: string, value: string, expiresAt: number): Promise<void> {
    await this.#enter('add', key)
    const values = this.entries.get(key) ?? new Map<string, number>()
    this.entries.set(key, values.set(value, Math.max(expiresAt, values.get(value) ?? expiresAt)))
  }
  async values(keys: readonly string[]): Promise<string[][]> {
    await this.#enter('values', keys.join(' '))
    return keys.map((key) => [...(this.entries.get(key)?.keys() ?? [])])
  }
  async remove(key: string, value: string): Promise<void> {
    await this.#enter('remove', key)
    this.entries.get(key)?.delete(value)
  }
  async #enter(call: string, key: string): Promise<void> {
    this.calls.push(`${call} ${key}`)
    await this.before(call, key)
  }
}

/** A promise and the functions that settle it. */
export const deferred = <T = void>() => Promise.withResolvers<T>()

/** Returns how many timers `work` set, and how many of them are left at its end. */
export async function timersOf(work: () => Promise<unknown>): Promise<{ set: number; left: number }> {
  const { setTimeout, clearTimeout } = globalThis
  const left = new Set<unknown>()
  let count = 0
  vi.stubGlobal('setTimeout', (call: () => void, after: number) => {
    const timer = setTimeout(() => {
      left.delete(timer)
      call()
    }, after)
    count += 1
    left.add(timer)
    return timer
  })
  vi.stubGlobal('clearTimeout', (timer: unknown) => {
    left.delete(timer)
    clearTimeout(timer as NodeJS.Timeout)
  })
  await work().finally(() => vi.unstubAllGlobals())
  return { set: count, left: left.size }
}
