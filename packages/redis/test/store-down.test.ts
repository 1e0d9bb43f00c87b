import { createBackchannelLogout, type BackchannelLogout } from '@bcl/core'
import { RedisStore, type RedisStoreClient } from '@bcl/redis'
import { createTestIssuer } from '@bcl/testing'
import { Redis as Ioredis } from 'ioredis'
import { describe, expect, test } from 'vitest'
import { clients, type Connected } from './support/clients.js'
import { before, eventually } from './support/eventually.js'
import { startProxy } from './support/proxy.js'
import { startRedis, type RedisServer } from './support/redis-server.js'
import { describeOwnRedis } from './support/services.js'

const op = await createTestIssuer()

const instance = (client: RedisStoreClient, unavailableStatus: 400 | 503): BackchannelLogout =>
  createBackchannelLogout({
    issuers: [op.trusted],
    sessionMaxAge: 3600,
    store: new RedisStore(client),
    unavailableStatus,
  })

const tokenOf = (sid: string): Promise<string> => op.logoutToken({ sid, sub: sid })

const post = async (logout: BackchannelLogout, token: string): Promise<number> => {
  const { status } = await logout.respond({
    method: 'POST',
    contentType: 'application/x-www-form-urlencoded',
    body: `logout_token=${token}`,
  })
  return status
}

const send = async (logout: BackchannelLogout, sid: string): Promise<number> => post(logout, await tokenOf(sid))

/** Whether a session is let in; a store that does not answer lets nobody in. */
const passes = (logout: BackchannelLogout, sid: string): Promise<boolean> =>
  logout.isLoggedOut(op.session({ sid })).then(
    (isOver) => !isOver,
    () => false,
  )

interface Fault {
  /** Where the client connects. */
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

describeOwnRedis('the store down', () => {
  describe.concurrent('', () => {
    test.for(cases)('%s, with %s', { timeout: 30_000 }, async ([name, driver], { onTestFinished }) => {
      const server = await startRedis()
      onTestFinished(() => server.close())
      const fault = await faults[name]!(server)
      onTestFinished(() => fault.close())
      const { client, close } = await clients[driver]!(fault.url)
      onTestFinished(() => void close())
      const [here, at400] = [instance(client, 503), instance(client, 400)]
      let told = 0
      for (const logout of [here, at400]) logout.onLogout(() => (told += 1))
      // A busy machine may take longer than the second there is, before and after.
      await eventually('a logout is taken', async () => (await send(here, 'first')) === 200)
      await eventually('checks work', () => passes(here, 'other'))
      const done = told
      expect(done).toBeGreaterThan(0)

      const [second, third] = [await tokenOf('second'), await tokenOf('third')]
      await fault.begin()
      const statuses = await Promise.all([before(2, () => post(here, second)), before(2, () => post(at400, third))])
      expect(statuses).toEqual([503, 400])
      // Nothing is reported as done. What it could not write, this instance honours at once; of the others it knows
      // nothing, and lets nobody in.
      expect(told).toBe(done)
      expect(await here.isLoggedOut(op.session({ sid: 'second' }))).toBe(true)
      await expect(before(1.5, () => here.isLoggedOut(op.session({ sid: 'other' })))).rejects.toMatchObject({
        code: 'ERR_LOGOUT_FAILED',
      })

      await fault.end()
      const reader = await clients['node-redis']!(server.url)
      onTestFinished(() => void reader.close())
      const elsewhere = instance(reader.client, 400)
      for (const sid of ['second', 'third']) {
        await eventually(`${sid} is written`, () => elsewhere.isLoggedOut(op.session({ sid })).catch(() => false))
      }
      await eventually('checks work again', () => passes(here, 'other'))
      await eventually('logouts are taken again', async () => (await send(here, 'fourth')) === 200)
      await Promise.all([here, at400, elsewhere].map((logout) => logout.close()))
    })
  })

  /** Those that notice; the others do when the operating system gives the connection up. */
  const replacing: Record<string, (url: string) => Promise<Connected>> = {
    'node-redis, a pool': clients['node-redis, a pool']!,
    'ioredis with a socketTimeout': async (url) => {
      const client = new Ioredis(url, { socketTimeout: 1000 }).on('error', () => {})
      return { client, close: () => client.disconnect() }
    },
  }
  test.concurrent.for(Object.entries(replacing))(
    'a connection that is lost without a word is replaced, with %s',
    async ([, connect], { onTestFinished }) => {
      const server = await startRedis()
      onTestFinished(() => server.close())
      const proxy = await startProxy(server.url)
      onTestFinished(() => proxy.close())
      const { client, close } = await connect(proxy.url)
      onTestFinished(() => void close())
      const here = instance(client, 400)
      await eventually('checks work', () => passes(here, 'other'))
      proxy.cut(proxy.count())
      await eventually('checks work again', () => passes(here, 'other'))
    },
  )
})
