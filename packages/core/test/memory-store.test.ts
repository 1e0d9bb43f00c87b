import { MemoryStore } from '@bcl/core'
import { testStore } from '@bcl/testing'
import { describe, expect, test } from 'vitest'
import { createClock } from './support.js'

describe('MemoryStore', () => testStore(test, () => new MemoryStore()))

test("T-12: it lasts as long as the process, and is nobody else's", async () => {
  const store = new MemoryStore()
  await store.add('key', 'value', Date.now())
  expect(await new MemoryStore().values(['key'])).toEqual([[]])
})

test('an entry is there until its time, and not at it', async () => {
  const clock = createClock(1000)
  const store = new MemoryStore({ now: clock.now })
  await store.add('key', 'value', 2000)
  clock.time = 1999.9
  expect(await store.values(['key'])).toEqual([['value']])
  clock.time = 2000
  expect(await store.values(['key'])).toEqual([[]])
})

test('of several values of one key each is removed alone, whichever it is', async () => {
  const all = ['a', 'b', 'c']
  for (const gone of all) {
    const store = new MemoryStore()
    for (const value of all) await store.add('key', value, Date.now())
    await store.remove('key', gone)
    const [left] = await store.values(['key'])
    expect(left!.toSorted()).toEqual(all.filter((value) => value !== gone))
  }
})

test('what has expired goes as other entries come, and what has not stays', async () => {
  const clock = createClock(1000)
  const store = new MemoryStore({ now: clock.now })
  const reads: string[] = []
  for (let index = 0; index < 1000; index += 1) await store.add(`old ${index % 500}`, String(index), 2000)
  await store.add('lasting', 'value', 9000)
  clock.time = 3000
  for (let index = 0; index < 1000; index += 1) await store.add(`new ${index}`, 'value', 9000)
  // Turned back, the clock shows what is still held.
  clock.time = 1000
  for (let index = 0; index < 500; index += 1) reads.push(...(await store.values([`old ${index}`]))[0]!)
  expect(reads).toEqual([])
  expect(await store.values(['lasting', 'new 0', 'new 999'])).toEqual([['value'], ['value'], ['value']])
})
