import { MemoryStore } from '@bcl/core'
import { testStore } from '@bcl/testing'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createClock } from './support.js'

describe('MemoryStore', () => testStore(test, () => new MemoryStore()))

test('T-12: a restart loses the entries of a MemoryStore, and other instances do not see them', async () => {
  const store = new MemoryStore()
  await store.add('key', 'value', Date.now())
  expect(await new MemoryStore().values(['key'])).toEqual([[]])
})

test('an entry exists until its expiry, and no longer', async () => {
  const clock = createClock(1000)
  const store = new MemoryStore({ now: clock.now })
  await store.add('key', 'value', 2000)
  clock.time = 1999.9
  expect(await store.values(['key'])).toEqual([['value']])
  clock.time = 2000
  expect(await store.values(['key'])).toEqual([[]])
})

test('a key can have several values, which can be removed one by one in any order', async () => {
  const all = ['a', 'b', 'c']
  for (const gone of all) {
    const store = new MemoryStore()
    for (const value of all) await store.add('key', value, Date.now())
    await store.remove('key', gone)
    const [left] = await store.values(['key'])
    expect(left!.toSorted()).toEqual(all.filter((value) => value !== gone))
  }
})

describe('expired entries are deleted when new entries are added', () => {
  const clock = createClock(1000)
  let monotonic = 0
  beforeEach(() => {
    clock.time = 1000
    vi.spyOn(performance, 'now').mockImplementation(() => monotonic)
  })
  afterEach(() => vi.restoreAllMocks())
  const pass = (seconds: number): void => {
    clock.time += seconds
    monotonic += seconds * 1000
  }
  /** Adds many entries. Each `add` checks two keys for expiry, so the store checks all its keys. */
  async function addMany(store: MemoryStore, name: string): Promise<void> {
    for (let index = 0; index < 1000; index += 1) await store.add(`${name} ${index}`, 'value', 9000)
  }
  async function countOld(store: MemoryStore): Promise<number> {
    const keys = Array.from({ length: 500 }, (_, index) => `old ${index}`)
    return (await store.values(keys)).flat().length
  }
  async function filled(): Promise<MemoryStore> {
    const store = new MemoryStore({ now: clock.now })
    for (let index = 0; index < 1000; index += 1) await store.add(`old ${index % 500}`, String(index), 2000)
    return store
  }

  test('other entries stay', async () => {
    const store = await filled()
    await store.add('lasting', 'value', 9000)
    // Now the entries expire.
    pass(1000)
    await addMany(store, 'new')
    // The test sets the clock back to see the entries that the store still holds.
    clock.time = 1000
    expect(await countOld(store)).toBe(0)
    expect(await store.values(['lasting', 'new 0', 'new 999'])).toEqual([['value'], ['value'], ['value']])
  })

  test('each add checks at most two keys', async () => {
    const store = await filled()
    pass(1000)
    for (let index = 0; index < 100; index += 1) await store.add('key', 'value', 9000)
    clock.time = 1000
    // Each old key has two values.
    expect(await countOld(store)).toBeGreaterThanOrEqual(1000 - 2 * 2 * 100)
  })

  test('deleted keys are not checked again', async () => {
    const store = new MemoryStore({ now: clock.now })
    for (let index = 0; index < 5000; index += 1) await store.add(`first ${index}`, 'value', 2000)
    pass(1000)
    for (let index = 0; index < 2600; index += 1) await store.add('key', 'value', 9000)
    for (let index = 0; index < 500; index += 1) await store.add(`old ${index}`, 'value', 3000)
    pass(1000)
    for (let index = 0; index < 300; index += 1) await store.add('key', 'value', 9000)
    clock.time = 1000
    expect(await countOld(store)).toBe(0)
  })

  test('no entry is deleted while the clock is wrong for a moment', async () => {
    const store = await filled()
    clock.time += 9 * 3600
    expect(await countOld(store)).toBe(0)
    await addMany(store, 'new')
    clock.time -= 9 * 3600
    expect(await countOld(store)).toBe(1000)
  })

  test('no entry is deleted if the clock was wrong when the entry was added', async () => {
    const store = new MemoryStore({ now: clock.now })
    clock.time += 9 * 3600
    await store.add('key', 'value', 2000)
    clock.time -= 9 * 3600
    await addMany(store, 'new')
    expect(await store.values(['key'])).toEqual([['value']])
  })

  test('RP-35: no entry is deleted or left out while the time is not a number', async () => {
    const store = await filled()
    const { time } = clock
    clock.time = Number.NaN
    await store.add('key', 'value', time + 100)
    expect(await store.values(['key'])).toEqual([['value']])
    await addMany(store, 'new')
    clock.time = time
    expect(await countOld(store)).toBe(1000)
    expect(await store.values(['key'])).toEqual([['value']])
  })

  test('a repeated add keeps the later expiry, even if the system clock is wrong', async () => {
    const store = await filled()
    for (const expiresAt of [3000, 2500]) await store.add('old 7', '7', expiresAt)
    pass(1800)
    clock.time += 9 * 3600
    await addMany(store, 'new')
    clock.time -= 9 * 3600
    expect(await store.values(['old 7'])).toEqual([['7']])
    clock.time = 1000
    expect(await countOld(store)).toBe(1)
  })
})
