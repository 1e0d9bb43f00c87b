import { EventEmitter, once } from 'node:events'
import {
  createBackchannelLogout,
  type BackchannelLogout,
  type BackchannelLogoutOptions,
  type LogoutStore,
} from '@bcl/core'
import { RedisStore } from '@bcl/redis'
import { createTestIssuer } from '@bcl/testing'
import { createClient } from 'redis'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startProxy } from '@bcl-checks/test-support/proxy'
import { describeRedis, redisUrl } from './support/services.js'

const op = await createTestIssuer()
const prefix = `bcl-test-${crypto.randomUUID()}:`

describeRedis('instances that share one Redis', () => {
  // By default, a command of node-redis rejects if it is not sent within five seconds. A busy machine can need more time to send
  // 20,000 commands. The value 0 means no time-out.
  const connect = (url = redisUrl) =>
    createClient({ url, socket: { connectTimeout: 60_000 }, commandOptions: { timeout: 0 } }).on('error', () => {})
  const [redis, otherRedis] = [connect(), connect()]
  const running: BackchannelLogout[] = []
  // On a busy machine, a subscription can take more than one second, the default. If a subscription fails, the instance
  // subscribes again at its next poll. That is after the end of the test.
  const instance = (store: LogoutStore, options: Partial<BackchannelLogoutOptions> = {}): BackchannelLogout => {
    const issuers = [op.trusted]
    const logout = createBackchannelLogout({ issuers, sessionMaxAge: 3600, storeTimeout: 15, store, ...options })
    running.push(logout)
    return logout
  }
  const stores = (application = ''): [RedisStore, RedisStore] => [
    new RedisStore(redis, { prefix: prefix + application }),
    new RedisStore(otherRedis, { prefix: prefix + application }),
  ]
  const watched = (logout: BackchannelLogout, sid: string): Promise<void> =>
    new Promise((resolve) => logout.watch(op.session({ sid, sub: sid }), resolve))
  const token = (sid: string): Promise<string> => op.logoutToken({ sid, sub: sid })

  beforeAll(() => Promise.all([redis.connect(), otherRedis.connect()]))
  afterAll(async () => {
    await Promise.all(running.map((logout) => logout.close()))
    for await (const keys of redis.scanIterator({ MATCH: `${prefix}*`, COUNT: 1000 }))
      if (keys.length > 0) await redis.del(keys)
    await Promise.all([redis.close(), otherRedis.close()])
  })

  test('a logout on one instance ends the session and open pages on the other, even if a listener fails', async () => {
    const [here, there] = stores().map((store) => instance(store)) as [BackchannelLogout, BackchannelLogout]
    expect(await there.isLoggedOut(op.session({ sid: 'a', sub: 'a' }))).toBe(false)
    const ended = watched(there, 'a')
    const told: string[] = []
    there.onLogout(() => told.push('there'))
    here.onLogout(() => {
      told.push('here')
      throw new Error('a listener failed')
    })
    await expect(here.receive(await token('a'))).rejects.toMatchObject({ code: 'ERR_LOGOUT_FAILED' })
    expect(await there.isLoggedOut(op.session({ sid: 'a', sub: 'a' }))).toBe(true)
    await ended
    expect(told).toEqual(['here'])
    // An instance that starts later knows the logout.
    expect(await instance(stores()[0]).isLoggedOut(op.session({ sid: 'a', sub: 'a' }))).toBe(true)
  })

  test('clocks that differ by a minute change nothing', async () => {
    const [one, other] = stores()
    const [slow, fast] = [instance(one, { now: () => op.now() - 50 }), instance(other, { now: () => op.now() + 50 })]
    await slow.receive(await token('slow'))
    await fast.receive(await token('fast'))
    for (const logout of [slow, fast]) {
      for (const sid of ['slow', 'fast']) expect(await logout.isLoggedOut(op.session({ sid, sub: sid }))).toBe(true)
      expect(await logout.isLoggedOut(op.session({ sid: 'neither', sub: 'neither' }))).toBe(false)
    }
  })

  test('applications with different prefixes do not share tracked sessions, and neither do different clients', async () => {
    const destroyed: string[] = []
    const destroySession = (id: string): unknown => destroyed.push(id)
    const client = await createTestIssuer({ issuer: op.issuer, clientId: 'other-client' })
    const both = { issuers: [op.trusted, { ...op.trusted, clientId: client.clientId }], destroySession }
    const [one, other] = [instance(stores('one:')[0], both), instance(stores('other:')[1], both)]
    const session = op.session({ sid: 'shared', sub: 'shared', clientId: op.clientId })
    await one.trackSession(session, 'one')
    await one.trackSession({ ...session, clientId: client.clientId }, 'one, of the other client')
    await other.trackSession(session, 'other')
    await one.receive(await token('shared'))
    expect(destroyed).toEqual(['one'])
    expect(await one.isLoggedOut({ ...session, clientId: client.clientId })).toBe(false)
    expect(await other.isLoggedOut(session)).toBe(false)
  })

  test(
    'after a lost broadcast, the next poll finds the ended sessions, and reads 10,000 sessions in four calls',
    { timeout: 60_000 },
    async ({ onTestFinished }) => {
      const [one, other] = stores('lost:')
      const proxy = await startProxy(redisUrl)
      const distant = connect(proxy.url)
      await distant.connect()
      const calls: number[] = []
      const answered = new EventEmitter()
      let keysAnswered = 0
      const store: LogoutStore = {
        add: (...args) => other.add(...args),
        remove: (...args) => other.remove(...args),
        async values(keys) {
          calls.push(keys.length)
          const values = await other.values(keys)
          keysAnswered += keys.length
          answered.emit(String(keysAnswered))
          return values
        },
        async subscribe(listener) {
          const end = await new RedisStore(distant, { prefix: `${prefix}lost:` }).subscribe!(listener)
          // From here on the subscription gets no messages.
          proxy.cut()
          return end
        },
      }
      // With fake timers, only this test starts a poll, and no call times out on a busy machine.
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
      // If a read fails, the waits below reject with its error. Without this listener they would wait for ever.
      const there = instance(store, { pollInterval: 30, onError: (error) => answered.emit('error', error) })
      onTestFinished(async () => {
        vi.useRealTimers()
        await there.close()
        distant.destroy()
        await proxy.close()
      })
      const allRead = once(answered, '20000')
      const ended = Array.from({ length: 10_000 }, (_, index) => watched(there, `lost ${index}`))
      await allRead
      await instance(one).receive(await token('lost 7777'))
      calls.length = 0
      const polled = once(answered, '40000')
      vi.advanceTimersByTime(30_000)
      await Promise.all([ended[7777], polled])
      expect(calls).toEqual([5000, 5000, 5000, 5000])
    },
  )
})
