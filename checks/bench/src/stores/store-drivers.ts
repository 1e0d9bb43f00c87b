// The stores and their drivers. They use REDIS_URL, DATABASE_URL and MYSQL_URL. The defaults are servers on this machine.
import type { LogoutStore } from '@bcl/core'
import { RedisStore } from '@bcl/redis'
import { schema, SqlStore, type SqlDialect, type SqlParameter, type SqlQuery } from '@bcl/sql'
import { Redis } from 'ioredis'
import { createPool as createMariadbPool } from 'mariadb'
import mysql from 'mysql2/promise'
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Pool } from 'pg'
import postgres from 'postgres'
import { createClient, createClientPool } from 'redis'

const redisUrl = process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379'
const postgresUrl = process.env['DATABASE_URL'] ?? 'postgres://postgres@127.0.0.1:5432/test'
const mysqlUrl = process.env['MYSQL_URL'] ?? 'mysql://root@127.0.0.1:3306/test'

/** A store, and a function that runs the driver's bare command for the same keys. */
export interface Connected {
  store: LogoutStore
  bare(keys: readonly string[]): unknown
  close(): Promise<unknown>
}

const prefix = `bcl-bench-${randomUUID()}:`

/** Removes all keys of this run from Redis. Opens a separate connection for this, and closes it. */
async function clear(): Promise<void> {
  const redis = await createClient({ url: redisUrl }).connect()
  for await (const keys of redis.scanIterator({ MATCH: `${prefix}*`, COUNT: 1000 })) {
    if (keys.length > 0) await redis.del(keys)
  }
  redis.destroy()
}

const name = (key: string): string => prefix + key

/** Creates a table, and returns the functions that read and remove the table. */
async function onTable(dialect: SqlDialect, query: SqlQuery) {
  const table = `bcl_bench_${randomUUID().slice(0, 8)}`
  for (const statement of schema(dialect, { table }).split(';\n').filter(Boolean)) await query(statement, [])
  const text = (keys: readonly string[]): string => {
    const place = (index: number): string => (dialect === 'postgresql' ? `$${index + 1}` : '?')
    const places = keys.map((_, index) => place(index)).join(', ')
    return `SELECT entry_key AS k, entry_value AS v FROM ${table} WHERE entry_key IN (${places}) AND expires_at > ${place(keys.length)}`
  }
  return {
    table,
    store: new SqlStore({ dialect, query, table }),
    bare: (run: SqlQuery) => (keys: readonly string[]) => run(text(keys), [...keys, Math.floor(Date.now() / 1000)]),
    drop: () => query(`DROP TABLE ${table}`, []),
  }
}

/** The drivers, connected as the READMEs show. */
export const drivers: Record<string, () => Promise<Connected>> = {
  async 'node-redis'() {
    const client = await createClient({ url: redisUrl }).connect()
    return {
      store: new RedisStore(client, { prefix }),
      bare: (keys) => Promise.all(keys.map((key) => client.zRangeWithScores(name(key), 0, -1))),
      close: async () => (client.destroy(), clear()),
    }
  },
  async 'node-redis, a pool'() {
    const client = createClientPool({ url: redisUrl })
    await client.connect()
    return {
      store: new RedisStore(client, { prefix }),
      bare(keys) {
        const pipeline = client.multi()
        for (const key of keys) pipeline.zRangeWithScores(name(key), 0, -1)
        return pipeline.execAsPipeline()
      },
      close: async () => (client.destroy(), clear()),
    }
  },
  async 'node-redis, from its cache'() {
    const client = await createClient({ url: redisUrl, RESP: 3, clientSideCache: { ttl: 600_000 } }).connect()
    return {
      store: new RedisStore(client, { prefix }),
      bare: (keys) => Promise.all(keys.map((key) => client.zRangeWithScores(name(key), 0, -1))),
      close: async () => (client.destroy(), clear()),
    }
  },
  async ioredis() {
    const client = new Redis(redisUrl)
    return {
      store: new RedisStore(client, { prefix }),
      bare: (keys) => Promise.all(keys.map((key) => client.zrange(name(key), '0', '-1', 'WITHSCORES'))),
      close: async () => (client.disconnect(), clear()),
    }
  },
  async pg() {
    const pool = new Pool({ connectionString: postgresUrl, query_timeout: 2000 })
    const query = (text: string, params: SqlParameter[]) => pool.query(text, params)
    const { store, bare, drop } = await onTable('postgresql', query)
    return { store, bare: bare(query), close: async () => (await drop(), pool.end()) }
  },
  async 'postgres.js'() {
    const sql = postgres(postgresUrl, { onnotice: () => {} })
    const query: SqlQuery = (text, params) => sql.unsafe(text, params)
    const { store, bare, drop } = await onTable('postgresql', query)
    return { store, bare: bare(query), close: async () => (await drop(), sql.end()) }
  },
  async mysql2() {
    const pool = mysql.createPool({ uri: mysqlUrl, connectTimeout: 1000 })
    const { store, bare, drop } = await onTable('mysql', async (text, params) => {
      const connection = await pool.getConnection()
      const timer = setTimeout(() => connection.destroy(), 2000)
      try {
        return (await connection.execute<mysql.RowDataPacket[]>(text, params))[0]
      } finally {
        clearTimeout(timer)
        connection.release()
      }
    })
    const run: SqlQuery = async (text, params) => (await pool.execute<mysql.RowDataPacket[]>(text, params))[0]
    return { store, bare: bare(run), close: async () => (await drop(), pool.end()) }
  },
  async mariadb() {
    const pool = createMariadbPool(`${mysqlUrl.replace(/^mysql:/, 'mariadb:')}?connectTimeout=1000&acquireTimeout=1000`)
    const { store, bare, drop } = await onTable('mysql', async (text, params) => {
      const connection = await pool.getConnection()
      const timer = setTimeout(() => connection.destroy(), 2000)
      try {
        return (await connection.query(text, params)) as object[]
      } finally {
        clearTimeout(timer)
        await connection.release()
      }
    })
    const run: SqlQuery = (text, params): Promise<object[]> => pool.query(text, params)
    return { store, bare: bare(run), close: async () => (await drop(), pool.end()) }
  },
  async 'node:sqlite'() {
    const db = new DatabaseSync(':memory:')
    const query: SqlQuery = (text, params) => db.prepare(text).all(...params)
    const { store, bare } = await onTable('sqlite', query)
    return { store, bare: bare(query), close: async () => db.close() }
  },
}

