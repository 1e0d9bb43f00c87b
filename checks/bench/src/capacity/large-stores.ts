import type { LogoutStore } from '@bcl/core'
import { RedisStore } from '@bcl/redis'
import { schema, SqlStore } from '@bcl/sql'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { Pool } from 'pg'
import { createClient, createCluster } from 'redis'
import { startOwn } from '../../../../packages/sql/test/support/own-servers.ts'
import { startRedis, type RedisServer } from '../../../../packages/redis/test/support/redis-server.ts'
import { uuid, type Template } from './sessions.ts'

/** A store with its own servers. It can load millions of markers at once. */
export interface LargeStore {
  store: LogoutStore
  /** Adds the markers of `count` sessions, in the format of the library. The first session has the number `first`. */
  load(template: Template, first: number, count: number, expiresAt: number): Promise<void>
  /** Bytes in memory, or on the disk for a database. */
  bytes(): Promise<number>
  /** The number of stored markers, including expired markers. */
  size(): Promise<number>
  /** Deletes expired entries. Redis deletes them by itself. */
  prune?(): Promise<unknown>
  close(): Promise<void>
}

const slots = 16_384

/** The slot of a key in a Redis Cluster: CRC-16 (XMODEM). */
function slotOf(key: string): number {
  let crc = 0
  for (const byte of Buffer.from(key)) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit += 1) crc = ((crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xffff
  }
  return crc % slots
}

const command = (...words: string[]): string =>
  `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`

/** Writes commands to Redis without waiting for each answer, unlike the library. */
async function pipe(socket: Socket, text: string, answers: number): Promise<void> {
  let left = answers
  const answered = new Promise<void>((resolve, reject) => {
    socket.on('data', (bytes: Buffer) => {
      if (bytes.includes('-')) return reject(new Error(bytes.toString()))
      for (const byte of bytes) if (byte === 10) left -= 1
      if (left === 0) resolve()
    })
  })
  socket.write(text)
  await answered
  socket.removeAllListeners('data')
}

async function largeRedis(nodes: readonly RedisServer[], store: LogoutStore, end: () => unknown): Promise<LargeStore> {
  const sockets = nodes.map(({ port }) => connect(port, '127.0.0.1'))
  await Promise.all(sockets.map((socket) => once(socket, 'connect')))
  const clients = await Promise.all(nodes.map(({ url }) => createClient({ url }).connect()))
  const sum = async (read: (client: (typeof clients)[number]) => Promise<number>): Promise<number> =>
    (await Promise.all(clients.map(read))).reduce((total, each) => total + each, 0)
  return {
    store,
    async load({ keys, value }, first, count, expiresAt) {
      const batch = 5000
      for (let start = first; start < first + count; start += batch) {
        const texts = nodes.map(() => ({ text: '', answers: 0 }))
        for (let index = start; index < Math.min(start + batch, first + count); index += 1) {
          for (const { before, name, after } of keys) {
            const key = `bcl:${before}${uuid(name, index)}${after}`
            const node = nodes.length === 1 ? 0 : Math.floor((slotOf(key) * nodes.length) / slots)
            texts[node]!.text +=
              command('ZADD', key, String(expiresAt), value) + command('EXPIREAT', key, String(expiresAt))
            texts[node]!.answers += 2
          }
        }
        await Promise.all(sockets.map((socket, node) => pipe(socket, texts[node]!.text, texts[node]!.answers)))
      }
    },
    bytes: () => sum(async (client) => Number(/used_memory:(\d+)/.exec(await client.info('memory'))![1])),
    size: () => sum((client) => client.dbSize()),
    async close() {
      for (const socket of sockets) socket.destroy()
      for (const client of clients) client.destroy()
      await end()
      await Promise.all(nodes.map((node) => node.close()))
    },
  }
}

async function redis(): Promise<LargeStore> {
  const node = await startRedis()
  const client = await createClient({ url: node.url }).connect()
  return largeRedis([node], new RedisStore(client), () => client.close())
}

async function cluster(): Promise<LargeStore> {
  const nodes = await Promise.all([0, 1, 2].map(() => startRedis('--cluster-enabled', 'yes')))
  const clients = await Promise.all(nodes.map(({ url }) => createClient({ url }).connect()))
  const firstSlots = nodes.map((_, index) => Math.ceil((index * slots) / nodes.length))
  for (const [index, client] of clients.entries()) {
    const last = (firstSlots[index + 1] ?? slots) - 1
    await client.sendCommand(['CLUSTER', 'ADDSLOTSRANGE', String(firstSlots[index]), String(last)])
    await clients[0]!.sendCommand(['CLUSTER', 'MEET', '127.0.0.1', String(nodes[index]!.port)])
  }
  for (const client of clients) {
    const isReady = async (): Promise<boolean> =>
      /cluster_state:ok[^]*known_nodes:3/.test(String(await client.sendCommand(['CLUSTER', 'INFO'])))
    while (!(await isReady())) await new Promise((resolve) => setTimeout(resolve, 50))
    await client.close()
  }
  const client = createCluster({ rootNodes: nodes.map(({ url }) => ({ url })) })
  await client.connect()
  return largeRedis(nodes, new RedisStore(client), () => client.close())
}

async function postgresql(): Promise<LargeStore> {
  const server = await startOwn('postgres')
  const pool = new Pool({ connectionString: server.url, max: 16 })
  pool.on('error', () => {})
  await pool.query("ALTER SYSTEM SET shared_buffers = '2GB'")
  await pool.query("ALTER SYSTEM SET max_wal_size = '8GB'")
  await server.kill()
  await server.start()
  await pool.query(schema('postgresql'))
  const number = async (query: string): Promise<number> => Number((await pool.query<{ n: string }>(query)).rows[0]!.n)
  const sql = new SqlStore({
    dialect: 'postgresql',
    query: async (text, values) => (await pool.query(text, values)).rows,
  })
  return {
    store: sql,
    async load({ keys, value }, first, count, expiresAt) {
      const isFirst = first === 0
      // Builds the index at the end, because extending it with each row takes longer.
      if (isFirst) {
        await pool.query('ALTER TABLE bcl_logouts DROP CONSTRAINT bcl_logouts_pkey; DROP INDEX bcl_logouts_expires_at')
      }
      for (const { before, name, after } of keys) {
        await pool.query(
          `INSERT INTO bcl_logouts (entry_key, entry_value, expires_at)
SELECT $1::text || md5($2::text || i)::uuid || $3::text, $4, $5 FROM generate_series($6::int, $7::int) AS i`,
          [before, name, after, value, expiresAt, first, first + count - 1],
        )
      }
      if (isFirst) {
        await pool.query('ALTER TABLE bcl_logouts ADD PRIMARY KEY (entry_key, entry_value)')
        await pool.query('CREATE INDEX bcl_logouts_expires_at ON bcl_logouts (expires_at)')
      }
      await pool.query('VACUUM ANALYZE bcl_logouts')
    },
    bytes: () => number("SELECT pg_total_relation_size('bcl_logouts') AS n"),
    size: () => number('SELECT count(*) AS n FROM bcl_logouts'),
    prune: () => sql.prune(),
    async close() {
      await pool.end()
      await server.close()
    },
  }
}

export const largeStores: Readonly<Record<string, () => Promise<LargeStore>>> = { redis, cluster, postgresql }
