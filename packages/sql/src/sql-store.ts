import type { LogoutStore } from '@bcl/core'
import { callback, isFunction, readOptions, type Rules } from '@bcl/core/kit'
import { indexedText, indexedTexts, sha256 } from './indexed-text.js'
import { dialectOf, tableRule, type SqlDialect } from './schema.js'
import type { Dialect, Row, SqlParameter, Statement } from './statement.js'

/** Rows as objects whose properties are the columns: an array, or an object with the array `rows`. */
export type SqlResult = readonly unknown[] | { readonly rows: readonly unknown[] }

/** Runs a statement and returns its rows. An `INSERT … RETURNING` has rows, too. */
export type SqlQuery = (text: string, params: SqlParameter[]) => SqlResult | PromiseLike<SqlResult>

/**
 * Listens to the notifications of a channel, on a connection that it keeps and restores. Resolves to a function that ends the
 * subscription.
 */
export type SqlListen = (channel: string, listener: (payload: string) => void) => Promise<() => unknown>

/** Options of {@link SqlStore}. */
export interface SqlStoreOptions {
  /** The database. Use `mysql` for MariaDB, too. */
  dialect: SqlDialect
  /** Runs a statement with the driver of the application. It must run on the primary, because a replica is late. */
  query: SqlQuery
  /** The name of the table that `schema` creates. @default 'bcl_logouts' */
  table?: string | undefined
  /** Runs `LISTEN`, which makes live sign-out immediate. For PostgreSQL only. Without it, `watch` relies on its poll. */
  listen?: SqlListen | undefined
}

/** Every eighth add deletes expired rows. */
const addsPerSweep = 8

/** The most rows that one sweep deletes. So sweeps delete up to 100 rows per 8 adds, and no add takes long. */
const rowsPerSweep = 100

/** The most rows that one statement of `prune` deletes. On MySQL, adds wait for the rows that the statement locks. */
const rowsPerPrune = 1000

/** The most times that an add writes one row. It writes the row again if another instance has removed the row before the add reads it back. */
const maxWrites = 5

/** The most bytes of a message that is sent in a notification. PostgreSQL allows payloads of less than 8,000 bytes. */
const maxMessageBytes = 7900

/** Seconds for which a longer message is kept in the table. */
const messageLifetime = 60

const rules: Rules = {
  // `dialectOf` checks the dialect.
  dialect: [() => true, ''],
  query: [isFunction, 'must be a function'],
  table: tableRule,
  listen: callback(),
}

