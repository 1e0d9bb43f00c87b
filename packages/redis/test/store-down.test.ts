import { createBackchannelLogout } from '@bcl/core'
import { RedisStore } from '@bcl/redis'
import { createTestIssuer } from '@bcl/testing'
import { eventually } from '@bcl-checks/test-support/eventually'
import { expectNothingLost, passes } from '@bcl-checks/test-support/outage'
import { startProxy } from '@bcl-checks/test-support/proxy'
import { Redis as Ioredis } from 'ioredis'
import { describe, test } from 'vitest'
import { clients, type Connected } from './support/clients.js'
import { startRedis, type RedisServer } from './support/redis-server.js'
import { describeOwnRedis } from './support/services.js'

interface Fault {
  /** The address that the client connects to. */
  url: string
  begin(): unknown
  end(): unknown
  close(): Promise<void>
}

const faults: Record<string, (server: RedisServer) => Promise<Fault>> = {
  killed: async (server) => ({
    url: server.url,
    begin: () => server.kill(),
    end: () => server.start(),
    close: async () => {},
  }),
  frozen: async (server) => ({
    url: server.url,
    begin: () => server.freeze(),
    end: () => server.thaw(),
    close: async () => {},
  }),
  unreachable: async (server) => {
    const proxy = await startProxy(server.url)
    return { url: proxy.url, begin: () => proxy.cut(), end: () => proxy.mend(), close: () => proxy.close() }
  },
}

const cases = Object.keys(faults).flatMap((fault) =>
  ['node-redis', 'node-redis, a pool', 'ioredis', 'Valkey GLIDE', 'Upstash'].map((client) => [fault, client] as const),
)

describeOwnRedis('while the store is down', () => {
  describe.concurrent('', () => {
    test.for(cases)('%s, with %s', { timeout: 60_000 }, async ([name, driver], { onTestFinished }) => {
      const server = await startRedis()
      onTestFinished(() => server.close())
      const fault = await faults[name]!(server)
      onTestFinished(() => fault.close())
      const { client, close } = await clients[driver]!(fault.url)
      onTestFinished(() => void close())
      await expectNothingLost({
        store: new RedisStore(client),
        begin: fault.begin,
        end: fault.end,
        async elsewhere() {
          const reader = await clients['node-redis']!(server.url)
          onTestFinished(() => void reader.close())
          return new RedisStore(reader.client)
        },
      })
    })
  })

  /** The clients that replace a lost connection before the operating system closes it. */
  const replacing: Record<string, (url: string) => Promise<Connected>> = {
    'node-redis, a pool': clients['node-redis, a pool']!,
    'ioredis with a socketTimeout': async (url) => {
      const client = new Ioredis(url, { socketTimeout: 1000 }).on('error', () => {})
      return { client, close: () => client.disconnect() }
    },
  }
  test.concurrent.for(Object.entries(replacing))(
    '%s replaces a connection that is lost without a message',
    { timeout: 60_000 },
    async ([, connect], { onTestFinished }) => {
      const server = await startRedis()
      onTestFinished(() => server.close())
      const proxy = await startProxy(server.url)
      onTestFinished(() => proxy.close())
      const { client, close } = await connect(proxy.url)
      onTestFinished(() => void close())
      const op = await createTestIssuer()
      const here = createBackchannelLogout({
        issuers: [op.trusted],
        sessionMaxAge: 3600,
        store: new RedisStore(client),
      })
      await eventually('checks work', () => passes(here, op.session()))
      proxy.cut(proxy.count())
      await eventually('checks work again', () => passes(here, op.session()))
    },
  )
})