/** A store whose size can be measured. */
export interface Weighable {
  store: LogoutStore
  /** Returns the size of the stored data. */
  bytes(): Promise<number>
  close(): Promise<unknown>
}

export const weighables: Record<string, () => Promise<Weighable>> = {
  // Starts its own server. In a shared server, the data of other clients would be measured too.
  async Redis() {
    const folder = mkdtempSync(join(tmpdir(), 'bcl-bench-'))
    const path = join(folder, 'redis')
    const server = spawn('redis-server', ['--port', '0', '--unixsocket', path, '--save', ''], { stdio: 'ignore' })
    await once(server, 'spawn')
    const redis = await createClient({ socket: { path, tls: false } })
      // Ignores errors, because the server may not have started yet.
      .on('error', () => {})
      .connect()
    const used = async (): Promise<number> => Number(/used_memory:(\d+)/.exec(await redis.info('memory'))![1])
    const store = new RedisStore(redis)
    // Adds one entry before the measurement, because the first add also stores the script in Redis.
    await store.add('first', 'v', Date.now() / 1000)
    const empty = await used()
    return {
      store,
      bytes: async () => (await used()) - empty,
      async close() {
        redis.destroy()
        server.kill()
        await once(server, 'exit')
        rmSync(folder, { recursive: true })
      },
    }
  },
  async PostgreSQL() {
    const pool = new Pool({ connectionString: postgresUrl })
    const { store, table, drop } = await onTable('postgresql', (text, params) => pool.query(text, params))
    return {
      store,
      bytes: async () => Number((await pool.query(`SELECT pg_total_relation_size('${table}') AS n`)).rows[0].n),
      close: async () => (await drop(), pool.end()),
    }
  },
  async 'MySQL or MariaDB'() {
    const pool = mysql.createPool(mysqlUrl)
    const query: SqlQuery = async (text, params) => (await pool.query<mysql.RowDataPacket[]>(text, params))[0]
    const { store, table, drop } = await onTable('mysql', query)
    return {
      store,
      async bytes() {
        await query(`ANALYZE TABLE ${table}`, [])
        const rows = await query(
          'SELECT data_length + index_length AS n FROM information_schema.tables WHERE table_name = ?',
          [table],
        )
        return Number((rows as { n: unknown }[])[0]!.n)
      },
      close: async () => (await drop(), pool.end()),
    }
  },
  async SQLite() {
    const db = new DatabaseSync(':memory:')
    const { store } = await onTable('sqlite', (text, params) => db.prepare(text).all(...params))
    const read = (pragma: string): number => Number(Object.values(db.prepare(`PRAGMA ${pragma}`).get()!)[0])
    return {
      store,
      bytes: async () => read('page_count') * read('page_size'),
      close: async () => db.close(),
    }
  },
}
