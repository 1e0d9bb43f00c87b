import type { LogoutStore } from '@bcl/core'
import { assert, assertEqual, eventually, type TestFunction } from './assert.js'

/** A store, and a function that closes its connections after the test. */
export interface StoreUnderTest {
  store: LogoutStore
  close?: (() => unknown) | undefined
}

type Created = LogoutStore | StoreUnderTest

const future = (): number => Math.floor(Date.now() / 1000) + 3600
const past = (): number => Math.floor(Date.now() / 1000) - 10

/** Texts that a database may confuse or change because of case, spaces, length, quoting or patterns. */
const confusable = [
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

const valuesOf = async (store: LogoutStore, key: string): Promise<string[]> =>
  (await store.values([key]))[0]!.toSorted()

/**
 * Registers tests that check whether a store meets the contract of `LogoutStore`.
 *
 * @param test `test` of `node:test`, vitest, Jest or a similar library.
 * @param create Makes a store for one test. Returns the store, or the store and a function that closes its connections.
 *   All tests may use the same database, because each test has its own keys.
 * @example
 * ```ts
 * import { MemoryStore } from '@bcl/core'
 * import { testStore } from '@bcl/testing'
 * import test from 'node:test'
 *
 * testStore(test, () => new MemoryStore())
 * ```
 */
export function testStore(test: TestFunction, create: () => Created | Promise<Created>): void {
  const check = (name: string, run: (store: LogoutStore, key: (name: string) => string) => Promise<void>): void => {
    test(name, async () => {
      const created = await create()
      const { store, close } = 'store' in created ? created : { store: created }
      const prefix = crypto.randomUUID()
      try {
        await run(store, (text) => `${prefix} ${text}`)
      } finally {
        await close?.()
      }
    })
  }

  check('a value is found under its key, and under no other key', async (store, key) => {
    await store.add(key('a'), 'v', future())
    assertEqual(await store.values([key('a'), key('b')]), [['v'], []], 'values')
  })

  check(
    'values returns one list for each key, in the order of the keys, also if a key is repeated',
    async (store, key) => {
      await store.add(key('a'), '1', future())
      await store.add(key('b'), '2', future())
      assertEqual(await store.values([key('b'), key('c'), key('a'), key('b')]), [['2'], [], ['1'], ['2']], 'values')
      assertEqual(await store.values([]), [], 'values of no key')
    },
  )

  check('a key holds several values, and each value once', async (store, key) => {
    for (const value of ['1', '2', '1', '3', '2']) await store.add(key('a'), value, future())
    assertEqual(await valuesOf(store, key('a')), ['1', '2', '3'], 'values')
  })

  check('remove removes one value, and no other', async (store, key) => {
    await store.add(key('a'), '1', future())
    await store.add(key('a'), '2', future())
    await store.add(key('b'), '1', future())
    await store.remove(key('a'), '1')
    await store.remove(key('a'), 'never added')
    await store.remove(key('nothing'), '1')
    assertEqual(await store.values([key('a'), key('b')]), [['2'], ['1']], 'values')
    await store.remove(key('a'), '2')
    assertEqual(await valuesOf(store, key('a')), [], 'values after the last one was removed')
    await store.add(key('a'), '2', future())
    assertEqual(await valuesOf(store, key('a')), ['2'], 'values after it was added again')
  })

  check('an expired value is not found', async (store, key) => {
    await store.add(key('a'), 'old', past())
    await store.add(key('a'), 'new', future())
    await store.add(key('b'), 'old', past())
    await store.add(key('c'), 'new', future())
    await store.add(key('c'), 'old', past())
    assertEqual(await store.values([key('a'), key('b'), key('c')]), [['new'], [], ['new']], 'values')
  })

  check('a value is found until it expires, and not after', async (store, key) => {
    await store.add(key('a'), 'short', Math.floor(Date.now() / 1000) + 3)
    await store.add(key('a'), 'long', future())
    assertEqual(await valuesOf(store, key('a')), ['long', 'short'], 'values before the expiry')
    await eventually('the value expires', async () => (await valuesOf(store, key('a'))).length === 1)
    assertEqual(await valuesOf(store, key('a')), ['long'], 'values after the expiry')
  })

  check('a repeated add keeps the later expiry', async (store, key) => {
    await store.add(key('a'), 'v', future())
    await store.add(key('a'), 'v', past())
    await store.add(key('b'), 'v', past())
    await store.add(key('b'), 'v', future())
    await store.add(key('c'), 'v', future())
    await store.add(key('c'), 'w', past())
    assertEqual(await store.values([key('a'), key('b'), key('c')]), [['v'], ['v'], ['v']], 'values')
  })

  check('an expiry may be years ahead, and may have a fraction', async (store, key) => {
    // After January 2038 the seconds no longer fit into 31 bits.
    await store.add(key('a'), 'v', future() + 20 * 365 * 86_400)
    await store.add(key('b'), 'v', future() + 0.25)
    // The latest expiry that core uses. It is in the year 9987.
    await store.add(key('c'), 'v', 253e9)
    await store.add(key('c'), 'w', future())
    assertEqual(
      (await store.values([key('a'), key('b'), key('c')])).map((values) => values.length),
      [1, 1, 2],
      'number of values',
    )
  })

  check('similar keys are different keys', async (store, key) => {
    await Promise.all(confusable.map((name, index) => store.add(key(name), String(index), future())))
    assertEqual(
      await store.values(confusable.map(key)),
      confusable.map((_, index) => [String(index)]),
      'values',
    )
  })

  check('similar values are different values', async (store, key) => {
    for (const value of confusable) await store.add(key('a'), value, future())
    assertEqual(await valuesOf(store, key('a')), confusable.toSorted(), 'values')
    await store.remove(key('a'), 'Alice')
    assertEqual(
      await valuesOf(store, key('a')),
      confusable.filter((value) => value !== 'Alice').toSorted(),
      'values after one was removed',
    )
  })

  check('calls may overlap', async (store, key) => {
    const all = Array.from({ length: 100 }, (_, index) => String(index))
    await Promise.all(all.map((value) => store.add(key(`k${Number(value) % 3}`), value, future())))
    await Promise.all(
      all.filter((value) => Number(value) % 2 === 0).map((value) => store.remove(key(`k${Number(value) % 3}`), value)),
    )
    const found = await store.values([key('k0'), key('k1'), key('k2')])
    assertEqual(found.flat().toSorted(), all.filter((value) => Number(value) % 2 === 1).toSorted(), 'values')
  })

  check('one call of values answers a thousand keys', async (store, key) => {
    const keys = Array.from({ length: 1000 }, (_, index) => key(`k${index}`))
    const hasValue = (index: number): boolean => index % 20 === 19
    await Promise.all(keys.filter((_, index) => hasValue(index)).map((name) => store.add(name, name, future())))
    const found = await store.values(keys)
    assertEqual(
      found,
      keys.map((name, index) => (hasValue(index) ? [name] : [])),
      'values',
    )
  })

  check('all subscribers receive a message until they unsubscribe', async (store) => {
    if (!store.publish || !store.subscribe) return
    const received: [string[], string[]] = [[], []]
    const unsubscribe = await Promise.all(
      received.map((messages) => store.subscribe!((message) => messages.push(message))),
    )
    const message = `["${crypto.randomUUID()}","\\u00e9 ' % "]`
    await store.publish(message)
    await eventually('both receive it', () => received.every((messages) => messages.includes(message)))
    await unsubscribe[0]!()
    const later = crypto.randomUUID()
    await store.publish(later)
    await eventually('the second receives another message', () => received[1].includes(later))
    assert(!received[0].includes(later), 'the first received a message after it had unsubscribed')
    await unsubscribe[1]!()
  })
}
