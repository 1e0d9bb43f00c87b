import { createBackchannelLogout } from '@bcl/core'
import { RedisStore } from '@bcl/redis'
import { createTestIssuer } from '@bcl/testing'
import { eventually } from '@bcl-checks/test-support/eventually'
import { Redis as Ioredis } from 'ioredis'
import { createClient } from 'redis'
import { expect, test } from 'vitest'
import { sentinelClients, type Connected } from './support/clients.js'
import { startRedis, startSentinel, type RedisServer } from './support/redis-server.js'
import { describeOwnRedis } from './support/services.js'

const connectTo = (url: string) =>
  createClient({ url })
    .on('error', () => {})
    .connect()

/** Starts a primary, its replica, and a Sentinel that chooses the replica after one second without an answer. */
async function startServers() {
  const primary = await startRedis()
  const replica = await startRedis('--replicaof', `127.0.0.1 ${primary.port}`)
  const onReplica = await connectTo(replica.url)
  await eventually('the replica is in sync', async () =>
    (await onReplica.info('replication')).includes('master_link_status:up'),
  )
  onReplica.destroy()
  const sentinel = await startSentinel(primary, 1000)
  const onSentinel = await connectTo(`redis://127.0.0.1:${sentinel.port}`)
  await eventually('the Sentinel knows the replica', async () => {
    const replicas = await onSentinel.sendCommand(['SENTINEL', 'REPLICAS', 'main'])
    return (replicas as unknown as unknown[]).length === 1
  })
  const close = async (): Promise<void> => {
    onSentinel.destroy()
    await Promise.all([sentinel, replica, primary].map((server) => server.close()))
  }
  const switched = new Promise<void>((resolve) => void onSentinel.subscribe('+switch-master', () => resolve()))
  return { primary, replica, sentinel, switched, close }
}

const clients: Record<string, (port: number) => Promise<Connected>> = {
  'node-redis': sentinelClients['node-redis']!,
  'ioredis with socketTimeout and failoverDetector': async (port) => {
    const sentinels = [{ host: '127.0.0.1', port }]
    const client = new Ioredis({ name: 'main', sentinels, socketTimeout: 1000, failoverDetector: true })
    client.on('error', () => {})
    return { client, close: () => client.disconnect() }
  },
}

const cases = Object.keys(clients).flatMap((client) => [true, false].map((isBusy) => [client, isBusy] as const))

describeOwnRedis('a primary that hangs, and comes back after Sentinel has chosen another', () => {
  test.concurrent.for(cases)(
    '%s: no accepted logout is lost (logouts arrive during the failover: %s)',
    { timeout: 60_000 },
    async ([name, isBusy], { onTestFinished }) => {
      const { primary, replica, sentinel, switched, close } = await startServers()
      onTestFinished(close)
      const { client, close: disconnect } = await clients[name]!(sentinel.port)
      onTestFinished(() => void disconnect())
      const op = await createTestIssuer()
      const trust = { issuers: [op.trusted], sessionMaxAge: 3600, onError() {} }
      const here = createBackchannelLogout({ ...trust, store: new RedisStore(client) })
      onTestFinished(() => here.close())
      const iat = op.now() // all sessions begin before the logouts
      const accepted: string[] = []
      const post = async (): Promise<void> => {
        const sid = crypto.randomUUID()
        await here.receive(await op.logoutToken({ sid })).then(
          () => accepted.push(sid),
          () => {},
        )
      }
      await post()
      await waitForReplica(primary)

      primary.freeze()
      let isOver = false
      const over = switched.then(() => (isOver = true))
      if (isBusy) while (!isOver) await post()
      await over
      primary.thaw()
      const before = accepted.length
      while (accepted.length < before + 20) await post()

      const reader = await connectTo(replica.url)
      onTestFinished(() => reader.destroy())
      const elsewhere = createBackchannelLogout({ ...trust, store: new RedisStore(reader) })
      const out = await Promise.all(accepted.map((sid) => elsewhere.isLoggedOut(op.session({ sid, iat }))))
      expect(out.filter((isOut) => !isOut)).toEqual([])
    },
  )
})

/** Waits until the replica has all writes of the primary. */
async function waitForReplica(primary: RedisServer): Promise<void> {
  const client = await connectTo(primary.url)
  await client.set('last', 'write')
  await client.wait(1, 0)
  client.destroy()
}
