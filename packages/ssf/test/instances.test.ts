import { RedisStore } from '@bcl/redis'
import { describeUnless, isReachable } from '@bcl-checks/test-support/services'
import { createClient } from 'redis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { op, receiving, signSet } from './support.js'

const url = process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379'
const prefix = `bcl-ssf-${crypto.randomUUID()}:`
const missing = (await isReachable(url, 6379)) ? undefined : 'Redis does not answer'

describeUnless(missing, 'two instances that share one Redis', () => {
  const clients = [createClient({ url }), createClient({ url })]
  const instances = clients.map((client) => receiving({ store: new RedisStore(client, { prefix }) }))
  const [here, there] = instances as [(typeof instances)[0], (typeof instances)[0]]

  beforeAll(() => Promise.all(clients.map((client) => client.connect())))
  afterAll(async () => {
    await Promise.all(instances.map(({ logout }) => logout.close()))
    for await (const keys of clients[0]!.scanIterator({ MATCH: `${prefix}*` })) if (keys[0]) await clients[0]!.del(keys)
    await Promise.all(clients.map((client) => client.close()))
  })

  test('SE-12: an event on one instance ends the session on the other, and a retry there is only acknowledged', async () => {
    const jwt = await signSet()
    const told = new Promise<void>((resolve) => void there.logout.watch(op.session(), resolve))
    expect((await here.push(jwt)).status).toBe(202)
    await told
    expect(await there.isLoggedOut()).toBe(true)
    expect((await there.push(jwt)).status).toBe(202)
    expect([here.events.length, there.events.length]).toEqual([1, 0])
    expect(there.deliveries).toMatchObject([{ outcome: 'replayed' }])
  })

  test('SE-12: each of two instances gets 50 copies of a SET at once, carries out at most one, and answers 202 to all', async () => {
    const jwt = await signSet()
    const before = [here.events.length, there.events.length] as const
    const answers = await Promise.all(Array.from({ length: 50 }, (_, index) => instances[index % 2]!.push(jwt)))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]))
    const counts = [here.events.length - before[0], there.events.length - before[1]]
    expect(Math.max(...counts)).toBe(1)
    expect(await there.isLoggedOut()).toBe(true)
  })
})
