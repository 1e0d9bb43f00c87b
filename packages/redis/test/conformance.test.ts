import { RedisStore } from '@bcl/redis'
import { testStore } from '@bcl/testing'
import { createClient } from 'redis'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { clients, clusterClients, sentinelClients, type Connected } from './support/clients.js'
import { startCluster, type RedisCluster } from './support/redis-cluster.js'
import { startRedis, startSentinel, type RedisServer } from './support/redis-server.js'
import { describeOwnRedis, describeRedis, redisUrl } from './support/services.js'

const prefix = `bcl-test-${crypto.randomUUID()}:`

describe.concurrent('RedisStore', () => {
  describeRedis('on one server', () => {
    afterAll(async () => {
      const redis = await createClient({ url: redisUrl }).connect()
      // Clients with a prefix of their own put it before this one.
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
    })
  })

  describeOwnRedis('behind a sentinel', () => {
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

  describeOwnRedis('on a cluster of three', () => {
    let cluster: RedisCluster
    beforeAll(async () => {
      cluster = await startCluster()
    })
    afterAll(() => cluster.close())
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
