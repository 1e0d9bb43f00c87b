import { createBackchannelLogout, type BackchannelLogout } from '@bcl/core'
import { RedisStore, type RedisStoreClient } from '@bcl/redis'
import { createTestIssuer } from '@bcl/testing'
import { createClient, createClientPool } from 'redis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from '@bcl-checks/test-support/eventually'
import { startProxy } from '@bcl-checks/test-support/proxy'
import { startRedis, type RedisServer } from './support/redis-server.js'
import { describeOwnRedis } from './support/services.js'

const op = await createTestIssuer()
const instance = (client: RedisStoreClient): BackchannelLogout =>
  createBackchannelLogout({ issuers: [op.trusted], sessionMaxAge: 3600, store: new RedisStore(client) })

const cache = { ttl: 30_000, maxEntries: 10_000 }

describeOwnRedis('with the client-side cache of node-redis', () => {
  let server: RedisServer
  const connectPlain = () => createClient({ url: server.url }).connect()
  let other: Awaited<ReturnType<typeof connectPlain>>
  beforeAll(async () => {
    server = await startRedis()
    other = await connectPlain()
  })
  afterAll(async () => {
    other.destroy()
    await server.close()
  })

  const reads = async (): Promise<number> =>
    Number(/cmdstat_zrange:calls=(\d+)/.exec(await other.info('commandstats'))?.[1] ?? 0)

  describe.each([
    ['a client', (url: string) => createClient({ url, RESP: 3, clientSideCache: cache })],
    ['a pool', (url: string) => createClientPool({ url, RESP: 3 }, { minimum: 1, clientSideCache: cache })],
  ])('%s', (name, create) => {
    test('20,000 checks of a session without a logout cost two commands, and a later logout is seen', async ({
      onTestFinished,
    }) => {
      const client = create(server.url).on('error', () => {})
      onTestFinished(() => client.destroy())
      await client.connect()
      const here = instance(client)
      const session = op.session({ sid: `quiet, ${name}` })
      const before = await reads()
      for (let check = 0; check < 20_000; check += 1) {
        if (await here.isLoggedOut(session)) throw new Error('nobody logged out')
      }
      expect((await reads()) - before).toBeLessThanOrEqual(2)

      await instance(other).receive(await op.logoutToken({ sid: session.sid }))
      await eventually('the logout is seen', () => here.isLoggedOut(session), 1)
    })

    test('a logout that came while the connection was cut off is seen', async ({ onTestFinished }) => {
      const client = create(server.url).on('error', () => {})
      onTestFinished(() => client.destroy())
      await client.connect()
      const here = instance(client)
      const session = op.session({ sid: `cut off, ${name}` })
      expect(await here.isLoggedOut(session)).toBe(false)
      await other.sendCommand(['CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'])
      await instance(other).receive(await op.logoutToken({ sid: session.sid }))
      await eventually('the logout is seen', () => here.isLoggedOut(session).catch(() => false), 5)
    })

    test('a live sign-out does not wait for a poll if the message arrives before the invalidation', async ({
      onTestFinished,
    }) => {
      const proxy = await startProxy(server.url)
      onTestFinished(() => proxy.close())
      const client = create(proxy.url).on('error', () => {})
      onTestFinished(() => client.destroy())
      await client.connect()
      const store = new RedisStore(client)
      const here = createBackchannelLogout({
        issuers: [op.trusted],
        sessionMaxAge: 3600,
        storeTimeout: 5,
        pollInterval: 3600,
        store: {
          add: (...args) => store.add(...args),
          values: (keys) => store.values(keys),
          remove: (...args) => store.remove(...args),
          async subscribe(listener) {
            const end = await store.subscribe!((message) => {
              listener(message)
              proxy.mend()
            })
            // Delays the connection of the client, but not the connection of its subscription.
            proxy.cut(1)
            return end
          },
        },
      })
      onTestFinished(() => here.close())
      const session = op.session({ sid: `overtaken, ${name}` })
      expect(await here.isLoggedOut(session)).toBe(false)
      const ended = new Promise<void>((resolve) => here.watch(session, resolve))
      await eventually('it is subscribed', async () => (await other.pubSubNumSub('bcl:logouts'))['bcl:logouts'] === 1)
      await instance(other).receive(await op.logoutToken({ sid: session.sid }))
      await ended
    })
  })

  test('while Redis is unreachable, cached reads count for the ttl and no longer', async ({ onTestFinished }) => {
    const frozen = await startRedis()
    onTestFinished(() => frozen.close())
    const client = createClient({ url: frozen.url, RESP: 3, clientSideCache: { ttl: 500 } }).on('error', () => {})
    onTestFinished(() => client.destroy())
    await client.connect()
    const here = instance(client)
    const session = op.session()
    expect(await here.isLoggedOut(session)).toBe(false)
    frozen.freeze()
    expect(await here.isLoggedOut(session)).toBe(false)
    await eventually(
      'checks fail',
      () =>
        here.isLoggedOut(session).then(
          () => false,
          () => true,
        ),
      3,
    )
    frozen.thaw()
    await eventually(
      'checks work again',
      () =>
        here.isLoggedOut(session).then(
          (is) => !is,
          () => false,
        ),
      10,
    )
  })
})