/**
 * A store in one table of PostgreSQL, SQLite, MySQL or MariaDB. It uses the driver of the application.
 *
 * The store deletes expired rows as it adds new rows. It has `publish` on PostgreSQL, and `subscribe` if `listen` is set.
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

  /** @throws {TypeError} if an option is wrong or unknown. The message names the option. */
  constructor(options: SqlStoreOptions) {
    const { dialect, query, table, listen } = readOptions(options, rules) as SqlStoreOptions & { table: string }
    this.#dialect = dialectOf(dialect)
    this.#query = query
    this.#table = this.#dialect.name(table)
    const { notify } = this.#dialect
    if (listen && !notify) throw new TypeError(`listen works with PostgreSQL only, but dialect is "${dialect}"`)
    // A plain name in lower case, because some drivers quote the name of a channel and others do not.
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
      if (!values) throw this.#wrongAnswer('answered with a key that was not asked for')
      values.push(v)
    }
    return ids.map((id) => [...found.get(id)!])
  }

  async remove(key: string, value: string): Promise<void> {
    await this.#write(this.#dialect.remove(this.#table, await indexedText(key), await indexedText(value)))
  }

  /**
   * Deletes the rows that have expired when it is called, 1,000 at a time. Call it in a scheduled job if logouts are rare, because
   * only a new logout makes the store delete expired rows. On PostgreSQL, it leaves rows that another transaction locks.
   */
  async prune(): Promise<void> {
    const [row] = rowsOf(await this.#run(this.#dialect.countExpired(this.#table)))
    // Counts the statements beforehand: a row that cannot be deleted must not make this loop endless.
    const statements = Math.ceil(Number(Object(row).n) / rowsPerPrune)
    if (Number.isNaN(statements)) throw wrongResult()
    for (let index = 0; index < statements; index += 1)
      await this.#write(this.#dialect.sweep(this.#table, rowsPerPrune))
  }

  /**
   * Writes a row and checks that the database stored exactly this row. With a wrong collation, the database changes the expiry of the
   * row of another key instead. A short column truncates the key. In both cases no check would find the logout.
   */
  async #putRow(row: Row): Promise<void> {
    const { add, readRow } = this.#dialect
    for (let writes = 1; ; writes += 1) {
      const written = await this.#write(add(this.#table, row))
      const stored = entriesOf(readRow ? await this.#run(readRow(this.#table, row)) : written)
      // A sweep of another instance can already have deleted an expired row.
      if (row.expiresAt <= now()) return
      if (stored.some(({ k, v }) => k === row.key && v === (row.fullValue ?? row.value))) return
      // Another instance can have removed the row before it was read back. A row with a truncated key is never read back.
      if (!readRow || stored.length > 0 || writes === maxWrites)
        throw this.#wrongAnswer('did not store the entry as it was given')
    }
  }

  #wrongAnswer(what: string): Error {
    return new Error(`The database ${what}. Likely cause: ${this.#dialect.likelyCause} See docs/stores.md.`)
  }

  #run([text, ...params]: Statement): SqlResult | PromiseLike<SqlResult> {
    return this.#query(text, params)
  }

  /** Runs a statement. Retries once if the database rolled it back: on MySQL, adds and sweeps can deadlock. */
  async #write(statement: Statement): Promise<SqlResult> {
    try {
      return await this.#run(statement)
    } catch (error) {
      if (!isRolledBack(error)) throw error
      return await this.#run(statement)
    }
  }

  /** Deletes some expired rows at every eighth add. A failure is ignored: checks do not read expired rows, and a later add tries again. */
  async #sweep(): Promise<void> {
    this.#adds += 1
    if (this.#adds % addsPerSweep !== 1) return
    try {
      await this.#run(this.#dialect.sweep(this.#table, rowsPerSweep))
    } catch {}
  }

  /** The payload for a message: "=" and the message. A message that is too long goes into the table, and the payload is "#" and its key. */
  async #toPayload(message: string): Promise<string> {
    if (new TextEncoder().encode(message).length <= maxMessageBytes) return `=${message}`
    const key = `message:${await sha256(message)}`
    await this.add(key, message, Date.now() / 1000 + messageLifetime)
    return `#${key}`
  }

  /** The messages of a payload. There is none if the message in the table has expired. */
  async #fromPayload(payload: string): Promise<string[]> {
    return payload.startsWith('#') ? (await this.values([payload.slice(1)]))[0]! : [payload.slice(1)]
  }

  async #listen(listen: SqlListen, channel: string, listener: (message: string) => void): Promise<() => Promise<void>> {
    let hasEnded = false
    const deliver = async (payload: string): Promise<void> => {
      for (const message of await this.#fromPayload(payload)) if (!hasEnded) listener(message)
    }
    // A message is only a hint, so a message that cannot be read is ignored.
    const end = await listen(channel, (payload) => void deliver(payload).catch(() => {}))
    return async () => {
      hasEnded = true
      await end()
    }
  }
}

/** Whether the database rolled the transaction back, for example because of a deadlock: class 40 of SQLSTATE. */
function isRolledBack(error: unknown): boolean {
  const { sqlState, code } = Object(error) as { sqlState?: unknown; code?: unknown }
  return String(sqlState ?? code).startsWith('40')
}

const now = (): number => Math.floor(Date.now() / 1000)

const wrongResult = (): TypeError =>
  new TypeError('query must return rows as objects with text columns. If it does, the table was not made by schema()')

/** The rows of a result. Throws on any other result: if it counted as no rows, a session would live. */
function rowsOf(result: SqlResult): readonly unknown[] {
  const rows = Array.isArray(result) ? (result as unknown[]) : (result as { rows?: unknown } | undefined)?.rows
  if (!Array.isArray(rows)) throw wrongResult()
  return rows
}

/** The keys and values in the rows of a result. */
function entriesOf(result: SqlResult): readonly { k: string; v: string }[] {
  const isEntry = (row: unknown): row is { k: string; v: string } => {
    const { k, v } = Object(row) as { k?: unknown; v?: unknown }
    return typeof k === 'string' && typeof v === 'string'
  }
  const rows = rowsOf(result)
  if (!rows.every(isEntry)) throw wrongResult()
  return rows
}
