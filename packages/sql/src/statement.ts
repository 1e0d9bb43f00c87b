/** What drivers take for a parameter. */
export type SqlParameter = string | number | null

/** A statement, and what its placeholders stand for. */
export type Statement = readonly [text: string, ...params: SqlParameter[]]

/** An entry as it is written. A text that is too long for an index is stored under its hash. `full` is then the value. */
export interface Row {
  key: string
  value: string
  full: string | null
  /** NumericDate, whole seconds. */
  expiresAt: number
}

/**
 * How a database is spoken to. What is live is judged by `now`, the clock of this process, as core judges the age of
 * the session beside it; what may be deleted by the clock of the database: a process whose own is fast must not end
 * what others wrote.
 */
export interface Dialect {
  /** The name of a table, in quotes: what the statements are given. */
  name(table: string): string
  schema(table: string): string
  /** Puts a row, or extends the row that is there. Returns the stored row as `k` and `v`, unless there is `stored`. */
  add(table: string, row: Row): Statement
  /** Reads the row that `add` put, as `k` and `v`. Only for a database whose `add` cannot return the row. */
  stored?(table: string, row: Row): Statement
  /** Live rows of `keys`, as `k` and `v`. */
  values(table: string, keys: readonly string[], now: number): Statement
  remove(table: string, key: string, value: string): Statement
  /** Deletes a few expired rows, the oldest first: in that order only the index will find them. */
  sweep(table: string, limit: number): Statement
  /** A row, if any has expired. */
  anyExpired(table: string): Statement
  /** Tells whoever listens. Absent where the database cannot. */
  notify?(channel: string, payload: string): Statement
  /** Why the database may return or store other texts than it was given: sentences of an error message. */
  likelyCause: string
}

/** Why a table from a migration tool confuses texts. */
export const foreignTable =
  'the table was not made by schema(), and its columns change texts or treat different texts as equal.'

/** A table, or schema and table, in quotes. */
export const quote = (table: string, mark: string): string => mark + table.split('.').join(mark + '.' + mark) + mark

export const withoutSchema = (table: string): string => table.split('.').at(-1)!

/** A list with its last element repeated, up to a power of two: so few texts of statements are ever made. */
export function padded(list: readonly string[]): string[] {
  const length = 2 ** Math.ceil(Math.log2(list.length))
  return Array.from({ length }, (_, index) => list[Math.min(index, list.length - 1)]!)
}
