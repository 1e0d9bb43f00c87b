import { mysql } from './mysql.js'
import { postgresql } from './postgresql.js'
import { sqlite } from './sqlite.js'
import type { Dialect } from './statement.js'

/** The databases that are spoken to; `mysql` is MariaDB's too. */
export type SqlDialect = 'postgresql' | 'sqlite' | 'mysql'

const dialects: Record<SqlDialect, Dialect> = { postgresql, sqlite, mysql }

export function dialectOf(name: SqlDialect): Dialect {
  if (!Object.hasOwn(dialects, name)) throw new TypeError('dialect must be "postgresql", "sqlite" or "mysql"')
  return dialects[name]
}

/** Letters, digits and `_`, with a schema or without; short, since an index and a channel are named after it. */
export function checkTable(table: unknown): string {
  if (typeof table === 'string' && table.length <= 48 && /^(?:[A-Za-z_]\w*\.)?[A-Za-z_]\w*$/.test(table)) return table
  throw new TypeError(
    'table must be a name of letters, digits and "_", with a schema or without, of 48 characters at most',
  )
}

/**
 * The statements that make the table and its index, for a migration. They do nothing where these exist.
 *
 * @param options `table` is the name of the table, by default `bcl_logouts`; `SqlStore` must be told the same.
 * @throws {TypeError} when the dialect is unknown, or `table` is no plain name.
 * @example
 * ```ts
 * import { schema } from '@bcl/sql'
 *
 * console.log(schema('postgresql', { table: 'auth.logouts' }))
 * ```
 */
export function schema(dialect: SqlDialect, options: { table?: string | undefined } = {}): string {
  const { table = 'bcl_logouts' } = options
  return dialectOf(dialect).schema(checkTable(table))
}
