import type { LogoutStore } from '@bcl/core'
import { callback, isFunction, readOptions, type Rules } from '@bcl/core/kit'
import { indexedText, indexedTexts, sha256 } from './indexed-text.js'
import { dialectOf, tableRule, type SqlDialect } from './schema.js'
import type { Dialect, Row, SqlParameter, Statement } from './statement.js'

/** The rows of a statement: an array, or an object with the array `rows`. Each row is an object with one property per column. */
export type SqlResult = readonly unknown[] | { readonly rows: readonly unknown[] }

/**
 * Runs a statement and returns its rows. An `INSERT … RETURNING` must return rows, too. If the statement fails, the function
 * must throw or reject.
 */
export type SqlQuery = (text: string, params: SqlParameter[]) => SqlResult | PromiseLike<SqlResult>

/**
 * Listens to the notifications of a channel on a separate connection, and reconnects when needed. Resolves to a function
 * that ends the subscription.
 */
export type SqlListen = (channel: string, listener: (payload: string) => void) => Promise<() => unknown>

/** Options of {@link SqlStore}. */
export interface SqlStoreOptions {
  /** The database. Use `mysql` for MariaDB, too. */
  dialect: SqlDialect
  /**
   * Runs a statement with the driver of the application. Connect the driver to the primary, because a replica may not
   * have the newest rows yet.
   */
  query: SqlQuery
  /** The name of the table that `schema` creates. @default 'bcl_logouts' */
  table?: string | undefined
  /** Runs `LISTEN`, which makes live sign-out immediate. Only for PostgreSQL. Without this option, `watch` uses its poll. */
  listen?: SqlListen | undefined
}

const addsPerSweep = 8

/** The largest number of expired rows that an add deletes. The limit keeps each add fast. */
const rowsPerSweep = 100

/**
 * The largest number of rows that one statement of `prune` deletes. On MySQL, adds wait for the locks of this
 * statement.
 */
const rowsPerPrune = 1000

/**
 * The largest number of times that one add writes its row on MySQL. There, the add reads the row in a second statement. If
 * another instance has removed the row by then, the add writes the row again.
 */
const maxWrites = 5

/** The largest message that fits into a notification, in bytes. PostgreSQL allows payloads of less than 8,000 bytes. */
const maxMessageBytes = 7900

/** Seconds for which the table keeps a longer message. */
const messageLifetime = 60

const rules: Rules = {
  // This rule accepts every value, because `dialectOf` checks the dialect.
  dialect: [() => true, ''],
  query: [isFunction, 'must be a function'],
  table: tableRule,
  listen: callback(),
}

