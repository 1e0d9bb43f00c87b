import { RedisStore } from '@bcl/redis'
import { createClient } from 'redis'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi, type TestContext } from 'vitest'
import { clients, clusterClients, type Connected } from './support/clients.js'
import { eventually } from '@bcl-checks/test-support/eventually'
import { startCluster, type RedisCluster } from './support/redis-cluster.js'
import { startProxy } from '@bcl-checks/test-support/proxy'
import { startRedis } from './support/redis-server.js'
import { describeOwnRedis } from './support/services.js'

const canSubscribe = (name: string): boolean => /^(node-redis|ioredis)/.test(name)
/** The number of connections that subscribe, on all servers. */
async function subscribers(servers: readonly { url: string }[], channel: string): Promise<number> {
  const counts = await Promise.all(
    servers.map(async ({ url }) => {
      const redis = await createClient({ url }).connect()
      const found = await redis.pubSubNumSub(channel)
      redis.destroy()
      return found[channel]!
    }),
  )
  return counts.reduce((sum, count) => sum + count, 0)
}

async function cutOffSubscribers(servers: readonly { url: string }[]): Promise<void> {
  for (const { url } of servers) {
    const redis = await createClient({ url }).connect()
    await redis.sendCommand(['CLIENT', 'KILL', 'TYPE', 'pubsub'])
    redis.destroy()
  }
}

/** Expects that a subscription works before and after `disturb`. Then ends it and expects that its connection is closed. */
async function expectRestored(
  client: Connected['client'],
  servers: readonly { url: string }[],
  disturb: () => Promise<void>,
): Promise<void> {
  const prefix = `bcl-test-${crypto.randomUUID()}:`
  const channel = `${prefix}logouts`
  const store = new RedisStore(client, { prefix })
  const heard: string[] = []
  const read: Promise<string[][]>[] = []
  // The keys are on several nodes of a cluster.
  const keys = ['a', 'b', 'c', 'd']
  for (const key of keys) await store.add(key, key, Date.now() / 1000 + 60)
  const end = await store.subscribe!((message) => {
    heard.push(message)
    read.push(store.values(keys))
  })
  expect(await subscribers(servers, channel)).toBe(1)
  await store.publish('before')
  await eventually('the store receives the first message', () => heard.length === 1)
  expect(await read[0]).toEqual(keys.map((key) => [key]))
  await disturb()
  await eventually('the store subscribes again', async () => (await subscribers(servers, channel)) === 1)
  await store.publish('after')
  await eventually('the store receives the second message', () => heard.length === 2)
  await read[1]
  await end()
  await eventually(
    'the connection of the subscription is closed',
    async () => (await subscribers(servers, channel)) === 0,
  )
  expect(heard).toEqual(['before', 'after'])
}

test.each(Object.keys(clients))(
  '%s: the store has subscribe only if the client can restore a subscription',
  async (name) => {
    const lazy: Record<string, object> = {
      'Valkey GLIDE': { customCommand() {}, zrangeWithScores() {}, zrem() {}, publish() {} },
      Upstash: { eval() {}, zrem() {}, publish() {}, createScript() {} },
    }
    const client = Object.entries(lazy).find(([key]) => name.startsWith(key))?.[1] ?? createClient()
    expect(new RedisStore(client as Connected['client']).subscribe !== undefined).toBe(canSubscribe(name))
  },
)

describeOwnRedis('a subscription', () => {
  // The waits of one test can take 50 seconds together.
  const timeout = 60_000
  const subscribing = (all: readonly string[]): string[] => all.filter(canSubscribe)

  describe.concurrent('on one server', () => {
    const start = async (name: string, onTestFinished: TestContext['onTestFinished']) => {
      const server = await startRedis()
      onTestFinished(() => server.close())
      const { client, close } = await clients[name]!(server.url)
      onTestFinished(() => void close())
      return { server, client }
    }

    test.for(subscribing(Object.keys(clients)))(
      '%s: the subscription is restored after its connection is cut off',
      { timeout },
      async (name, { onTestFinished }) => {
        const { server, client } = await start(name, onTestFinished)
        await expectRestored(client, [server], () => cutOffSubscribers([server]))
      },
    )

    test.for(subscribing(Object.keys(clients)))(
      '%s: the subscription is restored after a restart of the server',
      { timeout },
      async (name, { onTestFinished }) => {
        const { server, client } = await start(name, onTestFinished)
        await expectRestored(client, [server], async () => {
          await server.kill()
          await server.start()
          // The connection of the application is restored, too.
          await eventually('commands work', () =>
            new RedisStore(client).values(['k']).then(
              () => true,
              () => false,
            ),
          )
        })
      },
    )
  })

  describe('on a server that does not answer', () => {
    afterEach(() => void vi.useRealTimers())

    test.each(['node-redis', 'node-redis 4', 'node-redis, a pool', 'ioredis', 'ioredis without an offline queue'])(
      '%s: the store gives the subscription up and leaves no open connection',
      async (name) => {
        const server = await startRedis()
        const proxy = await startProxy(server.url)
        const { client, close } = await clients[name]!(proxy.url)
        const store = new RedisStore(client)
        await store.values(['k'])
        const own = proxy.count()
        proxy.cut()
        vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
        const refused = expect(store.subscribe!(() => {})).rejects.toThrow()
        while (proxy.count() === own) await new Promise((resolve) => setImmediate(resolve))
        // This is longer than the time-out of the start plus the time in which ioredis closes a connection.
        vi.advanceTimersByTime(8000)
        vi.useRealTimers()
        await refused
        proxy.mend()
        await eventually('the connection of the subscription is closed', () => proxy.count() === own)
        await close()
        await proxy.close()
        await server.close()
      },
    )
  })

  describe('on a cluster', () => {
    let cluster: RedisCluster
    beforeAll(async () => {
      cluster = await startCluster()
    })
    afterAll(() => cluster.close())

    test.for(subscribing(Object.keys(clusterClients)))(
      '%s: the subscription is restored after its connection is cut off',
      { timeout },
      async (name, { onTestFinished }) => {
        const { client, close } = await clusterClients[name]!(cluster)
        onTestFinished(() => void close())
        await expectRestored(client, cluster.nodes, () => cutOffSubscribers(cluster.nodes))
      },
    )
  })
})
