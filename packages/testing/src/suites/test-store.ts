import type { LogoutStore } from '@bcl/core'
import { assert, assertEqual, eventually, type TestFunction } from './assert.js'

/** A store to be tested; `close` ends its connections. */
export interface StoreUnderTest {
  store: LogoutStore
  close?: (() => unknown) | undefined
}

type Made = LogoutStore | StoreUnderTest

const soon = (): number => Math.floor(Date.now() / 1000) + 3600
const past = (): number => Math.floor(Date.now() / 1000) - 10

/** Keys and values that a careless store would mix up: case, spaces, length, and what databases treat specially. */
const awkward = [
  'alice',
  'Alice',
  'ALICE',
  'alice ',
  ' alice',
  'alice\\u0000',
  "alice'; DROP TABLE x; --",
  'alice%',
  'alice_',
  'al*ce',
  'al?ce',
  '{alice}',
  'alice:1',
  '"alice"',
  '\\',
  'null',
  '__proto__',
  'constructor',
  '0',
  '1e3',
  'x'.repeat(300),
  `${'x'.repeat(300)} `,
  'x'.repeat(5000),
  `${'x'.repeat(4999)}y`,
]

/**
 * Says whether a store keeps the contract of `LogoutStore`, with whatever test function the caller has.
 *
 * @param test `test` of vitest, `node:test`, Jest or the like.
 * @param create Makes a store, or one and what ends its connections; called for each test. All may share one database:
 *   keys are unique to each test.
 * @example
 * ```ts
 * import { MemoryStore } from '@bcl/core'
 * import { testStore } from '@bcl/testing'
 * import test from 'node:test'
 *
 * testStore(test, () => new MemoryStore())
 * ```
 */
