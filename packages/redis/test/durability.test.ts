import { EventEmitter, once } from 'node:events'
import { createBackchannelLogout, type BackchannelLogout, type LogoutStore } from '@bcl/core'
import { RedisStore } from '@bcl/redis'
import { createTestIssuer } from '@bcl/testing'
import { expect, test } from 'vitest'
import { clients } from './support/clients.js'
import { startRedis } from './support/redis-server.js'
import { describeOwnRedis } from './support/services.js'

/** The number of logouts. Set BCL_LOGOUTS=20000 for the long run. */
const count = Number(process.env['BCL_LOGOUTS'] ?? 2000)
const atOnce = 50

/** A store that knows the markers that are not written yet, and emits an event for each write. */
function observed(store: RedisStore) {
  const missing = new Set<string>()
  const writes = new EventEmitter()
  const observing: LogoutStore = {
    async add(key, value, expiresAt) {
      // Only markers are observed. If the write of a record fails, nobody repeats it.
      if (key.startsWith('[1,"logout"')) missing.add(key)
      await store.add(key, value, expiresAt)
      missing.delete(key)
      writes.emit('write')
    },
    values: (keys) => store.values(keys),
    remove: (key, value) => store.remove(key, value),
  }
  return { store: observing, missing, writes }
}

describeOwnRedis('Redis with appendfsync always', () => {
  test.concurrent.for(['node-redis', 'ioredis'])(
    '%s: loses no logout if Redis is killed and restarted while each logout is sent once',
    { timeout: 300_000 },
    async (driver, { onTestFinished }) => {
      const op = await createTestIssuer({ alg: 'ES256' })
      // All sessions begin now, before the logouts.
      const iat = op.now()
      const instance = (store: LogoutStore, storeTimeout: number): BackchannelLogout =>
        createBackchannelLogout({
          issuers: [op.trusted],
          sessionMaxAge: 3600,
          store,
          storeTimeout,
          unavailableStatus: 503,
        })
      const server = await startRedis('--appendonly', 'yes', '--appendfsync', 'always')
      onTestFinished(() => server.close())
      const { client, close } = await clients[driver]!(server.url)
      onTestFinished(() => void close())
      const { store, missing, writes } = observed(new RedisStore(client))
      const here = instance(store, 1)

      const statuses: number[] = []
      let killed: Promise<void> | undefined
      let restarted: Promise<void> | undefined
      const send = async (index: number): Promise<void> => {
        const body = `logout_token=${await op.logoutToken({ sid: `sid ${index}`, sub: `sub ${index}` })}`
        const { status } = await here.respond({
          method: 'POST',
          contentType: 'application/x-www-form-urlencoded',
          body,
        })
        statuses[index] = status
        // On a busy machine, a logout can also fail while Redis still runs. So Redis is started again only after it was killed.
        if (status !== 200 && killed) restarted ??= killed.then(() => server.start())
      }
      let next = 0
      const work = async (): Promise<void> => {
        while (next < count) {
          const index = next++
          if (index === Math.floor(count / 3)) await (killed = server.kill())
          await send(index)
        }
      }
      await Promise.all(Array.from({ length: atOnce }, work))
      await restarted

      const reader = await clients['node-redis']!(server.url)
      onTestFinished(() => void reader.close())
      // A busy machine may take longer than the default of one second.
      const elsewhere = instance(new RedisStore(reader.client), 60)
      const isKept = (index: number): Promise<boolean> =>
        elsewhere.isLoggedOut(op.session({ sid: `sid ${index}`, sub: `sub ${index}`, iat }))
      const all = Array.from({ length: count }, (_, index) => index)
      const lost = async (indexes: readonly number[]): Promise<number[]> => {
        const found: number[] = []
        for (let start = 0; start < indexes.length; start += atOnce) {
          const part = indexes.slice(start, start + atOnce)
          const kept = await Promise.all(part.map(isKept))
          found.push(...part.filter((_, position) => !kept[position]))
        }
        return found
      }
      expect(statuses).toHaveLength(count)
      expect([...new Set(statuses)].toSorted()).toEqual([200, 503])
      expect(await lost(all.filter((index) => statuses[index] === 200))).toEqual([])
      while (missing.size > 0) await once(writes, 'write')
      expect(await lost(all)).toEqual([])
      await Promise.all([here.close(), elsewhere.close()])
    },
  )
})
