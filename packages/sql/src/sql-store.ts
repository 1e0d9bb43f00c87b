import type { LogoutStore } from '@bcl/core'
import { identify, identifyAll, sha256 } from './identify.js'
import { checkTable, dialectOf, type SqlDialect } from './schema.js'
import type { Dialect, Row, SqlParameter, Statement } from './statement.js'

/** Rows, as objects by column: as they are, or the `rows` of what a driver answers. */
export type SqlResult = readonly unknown[] | { readonly rows: readonly unknown[] }

/** Runs a statement and returns its rows. An `INSERT … RETURNING` has rows, too. */
export type SqlQuery = (text: string, params: SqlParameter[]) => SqlResult | PromiseLike<SqlResult>

/** Hears what is notified on a channel, on a connection that it keeps and restores; what it resolves to ends that. */
export type SqlListen = (channel: string, listener: (payload: string) => void) => Promise<() => unknown>

/** Options of {@link SqlStore}. */
export interface SqlStoreOptions {
  /** Which database; `mysql` is MariaDB's too. */
  dialect: SqlDialect
  /** Runs a statement, by the application's own driver, on the primary: a replica is late. */
  query: SqlQuery
  /** The table that `schema` makes. @default 'bcl_logouts' */
  table?: string | undefined
  /** PostgreSQL only: how to `LISTEN`, for live sign-out at once. Without it, `watch` relies on its poll. */
  listen?: SqlListen | undefined
}

/** Each so many adds, so many expired rows are deleted at most: twice what comes in goes, and no call does much. */
const sweepEvery = 8
const sweepLimit = 100

/** Rows that `prune` deletes at once: on MySQL, adds wait for what is locked. */
const pruneLimit = 1000

/** Bytes that PostgreSQL carries in a notification, with room for the mark; and seconds that a longer message is kept. */
const longestPayload = 7900
const messageTime = 60

/**
 * Remembers logouts in PostgreSQL, SQLite, MySQL or MariaDB, in one table, through the driver the application has.
 *
 * Expired rows are deleted as others are added. `publish` is there on PostgreSQL, `subscribe` with `listen`.
 *
 * @example
 * ```ts
 * import { createBackchannelLogout } from '@bcl/core'
 * import { SqlStore } from '@bcl/sql'
 * import pg from 'pg'
 *
 * const pool = new pg.Pool({ connectionString: 'postgres://localhost/app' })
 * pool.on('error', (error) => console.error(error)) // without a listener, a lost connection ends the process
 *
 * export const logout = createBackchannelLogout({
 *   issuers: [{ issuer: 'https://op.example.com', clientId: 'my-client' }],
 *   sessionMaxAge: 8 * 60 * 60,
 *   store: new SqlStore({ dialect: 'postgresql', query: (text, params) => pool.query(text, params) }),
 * })
 * ```
 */
export class SqlStore implements LogoutStore {
  readonly publish?: (message: string) => Promise<void>
  readonly subscribe?: (listener: (message: string) => void) => Promise<() => Promise<void>>
  readonly #dialect: Dialect
  readonly #query: SqlQuery
  readonly #table: string
  #adds = 0