/**
 * A store in one table of PostgreSQL, SQLite, MySQL or MariaDB. It uses the driver of the application.
 *
 * The store deletes expired rows when it adds new rows. It has `publish` on PostgreSQL, and `subscribe` if `listen` is set.
 *
 * @example
 * ```ts
 * import { createBackchannelLogout } from '@bcl/core'
 * import { SqlStore } from '@bcl/sql'
 * import pg from 'pg'
 *
 * const pool = new pg.Pool({
 *   connectionString: 'postgres://localhost/app',
 *   connectionTimeoutMillis: 1000,
 *   query_timeout: 2000,
 * })
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

  /** @throws {TypeError} if an option is wrong or unknown. The message names the option. */
  constructor(options: SqlStoreOptions) {
    const { dialect, query, table, listen } = readOptions(options, rules) as SqlStoreOptions & { table: string }
    this.#dialect = dialectOf(dialect)
    this.#query = query
    this.#table = this.#dialect.name(table)
    const { notify } = this.#dialect
    if (listen && !notify) throw new TypeError(`listen works with PostgreSQL only, but dialect is "${dialect}"`)
    // The name is in lower case, because PostgreSQL changes a name without quotes to lower case, and some drivers add no quotes.
    const channel = table.toLowerCase().replace('.', '_')
    if (notify)
      this.publish = async (message) => void (await this.#run(notify(channel, await this.#toPayload(message))))
    if (listen) this.subscribe = (listener) => this.#listen(listen, channel, listener)
  }

  async add(key: string, value: string, expiresAt: number): Promise<void> {
    const [keyId, valueId] = await Promise.all([indexedText(key), indexedText(value)])
    const fullValue = valueId === value ? null : value
    await Promise.all([
      this.#putRow({ key: keyId, value: valueId, fullValue, expiresAt: Math.ceil(expiresAt) }),
      this.#sweep(),
    ])
  }

  async values(keys: readonly string[]): Promise<string[][]> {
    if (keys.length === 0) return []
    const ids = await indexedTexts(keys)
    const result = await this.#run(this.#dialect.values(this.#table, ids, now()))
    const found = new Map<string, string[]>(ids.map((id) => [id, []]))
    for (const { k, v } of entriesOf(result)) {
      const values = found.get(k)
      if (!values) throw this.#wrongAnswer('returned a key that was not requested')
      values.push(v)
    }
    return ids.map((id) => [...found.get(id)!])
  }

  async remove(key: string, value: string): Promise<void> {
    await this.#write(this.#dialect.remove(this.#table, await indexedText(key), await indexedText(value)))
  }

  /**
   * Deletes all rows that expired before the call, 1,000 rows at a time. The store deletes expired rows only when it
   * writes new logouts. So call `prune` in a scheduled job if logouts are rare. On PostgreSQL, MySQL and MariaDB, `prune`
   * skips rows that another transaction has locked. If a statement fails, rejects with the error of `query`.
   */
  async prune(): Promise<void> {
    const [row] = rowsOf(await this.#run(this.#dialect.countExpired(this.#table)))
    // Computes the number of statements in advance. Otherwise a row that cannot be deleted would make the loop endless.
    const statements = Math.ceil(Number(Object(row).n) / rowsPerPrune)
    if (Number.isNaN(statements)) throw wrongResult()
    for (let index = 0; index < statements; index += 1)
      await this.#write(this.#dialect.sweep(this.#table, rowsPerPrune))
  }

  /**
   * Writes a row and checks that the database stored exactly this row. If the collation is wrong, the database may
   * change the row of another key instead. If a column is too short, the database may truncate the key. In both cases,
   * `isLoggedOut` would not find the logout.
   */
  async #putRow(row: Row): Promise<void> {
    const { add, readRow } = this.#dialect
    for (let writes = 1; ; writes += 1) {
      const written = await this.#write(add(this.#table, row))
      const stored = entriesOf(readRow ? await this.#run(readRow(this.#table, row)) : written)
      // A sweep of another instance may have deleted an expired row already.
      if (row.expiresAt <= now()) return
      if (stored.some(({ k, v }) => k === row.key && v === (row.fullValue ?? row.value))) return
      // If the row is not found, writes it again, because another instance may have removed it. The number of writes is
      // limited, because a row with a truncated key is never found.
      if (!readRow || stored.length > 0 || writes === maxWrites)
        throw this.#wrongAnswer('did not store the exact entry')
    }
  }

  #wrongAnswer(what: string): Error {
    return new Error(`The database ${what}. Likely cause: ${this.#dialect.likelyCause} See docs/stores.md.`)
  }

  #run([text, ...params]: Statement): SqlResult | PromiseLike<SqlResult> {
    return this.#query(text, params)
  }

  /** Runs a statement. Retries once if the database rolled the statement back. On MySQL, adds and sweeps can deadlock. */
  async #write(statement: Statement): Promise<SqlResult> {
    try {
      return await this.#run(statement)
    } catch (error) {
      if (!isRolledBack(error)) throw error
      return await this.#run(statement)
    }
  }

  /**
   * Deletes some expired rows at the first add, and at every eighth add after it. Ignores a failure, because a later add
   * tries again. `values` never returns expired rows.
   */
  async #sweep(): Promise<void> {
    this.#adds += 1
    if (this.#adds % addsPerSweep !== 1) return
    try {
      await this.#run(this.#dialect.sweep(this.#table, rowsPerSweep))
    } catch {}
  }

  /**
   * Returns the payload for a message. The payload of a short message is "=" and the message. A long message is stored in the
   * table, and its payload is "#" and its key.
   */
  async #toPayload(message: string): Promise<string> {
    if (new TextEncoder().encode(message).length <= maxMessageBytes) return `=${message}`
    const key = `message:${await sha256(message)}`
    await this.add(key, message, Date.now() / 1000 + messageLifetime)
    return `#${key}`
  }

  /** Returns the messages of a payload. Returns none if the message in the table has expired. */
  async #fromPayload(payload: string): Promise<string[]> {
    return payload.startsWith('#') ? (await this.values([payload.slice(1)]))[0]! : [payload.slice(1)]
  }

  async #listen(listen: SqlListen, channel: string, listener: (message: string) => void): Promise<() => Promise<void>> {
    let hasEnded = false
    const deliver = async (payload: string): Promise<void> => {
      for (const message of await this.#fromPayload(payload)) if (!hasEnded) listener(message)
    }
    // Ignores a message that cannot be read, because a message is only a hint.
    const end = await listen(channel, (payload) => void deliver(payload).catch(() => {}))
    return async () => {
      hasEnded = true
      await end()
    }
  }
}

/** Tells whether the database rolled the transaction back, for example because of a deadlock: class 40 of SQLSTATE. */
function isRolledBack(error: unknown): boolean {
  const { sqlState, code } = Object(error) as { sqlState?: unknown; code?: unknown }
  return String(sqlState ?? code).startsWith('40')
}

const now = (): number => Math.floor(Date.now() / 1000)

const wrongResult = (): TypeError =>
  new TypeError('query must return rows as objects with text columns. If it does, the table was not made by schema()')

/**
 * Returns the rows of a result. Throws if the result has no list of rows. If such a result counted as "no rows", an
 * ended session would stay alive.
 */
function rowsOf(result: SqlResult): readonly unknown[] {
  const rows = Array.isArray(result) ? (result as unknown[]) : (result as { rows?: unknown } | undefined)?.rows
  if (!Array.isArray(rows)) throw wrongResult()
  return rows
}

/** Returns the keys and values in the rows of a result. */
function entriesOf(result: SqlResult): readonly { k: string; v: string }[] {
  const isEntry = (row: unknown): row is { k: string; v: string } => {
    const { k, v } = Object(row) as { k?: unknown; v?: unknown }
    return typeof k === 'string' && typeof v === 'string'
  }
  const rows = rowsOf(result)
  if (!rows.every(isEntry)) throw wrongResult()
  return rows
}
