import { RedisStore, type RedisStoreClient, type RedisStoreOptions } from '@bcl/redis'
import { Redis as Upstash } from '@upstash/redis'
import { createClient } from 'redis'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { eventually } from '@bcl-checks/test-support/eventually'
import { clients } from './support/clients.js'
import { describeRedis, redisUrl } from './support/services.js'
import { startUpstash } from './support/upstash-server.js'

const prefix = `bcl-test-${crypto.randomUUID()}:`
const now = (): number => Math.floor(Date.now() / 1000)

test.each([
  ['nothing', undefined],
  ['null', null],
  ['a URL', redisUrl],
  ['another object', { get: () => {}, set: () => {} }],
])('%s is refused as a client', (_, client) => {
  expect(() => new RedisStore(client as unknown as RedisStoreClient)).toThrow(
    new TypeError('client must be a client of node-redis, ioredis, iovalkey, Valkey GLIDE or Upstash'),
  )
})

test.each([
  ['no list', 'aborted'],
  ['fewer replies than keys', [[]]],
  ['more replies than keys', [[], [], []]],
])('an answer of Upstash that is %s is a failure, not "no logout"', async (_, reply) => {
  const client = { eval: async () => reply, zrem() {}, publish() {}, createScript() {} }
  await expect(new RedisStore(client as unknown as RedisStoreClient).values(['a', 'b'])).rejects.toThrow()
})

test.each<[unknown, string]>([
  [{ prefix: 1 }, 'prefix must be a string, got 1'],
  [{ prefx: 'app:' }, 'prefx is not an option. Did you mean prefix?'],
  [{ keyPrefix: 'app:' }, 'keyPrefix is not an option. Did you mean prefix?'],
  [{ ttl: 60 }, 'ttl is not an option'],
  ['app:', 'options must be an object'],
  [null, 'options must be an object'],
])('the options %j are refused', (options, message) => {
  expect(() => new RedisStore(createClient(), options as RedisStoreOptions)).toThrow(new TypeError(message))
})

describeRedis('RedisStore', () => {
  const redis = createClient({ url: redisUrl })
  const store = new RedisStore(redis, { prefix })
  beforeAll(() => redis.connect())
  afterEach(() => vi.useRealTimers())
  afterAll(async () => {
    const keys = await redis.keys(`${prefix}*`)
    if (keys.length > 0) await redis.del(keys)
    await redis.close()
  })

  test('keys begin with "bcl:" by default', async () => {
    const key = crypto.randomUUID()
    await new RedisStore(redis).add(key, 'v', now() + 60)
    expect(await redis.del(`bcl:${key}`)).toBe(1)
  })

  test('stores with different prefixes do not share entries', async () => {
    const [one, other] = ['one:', 'other:'].map((name) => new RedisStore(redis, { prefix: prefix + name })) as [
      RedisStore,
      RedisStore,
    ]
    await one.add('k', 'v', now() + 60)
    await other.add('k', 'w', now() + 60)
    await other.remove('k', 'v')
    expect(await one.values(['k'])).toEqual([['v']])
    expect(await other.values(['k'])).toEqual([['w']])

    const heard: string[] = []
    const end = await one.subscribe!((message) => heard.push(message))
    await other.publish('from the other')
    await one.publish('from the same')
    await eventually('the message comes', () => heard.length > 0)
    expect(heard).toEqual(['from the same'])
    await end()
  })

  test.for(Object.keys(clients))(
    'other instances receive messages that %s publishes',
    async (name, { onTestFinished }) => {
      const { client, close } = await clients[name]!(redisUrl)
      onTestFinished(() => void close())
      const channel = `${prefix}${crypto.randomUUID()}:`
      const heard: string[] = []
      const end = await new RedisStore(redis, { prefix: channel }).subscribe!((message) => heard.push(message))
      await new RedisStore(client, { prefix: channel }).publish('["a message"]')
      await eventually('the message comes', () => heard.length > 0)
      expect(heard).toEqual(['["a message"]'])
      await end()
    },
  )

  test('an add removes expired values', async () => {
    for (let index = 0; index < 100; index += 1)
      await redis.zAdd(`${prefix}crowd`, { score: now() - 1 - index, value: String(index) })
    await store.add('crowd', 'live', now() + 60)
    expect(await redis.zRange(`${prefix}crowd`, 0, -1)).toEqual(['live'])
    await store.add('gone', 'v', now() - 1)
    await redis.zAdd(`${prefix}gone`, { score: now() - 1, value: 'w' })
    await store.add('gone', 'v', now() - 1)
    expect(await redis.exists(`${prefix}gone`)).toBe(0)
  })

  test('a key expires when its latest value expires, and not earlier', async () => {
    const expireTime = (): Promise<number> => redis.expireTime(`${prefix}ttl`)
    const soon = now() + 100
    await store.add('ttl', 'a', soon)
    expect(await expireTime()).toBe(soon)
    await store.add('ttl', 'b', soon + 50.25)
    expect(await expireTime()).toBe(soon + 51)
    await store.add('ttl', 'c', soon + 10)
    await store.add('ttl', 'b', soon + 20)
    expect(await expireTime()).toBe(soon + 51)
    await store.add('ttl', 'd', soon + 10 * 365 * 86_400)
    expect(await expireTime()).toBe(soon + 10 * 365 * 86_400)
  })

  test('an instance whose clock is a day ahead does not remove the values of other instances', async () => {
    await store.add('clocks', 'v', now() + 3600)
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 86_400_000 })
    await store.add('clocks', 'w', now() + 3600)
    expect(await store.values(['clocks'])).toEqual([['w']])
    vi.useRealTimers()
    expect((await store.values(['clocks']))[0]!.toSorted()).toEqual(['v', 'w'])
  })

  test('add rejects if Redis removes the value at once because its clock is ahead', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 86_400_000 })
    await expect(store.add('ahead', 'v', now() + 3600)).rejects.toThrow(/clock/)
  })

  test.for([true, false])(
    'an aborted request of Upstash rejects, with automatic pipelines: %s',
    async (enableAutoPipelining, { onTestFinished }) => {
      const server = await startUpstash(redisUrl)
      onTestFinished(() => server.close())
      const signal = AbortSignal.abort()
      const client = new Upstash({
        url: server.url,
        token: 'token',
        enableTelemetry: false,
        signal,
        enableAutoPipelining,
      })
      const upstash = new RedisStore(client, { prefix })
      await expect(upstash.add('k', 'v', now() + 60)).rejects.toThrow()
      await expect(upstash.values(['k'])).rejects.toThrow()
    },
  )

  test('an expiry keeps its fraction of a second', async () => {
    await store.add('fraction', 'v', now() + 60.75)
    expect(await redis.zScore(`${prefix}fraction`, 'v')).toBeCloseTo(now() + 60.75, -1)
    expect(await store.values(['fraction'])).toEqual([['v']])
  })
})
