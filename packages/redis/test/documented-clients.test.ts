import { type RedisStore, type RedisStoreClient, type RedisStoreOptions } from '@bcl/redis'
import { expectClientsToLast } from '@bcl-checks/test-support/documented-clients'
import { startProxy } from '@bcl-checks/test-support/proxy'
import { expect, test, vi } from 'vitest'
import { startCluster } from './support/redis-cluster.js'
import { startRedis, startSentinel } from './support/redis-server.js'
import { describeOwnRedis } from './support/services.js'
import { startUpstash } from './support/upstash-server.js'

const made = vi.hoisted(() => [] as RedisStore[])

vi.mock('@bcl/redis', async (load) => {
  const original = await load<typeof import('@bcl/redis')>()
  class Made extends original.RedisStore {
    constructor(client: RedisStoreClient, options?: RedisStoreOptions) {
      super(client, options)
      made.push(this)
    }
  }
  return { ...original, RedisStore: Made }
})

describeOwnRedis('the documented clients', () => {
  test(
    'T-19: work after idle time, and after a restart of the server',
    { timeout: 60_000 },
    async ({ onTestFinished }) => {
      const server = await startRedis()
      const sentinel = await startSentinel(server)
      const cluster = await startCluster()
      const upstash = await startUpstash(server.url)
      const proxy = await startProxy(server.url)
      onTestFinished(async () => {
        vi.unstubAllEnvs()
        await proxy.close()
        await upstash.close()
        await cluster.close()
        await sentinel.close()
        await server.close()
      })
      vi.stubEnv('REDIS_URL', proxy.url)
      vi.stubEnv('UPSTASH_REDIS_REST_URL', upstash.url)
      vi.stubEnv('UPSTASH_REDIS_REST_TOKEN', 'token')
      const { port } = new URL(proxy.url)
      const blocks = await expectClientsToLast({
        store: /new (RedisStore|LogoutsInRedis)\(/,
        client: /createClient|new Redis\(/,
        redirect: (code) =>
          code
            .replaceAll(/\b6379\b/g, port)
            .replaceAll(/\b26379\b/g, String(sentinel.port))
            .replaceAll(/\b7000\b/g, String(cluster.nodes[0]!.port))
            .replaceAll('createClient()', `createClient({ url: '${proxy.url}' })`)
            .replaceAll('declare const sessionSecret: string', "const sessionSecret = 'secret'"),
        made: () => made,
        proxies: [proxy],
      })
      // The README has four code blocks, and TSDoc has one. The others are in the guides.
      expect(blocks.length).toBeGreaterThanOrEqual(7)
      expect(blocks.filter((name) => name.startsWith('packages/redis/README.md'))).toHaveLength(4)
    },
  )
})
