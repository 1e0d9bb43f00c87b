import { DatabaseSync } from 'node:sqlite'
import { pgListen, type SqlDialect, type SqlListen, type SqlParameter, type SqlQuery } from '@bcl/sql'
import { drizzle } from 'drizzle-orm/node-postgres'
import { CompiledQuery, Kysely, PostgresDialect } from 'kysely'
import { createPool } from 'mariadb'
import mysql from 'mysql2/promise'
import { Client, Pool } from 'pg'
import postgres from 'postgres'
import { mysqlUrl, postgresUrl } from './services.js'

/** A database with the driver of an application. */
export interface Database {
  dialect: SqlDialect
  query: SqlQuery
  listen?: SqlListen
  /** Runs the statements of a migration. */
  migrate(statements: string): unknown
  close(): unknown
}

/** The options of a store. */
export const optionsOf = ({ dialect, query, listen }: Database) => ({ dialect, query, listen })

interface Connectable {
  service?: 'postgres' | 'mysql'
  connect(): Promise<Database>
}

const onPg = (query: (pool: Pool) => SqlQuery): Connectable => ({
  service: 'postgres',
  async connect() {
    const pool = new Pool({ connectionString: postgresUrl })
    // Some tests cut the connections of the pool. Without a listener, the error would end the process.
    pool.on('error', () => {})
    return {
      dialect: 'postgresql',
      query: query(pool),
      listen: pgListen(() => new Client({ connectionString: postgresUrl })),
      migrate: (statements) => pool.query(statements),
      close: () => pool.end(),
    }
  },
})

const onSqlite = (query: (db: DatabaseSync) => SqlQuery): Connectable => ({
  async connect() {
    const db = new DatabaseSync(':memory:')
    return {
      dialect: 'sqlite',
      query: query(db),
      migrate: (statements) => db.exec(statements),
      close: () => db.close(),
    }
  },
})

const onMysql2 = (isPrepared: boolean): Connectable => ({
  service: 'mysql',
  async connect() {
    const pool = mysql.createPool(mysqlUrl)
    return {
      dialect: 'mysql',
      query: async (text, params) =>
        (await (isPrepared ? pool.execute(text, params) : pool.query(text, params)))[0] as object[],
      migrate: (statements) => pool.query(statements),
      close: () => pool.end(),
    }
  },
})

/** The interface of D1 on Workers. */
const d1 = (db: DatabaseSync) => ({
  prepare: (text: string) => ({
    bind: (...params: SqlParameter[]) => ({
      all: async () => ({ success: true, results: db.prepare(text).all(...params) }),
    }),
  }),
})

/** The drivers of the README. PGlite has its own test file, because it is slow and blocks the process. */
export const databases: Record<string, Connectable> = {
  pg: onPg((pool) => (text, params) => pool.query(text, params)),
  'Kysely on pg': onPg((pool) => {
    const db = new Kysely<object>({ dialect: new PostgresDialect({ pool }) })
    return (text, params) => db.executeQuery(CompiledQuery.raw(text, params))
  }),
  'Drizzle on pg': onPg((pool) => {
    const db = drizzle(pool)
    return (text, params) => db.$client.query(text, params)
  }),
  'postgres.js': {
    service: 'postgres',
    async connect() {
      const sql = postgres(postgresUrl, { fetch_types: false, onnotice: () => {} })
      return {
        dialect: 'postgresql',
        query: (text, params) => sql.unsafe(text, params),
        listen: async (channel, listener) => (await sql.listen(channel, listener)).unlisten,
        migrate: (statements) => sql.unsafe(statements),
        close: () => sql.end(),
      }
    },
  },
  'node:sqlite': onSqlite((db) => (text, params) => db.prepare(text).all(...params)),
  'the interface of D1': onSqlite(
    (db) => async (text, params) =>
      (
        await d1(db)
          .prepare(text)
          .bind(...params)
          .all()
      ).results,
  ),
  'mysql2, prepared': onMysql2(true),
  'mysql2, not prepared': onMysql2(false),
  mariadb: {
    service: 'mysql',
    async connect() {
      const pool = createPool(mysqlUrl.replace(/^mysql:/, 'mariadb:'))
      return {
        dialect: 'mysql',
        query: (text, params) => pool.query(text, params) as Promise<object[]>,
        migrate: (statements) => pool.query(statements),
        close: () => pool.end(),
      }
    },
  },
}
