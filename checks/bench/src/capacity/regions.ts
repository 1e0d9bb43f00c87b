// Measures how long a second region still accepts a session after its logout: `pnpm check regions`. It starts a Redis
// in region A (the primary) and a replica in region B. A message between the regions takes 40 ms, and the replica is 2 s
// behind. The provider posts each logout to region A. An instance in region B checks the session all the time.
import { createBackchannelLogout, type BackchannelLogout, type LogoutStore } from '@bcl/core'
import { RedisStore } from '@bcl/redis'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { createClient } from 'redis'
import { startRedis } from '../../../../packages/redis/test/support/redis-server.ts'
import { median } from '../measure/measure.ts'
import { createCheapIssuer } from '../measure/tokens.ts'

const distance = 40
const lag = 2000
const runs = 5

/** Starts a proxy that delays all bytes by some milliseconds. */
async function startDelay(port: number, delay: number): Promise<{ port: number; close(): void }> {
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1')
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      from.on('data', (bytes) => setTimeout(() => to.write(bytes), delay))
      from.on('error', () => {})
      from.on('close', () => to.destroy())
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

const issuer = await createCheapIssuer()
const { issuer: iss, clientId } = issuer.op

const createInstance = (store: LogoutStore, recheckAfter = 0): BackchannelLogout =>
  createBackchannelLogout({
    issuers: [{ issuer: iss, clientId, algorithms: ['HS256'], clientSecret: issuer.clientSecret }],
    sessionMaxAge: 3600,
    recheckAfter,
    store,
  })

const primary = await startRedis('--repl-diskless-sync-delay', '0')
const own = await startRedis()
const far = await startDelay(primary.port, distance)
const lagging = await startDelay(primary.port, lag)
const replica = await startRedis('--replicaof', '127.0.0.1', String(lagging.port))

const storeAt = async (port: number): Promise<RedisStore> =>
  new RedisStore(
    await createClient({ url: `redis://127.0.0.1:${port}` })
      .on('error', () => {})
      .connect(),
  )

/** Waits until the replica has copied the data of the primary and receives its changes. */
async function follows(): Promise<void> {
  const client = await createClient({ url: replica.url }).connect()
  while (!(await client.info('replication')).includes('master_link_status:up')) {
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  await client.close()
}

/** A store without broadcasts. */
const withoutSubscription = ({ add, values, remove }: LogoutStore, store: LogoutStore): LogoutStore => ({
  add: add.bind(store),
  values: values.bind(store),
  remove: remove.bind(store),
})

/** The instance of region B, and the function with which region A receives a logout. */
interface Layout {
  name: string
  b: BackchannelLogout
  receive(token: string): Promise<unknown>
}

async function layouts(): Promise<Layout[]> {
  const a = createInstance(await storeAt(primary.port))
  const farStore = await storeAt(far.port)
  const home = createInstance(await storeAt(own.port))
  const receive = (token: string): Promise<unknown> => a.receive(token)
  return [
    { name: 'region B reads a replica', b: createInstance(await storeAt(replica.port)), receive },
    { name: 'region B reads the primary in region A', b: createInstance(farStore), receive },
    {
      name: 'region B reads the primary, with `recheckAfter: 5`',
      b: createInstance(await storeAt(far.port), 5),
      receive,
    },
    {
      name: 'region B reads the primary, with `recheckAfter: 5`, and the broadcast is lost',
      b: createInstance(withoutSubscription(farStore, farStore), 5),
      receive,
    },
    {
      name: 'each region has its own store, and region A passes each Logout Token on to region B',
      b: home,
      receive: (token) =>
        Promise.all([
          a.receive(token),
          new Promise((resolve) => setTimeout(resolve, distance)).then(() => home.receive(token)),
        ]),
    },
  ]
}

/**
 * Measures how long B accepts a session after the answer to its logout, and how long each check before this answer
 * takes. Both times are in milliseconds.
 */
async function measure({ b, receive }: Layout): Promise<{ late: number; checks: number[] }> {
  const iat = Math.floor(Date.now() / 1000)
  const claims = { iss, sub: randomUUID(), sid: randomUUID(), iat }
  const token = await issuer.token({ sub: claims.sub, sid: claims.sid, iat, exp: iat + 120 })
  const checks: number[] = []
  let answeredAt = Infinity
  let acceptedAt = -Infinity
  const page = async (): Promise<void> => {
    for (;;) {
      const askedAt = performance.now()
      const isLoggedOut = await b.isLoggedOut(claims)
      if (answeredAt === Infinity) checks.push(performance.now() - askedAt)
      if (isLoggedOut) return
      // Ignores checks that began before the answer.
      if (askedAt > answeredAt) acceptedAt = performance.now()
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
  const pages = page()
  await new Promise((resolve) => setTimeout(resolve, 500))
  await receive(token)
  answeredAt = performance.now()
  await pages
  return { late: Math.max(0, acceptedAt - answeredAt), checks }
}

await follows()
console.log(`| layout | region B still accepts the session for | a check takes |\n| --- | --- | --- |`)
for (const layout of await layouts()) {
  const results = []
  for (let run = 0; run < runs; run += 1) results.push(await measure(layout))
  const late = Math.max(...results.map((result) => result.late))
  const check = median(results.flatMap(({ checks }) => checks))
  console.log(`| ${layout.name} | ${late.toFixed(0)} ms | ${check.toFixed(1)} ms |`)
}
far.close()
lagging.close()
await Promise.all([primary, own, replica].map((server) => server.close()))
process.exit()
