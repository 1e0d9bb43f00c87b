import type { LogoutStore } from '@bcl/core'
import { pgListen, schema, SqlStore } from '@bcl/sql'
import type { D1Database } from '@cloudflare/workers-types'
import type Database from 'better-sqlite3'
import { Client } from 'pg'

declare const sqlite: Database.Database
declare const d1: D1Database

// Rows as they are, or as `rows`; at once, or later.
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

// @ts-expect-error -- no such dialect
export const dialect = new SqlStore({ dialect: 'oracle', query: () => [] })
// @ts-expect-error -- no query
export const query = new SqlStore({ dialect: 'sqlite' })
// @ts-expect-error -- what mysql2 gives in its first place is what is wanted, and what node:sqlite's `run` gives is not
export const rows = new SqlStore({ dialect: 'sqlite', query: () => ({ changes: 1 }) })
