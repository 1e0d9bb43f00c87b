import { MemoryStore, type LogoutStore } from '@bcl/core'
import { testStore } from '@bcl/testing'
import { describe, expect, test } from 'vitest'
import { failedTests } from './failed-tests.ts'

/** Creates stores in memory with some methods replaced. */
const broken = (change: (good: MemoryStore) => Partial<LogoutStore>) => () => {
  const good = new MemoryStore()
  const store: LogoutStore = {
    add: (...args) => good.add(...args),
    values: (...args) => good.values(...args),
    remove: (...args) => good.remove(...args),
    ...change(good),
  }
  return { store }
}

describe('testStore finds a store that', () => {
  test.each<[string, (good: MemoryStore) => Partial<LogoutStore>, RegExp]>([
    ['keeps nothing', () => ({ add: async () => {} }), /a value is found/],
    [
      'ignores case',
      (good) => ({
        add: (key, value, until) => good.add(key.toLowerCase(), value, until),
        values: (keys) => good.values(keys.map((key) => key.toLowerCase())),
      }),
      /similar keys/,
    ],
    [
      'trims keys',
      (good) => ({
        add: (key, value, until) => good.add(key.trim(), value, until),
        values: (keys) => good.values(keys.map((key) => key.trim())),
      }),
      /similar keys/,
    ],
    [
      'truncates long keys',
      (good) => ({
        add: (key, value, until) => good.add(key.slice(0, 255), value, until),
        values: (keys) => good.values(keys.map((key) => key.slice(0, 255))),
      }),
      /similar keys/,
    ],
    [
      'keeps one value under a key',
      (good) => ({ values: async (keys) => (await good.values(keys)).map((values) => values.slice(-1)) }),
      /several values/,
    ],
    ['never expires', (good) => ({ add: (key, value) => good.add(key, value, Infinity) }), /an expired value/],
    [
      'keeps the earlier expiry',
      (good) => ({ add: async (key, value, until) => (await good.remove(key, value), good.add(key, value, until)) }),
      /repeated add/,
    ],
    [
      'removes too much',
      (good) => ({
        remove: async (key) => {
          for (const value of (await good.values([key]))[0]!) await good.remove(key, value)
        },
      }),
      /remove removes one value/,
    ],
    [
      'returns the values in the wrong order',
      (good) => ({ values: async (keys) => (await good.values(keys)).toReversed() }),
      /in the order of the keys/,
    ],
    [
      'ignores the case of values',
      (good) => ({
        add: (key, value, until) => good.add(key, value.toLowerCase(), until),
        remove: (key, value) => good.remove(key, value.toLowerCase()),
      }),
      /similar values/,
    ],
    [
      'checks the expiry only in add',
      (good) => ({
        add: async (key, value, until) => {
          if (until > Date.now() / 1000) await good.add(key, value, Infinity)
        },
      }),
      /found until it expires/,
    ],
    [
      'keeps the expiry in 32 bits',
      (good) => ({ add: (key, value, until) => good.add(key, value, until > 2 ** 31 ? 0 : until) }),
      /years ahead/,
    ],
    [
      'accepts only whole seconds',
      (good) => ({
        add: async (key, value, until) => {
          if (!Number.isInteger(until)) throw new Error('not an integer')
          await good.add(key, value, until)
        },
      }),
      /may have a fraction/,
    ],
    [
      'loses an add that overlaps with another one',
      () => {
        const entries = new Map<string, string[]>()
        const change = async (key: string, edit: (values: string[]) => string[]): Promise<void> => {
          const read = entries.get(key) ?? []
          await new Promise((resolve) => setTimeout(resolve, 1))
          entries.set(key, edit(read))
        }
        return {
          add: (key, value) => change(key, (values) => [...new Set([...values, value])]),
          remove: (key, value) => change(key, (values) => values.filter((one) => one !== value)),
          values: async (keys) => keys.map((key) => entries.get(key) ?? []),
        }
      },
      /calls may overlap/,
    ],
    [
      'answers only the first 100 keys',
      (good) => ({
        values: async (keys) => [...(await good.values(keys.slice(0, 100))), ...keys.slice(100).map(() => [])],
      }),
      /a thousand keys/,
    ],
    [
      'delivers no message',
      () => ({ publish: async () => {}, subscribe: async () => async () => {} }),
      /subscribers receive/,
    ],
  ])(
    '%s',
    async (_, change, name) => {
      const failed = await failedTests((register) => testStore(register, broken(change)))
      expect(failed.join('\n')).toMatch(name)
    },
    60_000,
  )
})
