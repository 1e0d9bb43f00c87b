/** The values that drivers accept as parameters. */
export type SqlParameter = string | number | null

/** A statement, and the values of its placeholders. */
export type Statement = readonly [text: string, ...params: SqlParameter[]]

/** A row to write. If a text does not fit into an index column, `value` is its hash and `fullValue` is the text. */
export interface Row {
  key: string
  value: string
  fullValue: string | null
  /** NumericDate, whole seconds. */
  expiresAt: number
}

/**
 * The statements of one database.
 *
 * Reads use `now`, the time of the system clock. By default, `@bcl/core` uses the same clock for the age of sessions. Deletes
 * use the clock of the database, because a process whose clock is ahead must not delete the rows of other processes.
 */
export interface Dialect {
  /** The quoted name of a table. The statements get this name. */
  name(table: string): string
  schema(table: string): string
  /**
   * Inserts a row. If the row exists, extends its expiry. Returns the stored row as `k` and `v`, unless the dialect has
   * `readRow`.
   */
  add(table: string, row: Row): Statement
  /** Reads the row that `add` wrote, as `k` and `v`. Only for a database whose `add` cannot return the row. */
  readRow?(table: string, row: Row): Statement
  /** Reads the live rows of `keys`, as `k` and `v`. */
  values(table: string, keys: readonly string[], now: number): Statement
  remove(table: string, key: string, value: string): Statement
  /** Deletes at most `limit` expired rows, the oldest first. This order lets the database use the index. */
  sweep(table: string, limit: number): Statement
  /** Counts the expired rows, as `n`. */
  countExpired(table: string): Statement
  /** Sends a notification. Only for a database with notifications. */
  notify?(channel: string, payload: string): Statement
  /**
   * The likely cause if the database stores or returns other texts than it got. This text is part of an error message.
   */
  likelyCause: string
}

/** The likely cause if a migration tool created the table. */
export const wrongTable =
  'the table was not made by schema(), and its columns change texts or treat different texts as equal.'

/** Returns the quoted name of a table. The name can contain the name of a schema. */
export const quote = (table: string, mark: string): string => mark + table.split('.').join(mark + '.' + mark) + mark

export const withoutSchema = (table: string): string => table.split('.').at(-1)!

/**
 * Repeats the last element until the length is a power of two. So lists of many lengths need only a few different
 * statement texts.
 */
export function padToPowerOfTwo(list: readonly string[]): string[] {
  const length = 2 ** Math.ceil(Math.log2(list.length))
  return Array.from({ length }, (_, index) => list[Math.min(index, list.length - 1)]!)
}