  /** @throws {TypeError} when an option is wrong; the message names it. */
  constructor(options: SqlStoreOptions) {
    const { dialect, query, table = 'bcl_logouts', listen } = options
    if (typeof query !== 'function') throw new TypeError('query must be a function')
    if (listen !== undefined && typeof listen !== 'function') throw new TypeError('listen must be a function')
    this.#dialect = dialectOf(dialect)
    this.#query = query
    this.#table = this.#dialect.name(checkTable(table))
    const { notify } = this.#dialect
    if (listen && !notify) throw new TypeError(`listen is for PostgreSQL only, and dialect is "${dialect}"`)
    // A plain name, so that it is the same whether a driver puts it in quotes or not.
    const channel = table.toLowerCase().replace('.', '_')
    if (notify) this.publish = async (message) => void (await this.#run(notify(channel, await this.#pack(message))))
    if (listen) this.subscribe = (listener) => this.#listen(listen, channel, listener)
  }

  async add(key: string, value: string, expiresAt: number): Promise<void> {
    const [keyId, valueId] = await Promise.all([identify(key), identify(value)])
    const full = valueId === value ? null : value
    await Promise.all([this.#put({ key: keyId, value: valueId, full, expiresAt: Math.ceil(expiresAt) }), this.#sweep()])
  }

  async values(keys: readonly string[]): Promise<string[][]> {
    if (keys.length === 0) return []
    const ids = await identifyAll(keys)
    const result = await this.#run(this.#dialect.values(this.#table, ids, now()))
    const found = new Map<string, string[]>(ids.map((id) => [id, []]))
    for (const { k, v } of entriesOf(result)) {
      const values = found.get(k)
      if (!values) throw this.#wrong('answered with a key that was not asked for')
      values.push(v)
    }
    return ids.map((id) => [...found.get(id)!])
  }

  async remove(key: string, value: string): Promise<void> {
    await this.#write(this.#dialect.remove(this.#table, await identify(key), await identify(value)))
  }

  /**
   * Deletes all that has expired, a thousand rows at a time: for a scheduled job, where adds are too few to keep the table
   * small.
   */
  async prune(): Promise<void> {
    do await this.#write(this.#dialect.sweep(this.#table, pruneLimit))
    while (rowsOf(await this.#run(this.#dialect.anyExpired(this.#table))).length > 0)
  }

  /**
   * Puts a row and checks that the database stored this row. A wrong collation adds to the row of another key, and a short
   * column cuts the key off: then no check would find the logout.
   */
  async #put(row: Row): Promise<void> {
    const { add, stored } = this.#dialect
    const written = await this.#write(add(this.#table, row))
    const result = stored ? await this.#run(stored(this.#table, row)) : written
    // A sweep of another instance may have deleted an expired row since.
    if (row.expiresAt <= now()) return
    const isStored = entriesOf(result).some(({ k, v }) => k === row.key && v === (row.full ?? row.value))
    if (!isStored) throw this.#wrong('did not store the entry as it was given')
  }

  #wrong(what: string): Error {
    return new Error(`The database ${what}. Likely cause: ${this.#dialect.likelyCause} See docs/stores.md.`)
  }

  #run([text, ...params]: Statement): SqlResult | PromiseLike<SqlResult> {
    return this.#query(text, params)
  }

  /** Once more, when the database has undone it in favour of another: on MySQL, adds and sweeps may block each other. */
  async #write(statement: Statement): Promise<SqlResult> {
    try {
      return await this.#run(statement)
    } catch (error) {
      if (!isUndone(error)) throw error
      return await this.#run(statement)
    }
  }

  /** It may fail: what it leaves is not found, and later adds try again. */
  async #sweep(): Promise<void> {
    this.#adds += 1
    if (this.#adds % sweepEvery !== 1) return
    try {
      await this.#run(this.#dialect.sweep(this.#table, sweepLimit))
    } catch {}
  }

  /** A message for the channel; one too long for it is kept in the table for a while, and the channel says where. */
  async #pack(message: string): Promise<string> {
    if (new TextEncoder().encode(message).length <= longestPayload) return `=${message}`
    const key = `message:${await sha256(message)}`
    await this.add(key, message, Date.now() / 1000 + messageTime)
    return `#${key}`
  }

  async #unpack(payload: string): Promise<string[]> {
    return payload.startsWith('#') ? (await this.values([payload.slice(1)]))[0]! : [payload.slice(1)]
  }

  async #listen(listen: SqlListen, channel: string, listener: (message: string) => void): Promise<() => Promise<void>> {
    let isEnded = false
    const hear = async (payload: string): Promise<void> => {
      for (const message of await this.#unpack(payload)) if (!isEnded) listener(message)
    }
    // A message is a hint, and one that cannot be read is none.
    const end = await listen(channel, (payload) => void hear(payload).catch(() => {}))
    return async () => {
      isEnded = true
      await end()
    }
  }
}

/** Class 40 of SQLSTATE: the transaction was rolled back, as in a deadlock. */
function isUndone(error: unknown): boolean {
  const { sqlState, code } = Object(error) as { sqlState?: unknown; code?: unknown }
  return String(sqlState ?? code).startsWith('40')
}

const now = (): number => Math.floor(Date.now() / 1000)

const refused = (): TypeError =>
  new TypeError('query must return rows as objects with text columns. If it does, the table was not made by schema()')

/** The rows of an answer. Any other answer is an error. If it counted as no rows, a session would live. */
function rowsOf(result: SqlResult): readonly unknown[] {
  const rows = Array.isArray(result) ? (result as unknown[]) : (result as { rows?: unknown } | undefined)?.rows
  if (!Array.isArray(rows)) throw refused()
  return rows
}

function entriesOf(result: SqlResult): readonly { k: string; v: string }[] {
  const isEntry = (row: unknown): row is { k: string; v: string } => {
    const { k, v } = Object(row) as { k?: unknown; v?: unknown }
    return typeof k === 'string' && typeof v === 'string'
  }
  const rows = rowsOf(result)
  if (!rows.every(isEntry)) throw refused()
  return rows
}
