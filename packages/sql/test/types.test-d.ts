import type { LogoutStore } from '@bcl/core'
import { pgListen, schema, SqlStore } from '@bcl/sql'
import type { D1Database } from '@cloudflare/workers-types'
import type Database from 'better-sqlite3'
import { Client } from 'pg'

declare const sqlite: Database.Database
declare const d1: D1Database

// A query returns an array or an object with `rows`, as a value or a promise.
export const stores: LogoutStore[] = [
  new SqlStore({ dialect: 'postgresql', query: async () => ({ rows: [] }) }),
  new SqlStore({ dialect: 'mysql', query: async () => [], table: 'auth.logouts' }),
  new SqlStore({ dialect: 'sqlite', query: () => [] }),
  new SqlStore({
    dialect: 'sqlite',
    query: (text, params) => {
      const statement = sqlite.prepare(text)
      if (statement.reader) return statement.all(...params)
      statement.run(...params)
      return []
    },
  }),
  new SqlStore({
    dialect: 'sqlite',
    query: async (text, params) => {
      const { results } = await d1
        .prepare(text)
        .bind(...params)
        .all()
      return results
    },
  }),
  new SqlStore({ dialect: 'postgresql', query: () => [], listen: pgListen(() => new Client()) }),
]

export const ddl: string = schema('mysql', { table: 'logouts' })

// @ts-expect-error -- the dialect is unknown
export const dialect = new SqlStore({ dialect: 'oracle', query: () => [] })
// @ts-expect-error -- the option query is missing
export const query = new SqlStore({ dialect: 'sqlite' })
// @ts-expect-error -- the result of `run` of node:sqlite has no rows
export const rows = new SqlStore({ dialect: 'sqlite', query: () => ({ changes: 1 }) })
