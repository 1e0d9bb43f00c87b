import { readOptions, type Rule } from '@bcl/core/kit'
import { mysql } from './mysql.js'
import { postgresql } from './postgresql.js'
import { sqlite } from './sqlite.js'
import type { Dialect } from './statement.js'

/** The databases that `SqlStore` supports. Use `mysql` for MariaDB, too. */
export type SqlDialect = 'postgresql' | 'sqlite' | 'mysql'

const dialects: Record<SqlDialect, Dialect> = { postgresql, sqlite, mysql }

export function dialectOf(name: SqlDialect): Dialect {
  if (!Object.hasOwn(dialects, name)) throw new TypeError('dialect must be "postgresql", "sqlite" or "mysql"')
  return dialects[name]
}

/** The rule for the name of a table. The name must be short, because it is part of the names of the index and the channel. */
export const tableRule: Rule = [
  (table: unknown) =>
    typeof table === 'string' && table.length <= 48 && /^(?:[A-Za-z_]\w*\.)?[A-Za-z_]\w*$/.test(table),
  'must be a name of letters, digits and "_", with or without a schema, of at most 48 characters',
  'bcl_logouts',
]

/**
 * Returns the statements that create the table and its index. Use them in a migration. If the table and the index
 * exist, the statements change nothing.
 *
 * @param options `table` is the name of the table, by default `bcl_logouts`. Use the same name for `SqlStore`.
 * @throws {TypeError} if the dialect is unknown, or an option is wrong or unknown.
 * @example
 * ```ts
 * import { schema } from '@bcl/sql'
 *
 * console.log(schema('postgresql', { table: 'auth.logouts' }))
 * ```
 */
export function schema(dialect: SqlDialect, options: { table?: string | undefined } = {}): string {
  const { table } = readOptions(options, { table: tableRule }) as { table: string }
  return dialectOf(dialect).schema(table)
}
