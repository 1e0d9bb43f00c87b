import { createBackchannelLogout, type BackchannelLogout } from '@bcl/core'
import { RedisStore } from '@bcl/redis'
import { createTestIssuer } from '@bcl/testing'
import { expect, test } from 'vitest'
import { clients } from './support/clients.js'
import { eventually } from '@bcl-checks/test-support/eventually'
import { startRedis } from './support/redis-server.js'
import { describeOwnRedis } from './support/services.js'

/** The number of logouts. Set BCL_LOGOUTS=20000 for the long run. */
const count = Number(process.env['BCL_LOGOUTS'] ?? 2000)
const atOnce = 50

describeOwnRedis('Redis with appendfsync always', () => {
  test.concurrent.for(['node-redis', 'ioredis'])(
    '%s: loses no logout if Redis is killed and restarted while each logout is sent once',
    { timeout: 300_000 },
    async (driver, { onTestFinished }) => {
      const op = await createTestIssuer({ alg: 'ES256' })
      const instance = (store: RedisStore): BackchannelLogout =>
        createBackchannelLogout({ issuers: [op.trusted], sessionMaxAge: 3600, store, unavailableStatus: 503 })
      const server = await startRedis('--appendonly', 'yes', '--appendfsync', 'always')
      onTestFinished(() => server.close())
      const { client, close } = await clients[driver]!(server.url)
      onTestFinished(() => void close())
      const here = instance(new RedisStore(client))

      const statuses: number[] = []
      let restarted: Promise<void> | undefined
      const send = async (index: number): Promise<void> => {
        const body = `logout_token=${await op.logoutToken({ sid: `sid ${index}`, sub: `sub ${index}` })}`
        const { status } = await here.respond({
          method: 'POST',
          contentType: 'application/x-www-form-urlencoded',
          body,
        })
        statuses[index] = status
        if (status !== 200) restarted ??= server.start()
      }
      let next = 0
      const work = async (): Promise<void> => {
        while (next < count) {
          const index = next++
          if (index === Math.floor(count / 3)) await server.kill()
          await send(index)
        }
      }
      await Promise.all(Array.from({ length: atOnce }, work))
      await restarted

      const reader = await clients['node-redis']!(server.url)
      onTestFinished(() => void reader.close())
      const elsewhere = instance(new RedisStore(reader.client))
      const isKept = (index: number): Promise<boolean> =>
        elsewhere.isLoggedOut(op.session({ sid: `sid ${index}`, sub: `sub ${index}` }))
      const all = Array.from({ length: count }, (_, index) => index)
      const lost = async (indexes: readonly number[]): Promise<number[]> => {
        const missing: number[] = []
        // In batches: each check has a time-out of one second, and a slow machine cannot do all checks within it.
        for (let start = 0; start < indexes.length; start += atOnce) {
          const part = indexes.slice(start, start + atOnce)
          const kept = await Promise.all(part.map(isKept))
          missing.push(...part.filter((_, position) => !kept[position]))
        }
        return missing
      }
      expect(statuses).toHaveLength(count)
      expect([...new Set(statuses)].toSorted()).toEqual([200, 503])
      expect(await lost(all.filter((index) => statuses[index] === 200))).toEqual([])
      const others = statuses.filter((status) => status !== 200).length
      await eventually(`the ${others} others are written`, async () => (await lost(all)).length === 0, 60)
      await Promise.all([here.close(), elsewhere.close()])
    },
  )
})
