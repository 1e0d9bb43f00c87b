import { RedisStore } from '@bcl/redis'
import { testStore } from '@bcl/testing'
import { createClient } from 'redis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { clients, clusterClients, sentinelClients, type Connected } from './support/clients.js'
import { startCluster, type RedisCluster } from './support/redis-cluster.js'
import { startRedis, startSentinel, type RedisServer } from './support/redis-server.js'
import { describeOwnRedis, describeRedis, redisUrl } from './support/services.js'

const prefix = `bcl-test-${crypto.randomUUID()}:`

describe.concurrent('RedisStore', () => {
  describeRedis('on one server', () => {
    afterAll(async () => {
      const redis = await createClient({ url: redisUrl }).connect()
      // A client with a key prefix puts its prefix before this prefix.
      for await (const keys of redis.scanIterator({ MATCH: `*${prefix}*`, COUNT: 1000 })) {
        if (keys.length > 0) await redis.del(keys)
      }
      await redis.close()
    })

    describe.each(Object.entries(clients))('%s', (_, connect) => {
      let connected: Connected
      beforeAll(async () => {
        connected = await connect(redisUrl)
      })
      afterAll(() => connected.close())
      testStore(test, () => new RedisStore(connected.client, { prefix }))

      test('a check rejects as long as its key has another type', async () => {
        const store = new RedisStore(connected.client, { prefix })
        const key = crypto.randomUUID()
        const redis = await createClient({ url: redisUrl }).connect()
        // A client with a key prefix puts its prefix before this prefix.
        const names = ['', 'bcl-test-application:'].map((before) => before + prefix + key)
        for (const name of names) await redis.set(name, 'something else')
        await expect(store.values(['other', key])).rejects.toThrow()
        await expect(store.add(key, 'v', Date.now() / 1000 + 60)).rejects.toThrow()
        await redis.del(names)
        await redis.close()
        await store.add(key, 'v', Date.now() / 1000 + 60)
        expect(await store.values(['other', key])).toEqual([[], ['v']])
      })
    })
  })

  describeOwnRedis('with a sentinel', () => {
    let server: RedisServer
    let sentinel: Awaited<ReturnType<typeof startSentinel>>
    beforeAll(async () => {
      server = await startRedis()
      sentinel = await startSentinel(server)
    })
    afterAll(async () => {
      await sentinel.close()
      await server.close()
    })
    describe.each(Object.entries(sentinelClients))('%s', (_, connect) => {
      let connected: Connected
      beforeAll(async () => {
        connected = await connect(sentinel.port)
      })
      afterAll(() => connected.close())
      testStore(test, () => new RedisStore(connected.client, { prefix }))
    })
  })

  describeOwnRedis('on a cluster of three nodes', () => {
    let cluster: RedisCluster
    beforeAll(async () => {
      cluster = await startCluster()
    })
    afterAll(() => cluster?.close())
    describe.each(Object.entries(clusterClients))('%s', (_, connect) => {
      let connected: Connected
      beforeAll(async () => {
        connected = await connect(cluster)
      })
      afterAll(() => connected.close())
      testStore(test, () => new RedisStore(connected.client, { prefix }))
    })
  })
})
