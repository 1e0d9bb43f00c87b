import { RedisStore } from '@bcl/redis'
import { createClient } from 'redis'
import { expect, test } from 'vitest'
import { clients } from './support/clients.js'
import { eventually } from '@bcl-checks/test-support/eventually'
import { startProxy } from '@bcl-checks/test-support/proxy'
import { startRedis } from './support/redis-server.js'
import { countRoundTrips, roundTripsOf } from '@bcl-checks/test-support/round-trips'
import { describeOwnRedis, describeRedis, redisUrl } from './support/services.js'

const keys = Array.from({ length: 100 }, (_, index) => `key ${index}`)
const soon = (): number => Date.now() / 1000 + 60

describeOwnRedis('one round trip', () => {
  // For Upstash, one HTTP request is one round trip.
  const names = Object.keys(clients).filter((name) => !name.startsWith('Upstash'))
  test.concurrent.for(names)('%s: sends all commands before the first reply', async (name, { onTestFinished }) => {
    const server = await startRedis()
    const proxy = await startProxy(server.url)
    const { client, close } = await clients[name]!(proxy.url)
    const other = await createClient({ url: server.url }).connect()
    onTestFinished(async () => {
      await close()
      other.destroy()
      await proxy.close()
      await server.close()
    })
    /** How often the server has run a command, inside or outside a script. */
    const count = async (command: string): Promise<number> =>
      Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(await other.info('commandstats'))?.[1] ?? 0)
    const store = new RedisStore(client)
    await store.add('warm', 'v', soon())
    await store.values(['warm'])
    const before = { add: await count('eval'), values: await count('zrange') }

    proxy.hold()
    const values = store.values(keys)
    await eventually('all keys are asked for', async () => (await count('zrange')) - before.values === keys.length)
    proxy.mend()
    expect(await values).toEqual(keys.map(() => []))

    proxy.hold()
    const added = store.add('a', 'v', soon())
    await eventually('it is added', async () => (await count('eval')) - before.add === 1)
    const stored = await other.keys('*a')
    proxy.mend()
    await added
    expect(stored).toHaveLength(1)
    expect(await other.expireTime(stored[0]!)).toBeGreaterThan(Date.now() / 1000)
    expect(await count('eval')).toBe(before.add + 1)
  })
})

describeRedis('the round trips of core', () => {
  test.for(['node-redis', 'ioredis'])(
    '%s: a check takes one round trip, and a logout takes three',
    async (name, { onTestFinished }) => {
      const { client, close } = await clients[name]!(redisUrl)
      const prefix = `bcl-test-${crypto.randomUUID()}:`
      onTestFinished(async () => {
        const other = await createClient({ url: redisUrl }).connect()
        for await (const found of other.scanIterator({ MATCH: `${prefix}*`, COUNT: 1000 }))
          if (found.length > 0) await other.del(found)
        other.destroy()
        await close()
      })
      const trips = countRoundTrips()
      const counted = new Proxy(client, {
        get(target, property) {
          const member: unknown = Reflect.get(target, property)
          if (typeof member !== 'function') return member
          return (...args: unknown[]) => trips.call(() => Reflect.apply(member, target, args) as unknown)
        },
      })
      const store = new RedisStore(counted, { prefix })
      expect(await roundTripsOf(store, trips)).toEqual({
        check: 1,
        logout: 3,
        'logout that supersedes markers': 3,
        'the same Logout Token again': 2,
        trackSession: 2,
        'logout that ends a tracked session': 3,
        endSession: 2,
      })
    },
  )
})
