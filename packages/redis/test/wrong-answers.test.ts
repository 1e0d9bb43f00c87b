import { RedisStore, type RedisStoreClient } from '@bcl/redis'
import { describe, expect, onTestFinished, test } from 'vitest'

const soon = Math.floor(Date.now() / 1000) + 600
const nothing = (): void => {}

/** One client of each kind. It answers every read of a sorted set with `reply`, and every script with `result`. */
const clients: Record<string, (reply: unknown, result?: unknown) => object> = {
  'node-redis': (reply, result) => ({
    eval: async () => result,
    zRangeWithScores: async () => reply,
    zRem: nothing,
    publish: nothing,
  }),
  ioredis: (reply, result) => ({
    isCluster: false,
    eval: async () => result,
    zrange: async () => reply,
    zrem: nothing,
    publish: nothing,
    duplicate: nothing,
  }),
  'Valkey GLIDE': (reply, result) => ({
    customCommand: async () => result,
    zrangeWithScores: async () => reply,
    zrem: nothing,
    publish: nothing,
  }),
  Upstash: (reply, result) => ({
    eval: async (_script: string, keys: string[]) => result ?? keys.map(() => reply),
    zrem: nothing,
    publish: nothing,
    createScript: nothing,
  }),
}
const storeOn = (client: object): RedisStore => new RedisStore(client as RedisStoreClient)

const pairs: Record<string, (value: unknown, score: unknown) => unknown> = {
  'node-redis': (value, score) => ({ value, score }),
  ioredis: (value, score) => [value, score],
  'Valkey GLIDE': (element, score) => ({ element, score }),
  Upstash: (value, score) => [typeof value === 'string' ? `=${value}` : value, score],
}

describe.each(Object.keys(clients))('%s', (name) => {
  const client = clients[name]!
  const pair = pairs[name]!

  test('values returns the members of the reply', async () => {
    const reply = [pair('v', soon), pair('w', String(soon)), pair('expired', 1)]
    expect(await storeOn(client(reply)).values(['a', 'b'])).toEqual([
      ['v', 'w'],
      ['v', 'w'],
    ])
  })

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a status', 'QUEUED'],
    ['an object', {}],
    ['a member without a score', ['v']],
    ['two members in place of a member and a score', ['v', 'w']],
    ['one member without a score after a good pair', ['v', soon, 'w']],
    ['lists of one element', [['v'], ['w']]],
    ['a list of an empty list', [[]]],
    ['a list of empty lists', [[], []]],
    ['no member', [pair(undefined, soon)]],
    ['a number in place of a member', [pair(1, soon)]],
    ...[undefined, null, '', ' ', 'v', 'inf', Number.NaN, false, []].map((score): [string, unknown] => [
      `the score ${JSON.stringify(score)}`,
      [pair('v', score)],
    ]),
  ])('values rejects a reply that is %s', async (_, reply) => {
    await expect(storeOn(client(reply)).values(['key'])).rejects.toThrow()
  })

  test.each([undefined, null, 0, '0', 'OK', 'QUEUED', {}])('add rejects the result %j', async (result) => {
    await expect(storeOn(client([], result)).add('key', 'v', soon)).rejects.toThrow(/^Redis did not/)
  })
})

test.each(['zrange', 'zRangeWithScores', 'zrangeWithScores'])(
  'if one call of %s rejects and the next call throws, both errors are handled',
  async (read) => {
    const client = Object.values(clients)
      .map((make) => make([]))
      .find((one) => read in one)!
    let calls = 0
    const fail = (): Promise<never> => {
      calls += 1
      if (calls > 1) throw new Error('second')
      return Promise.reject(new Error('first'))
    }
    const unhandled: unknown[] = []
    const onUnhandled = (error: unknown): void => void unhandled.push(error)
    process.on('unhandledRejection', onUnhandled)
    onTestFinished(() => void process.off('unhandledRejection', onUnhandled))
    await expect(storeOn({ ...client, [read]: fail }).values(['a', 'b'])).rejects.toThrow(Error)
    await new Promise((resolve) => setImmediate(resolve))
    expect([calls, unhandled]).toEqual([2, []])
  },
)

test.each([[[]], [[[]]], [[[], [], []]]])('values rejects if a pipeline of two reads answers %j', async (replies) => {
  const pipeline = { zRangeWithScores: nothing, execAsPipeline: async () => replies }
  const pool = { ...clients['node-redis']!([]), execute: nothing, multi: () => pipeline }
  await expect(storeOn(pool).values(['a', 'b'])).rejects.toThrow()
})