export function testStore(test: TestFunction, create: () => Made | Promise<Made>): void {
  const check = (name: string, run: (store: LogoutStore, key: (name: string) => string) => Promise<void>): void => {
    test(name, async () => {
      const made = await create()
      const { store, close } = 'store' in made ? made : { store: made }
      const unique = crypto.randomUUID()
      try {
        await run(store, (text) => `${unique} ${text}`)
      } finally {
        await close?.()
      }
    })
  }
  const valuesOf = async (store: LogoutStore, key: string): Promise<string[]> =>
    (await store.values([key]))[0]!.toSorted()

  check('a value is found under its key, and under no other', async (store, key) => {
    await store.add(key('a'), 'v', soon())
    assertEqual(await store.values([key('a'), key('b')]), [['v'], []], 'values')
  })

  check('several keys are answered in their order, a repeated one each time', async (store, key) => {
    await store.add(key('a'), '1', soon())
    await store.add(key('b'), '2', soon())
    assertEqual(await store.values([key('b'), key('c'), key('a'), key('b')]), [['2'], [], ['1'], ['2']], 'values')
    assertEqual(await store.values([]), [], 'values of no key')
  })

  check('a key holds several values, each once', async (store, key) => {
    for (const value of ['1', '2', '1', '3', '2']) await store.add(key('a'), value, soon())
    assertEqual(await valuesOf(store, key('a')), ['1', '2', '3'], 'values')
  })

  check('a removed value is gone, its neighbours are not', async (store, key) => {
    await store.add(key('a'), '1', soon())
    await store.add(key('a'), '2', soon())
    await store.add(key('b'), '1', soon())
    await store.remove(key('a'), '1')
    await store.remove(key('a'), 'never there')
    await store.remove(key('nothing'), '1')
    assertEqual(await store.values([key('a'), key('b')]), [['2'], ['1']], 'values')
    await store.remove(key('a'), '2')
    assertEqual(await valuesOf(store, key('a')), [], 'values when the last is removed')
    await store.add(key('a'), '2', soon())
    assertEqual(await valuesOf(store, key('a')), ['2'], 'values when it is added again')
  })

  check('what has expired is not found', async (store, key) => {
    await store.add(key('a'), 'old', past())
    await store.add(key('a'), 'new', soon())
    await store.add(key('b'), 'old', past())
    await store.add(key('c'), 'new', soon())
    await store.add(key('c'), 'old', past())
    assertEqual(await store.values([key('a'), key('b'), key('c')]), [['new'], [], ['new']], 'values')
  })

  check('what expires is found until then, and not after', async (store, key) => {
    await store.add(key('a'), 'short', Math.floor(Date.now() / 1000) + 3)
    await store.add(key('a'), 'long', soon())
    assertEqual(await valuesOf(store, key('a')), ['long', 'short'], 'values before')
    await eventually('the value expires', async () => (await valuesOf(store, key('a'))).length === 1)
    assertEqual(await valuesOf(store, key('a')), ['long'], 'values after')
  })

  check('a repeated add keeps the later expiry', async (store, key) => {
    await store.add(key('a'), 'v', soon())
    await store.add(key('a'), 'v', past())
    await store.add(key('b'), 'v', past())
    await store.add(key('b'), 'v', soon())
    await store.add(key('c'), 'v', soon())
    await store.add(key('c'), 'w', past())
    assertEqual(await store.values([key('a'), key('b'), key('c')]), [['v'], ['v'], ['v']], 'values')
  })

  check('an expiry years ahead, or with a fraction, is accepted', async (store, key) => {
    // Past January 2038, where the seconds no longer fit into 31 bits.
    await store.add(key('a'), 'v', soon() + 20 * 365 * 86_400)
    await store.add(key('b'), 'v', soon() + 0.25)
    // The latest expiry that the core asks for. It is in the year 9987.
    await store.add(key('c'), 'v', 253e9)
    await store.add(key('c'), 'w', soon())
    assertEqual(
      (await store.values([key('a'), key('b'), key('c')])).map((values) => values.length),
      [1, 1, 2],
      'counts',
    )
  })

  check('keys that look alike are different keys', async (store, key) => {
    await Promise.all(awkward.map((name, index) => store.add(key(name), String(index), soon())))
    const found = await store.values(awkward.map(key))
    assertEqual(
      found,
      awkward.map((_, index) => [String(index)]),
      'values',
    )
  })

  check('values that look alike are different values', async (store, key) => {
    for (const value of awkward) await store.add(key('a'), value, soon())
    assertEqual(await valuesOf(store, key('a')), awkward.toSorted(), 'values')
    await store.remove(key('a'), 'Alice')
    assertEqual(
      await valuesOf(store, key('a')),
      awkward.filter((value) => value !== 'Alice').toSorted(),
      'values without one',
    )
  })

  check('calls may overlap', async (store, key) => {
    const all = Array.from({ length: 100 }, (_, index) => String(index))
    await Promise.all(all.map((value) => store.add(key(`k${Number(value) % 3}`), value, soon())))
    await Promise.all(
      all.filter((value) => Number(value) % 2 === 0).map((value) => store.remove(key(`k${Number(value) % 3}`), value)),
    )
    const found = await store.values([key('k0'), key('k1'), key('k2')])
    assertEqual(found.flat().toSorted(), all.filter((value) => Number(value) % 2 === 1).toSorted(), 'values')
  })

  check('a thousand keys are answered at once', async (store, key) => {
    const keys = Array.from({ length: 1000 }, (_, index) => key(`k${index}`))
    const hasValue = (index: number): boolean => index % 20 === 19
    await Promise.all(keys.filter((_, index) => hasValue(index)).map((name) => store.add(name, name, soon())))
    const found = await store.values(keys)
    assertEqual(
      found,
      keys.map((name, index) => (hasValue(index) ? [name] : [])),
      'values',
    )
  })

  check('what one publishes, all subscribers hear, until they end it', async (store) => {
    if (!store.publish || !store.subscribe) return
    const heard: [string[], string[]] = [[], []]
    const ends = await Promise.all(heard.map((messages) => store.subscribe!((message) => messages.push(message))))
    const message = `["${crypto.randomUUID()}","\\u00e9 ' % "]`
    await store.publish(message)
    await eventually('both hear it', () => heard.every((messages) => messages.includes(message)))
    await ends[0]!()
    const second = crypto.randomUUID()
    await store.publish(second)
    await eventually('the second hears more', () => heard[1].includes(second))
    assert(!heard[0].includes(second), 'the first heard more after its end')
    await ends[1]!()
  })
}
