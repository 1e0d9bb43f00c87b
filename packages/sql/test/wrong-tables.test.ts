import { readFileSync } from 'node:fs'
import { createBackchannelLogout, type LogoutStore } from '@bcl/core'
import { schema, SqlStore, type SqlQuery } from '@bcl/sql'
import { createTestIssuer } from '@bcl/testing'
import mysql from 'mysql2/promise'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { databases, type Database, optionsOf } from './support/databases.js'
import { describeOn, mysqlUrl } from './support/services.js'

const unique = (): string => crypto.randomUUID().slice(0, 8)
const soon = (): number => Math.floor(Date.now() / 1000) + 600

/** Connects to MariaDB or MySQL. The setting applies only to these connections. */
const onMysql = (setting: string, method: 'execute' | 'query') => async (): Promise<Database> => {
  const pool = mysql.createPool(mysqlUrl)
  pool.on('connection', (connection) => void connection.query(`SET SESSION ${setting}`))
  return {
    dialect: 'mysql',
    query: async (text, params) =>
      (await (method === 'execute' ? pool.execute(text, params) : pool.query(text, params)))[0] as object[],
    migrate: (statements) => pool.query(statements),
    close: () => pool.end(),
  }
}

const onPostgres = databases['pg']!.connect
const onSqlite = databases['node:sqlite']!.connect
const onMysqlByDefault = databases['mysql2, prepared']!.connect

/** Pairs of texts that a database must keep apart. */
const pairs = {
  case: ['[1,"logout","Alice"]', '[1,"logout","alice"]'],
  'a trailing space': ['[1,"logout","alice"]', '[1,"logout","alice"] '],
  punctuation: ['[1,"logout","al-ice"]', '[1,"logout","alice"]'],
  'the end of a long text': [`${'x'.repeat(250)}1`, `${'x'.repeat(250)}2`],
} as const
type Difference = keyof typeof pairs
const differences = Object.keys(pairs) as Difference[]

interface WrongTable {
  service?: 'postgres' | 'mysql'
  connect: () => Promise<Database>
  /** The locale of an ICU collation of PostgreSQL. The name of the collation is `collation`. */
  locale?: string
  /** The type of `entry_key` and `entry_value`. */
  type: string
  /** The differences that this type loses. */
  loses: readonly Difference[]
}

const collation = `bcl_test_${unique()}`
const icu = (locale: string, ...loses: Difference[]): WrongTable => ({
  service: 'postgres',
  connect: onPostgres,
  locale,
  type: `text COLLATE ${collation}`,
  loses,
})
const inMysql = (type: string, ...loses: Difference[]): WrongTable => ({
  service: 'mysql',
  connect: onMysqlByDefault,
  type,
  loses,
})

const wrongTables: Record<string, WrongTable> = {
  'PostgreSQL, a case-insensitive ICU collation': icu('und-u-ks-level2', 'case'),
  'PostgreSQL, an accent-insensitive ICU collation': icu('und-u-ks-level1', 'case'),
  'PostgreSQL, an ICU collation that ignores punctuation': icu('und-u-ka-shifted', 'a trailing space', 'punctuation'),
  'PostgreSQL, columns of fixed length': {
    service: 'postgres',
    connect: onPostgres,
    type: 'character(255)',
    loses: differences,
  },
  'MySQL, utf8mb4_general_ci': inMysql(
    'VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci',
    'case',
    'a trailing space',
  ),
  'MySQL, utf8mb4_bin': inMysql('VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin', 'a trailing space'),
  'MySQL, columns of fixed length': inMysql('BINARY(255)', ...differences),
  'MySQL, short columns without strict mode': {
    ...inMysql('VARBINARY(100)', 'the end of a long text'),
    connect: onMysql("sql_mode = ''", 'execute'),
  },
  'SQLite, NOCASE': { connect: onSqlite, type: 'TEXT COLLATE NOCASE', loses: ['case'] },
  'SQLite, RTRIM': { connect: onSqlite, type: 'TEXT COLLATE RTRIM', loses: ['a trailing space'] },
}

const createCollation = (database: Database, name: string, locale: string) =>
  database.query(`CREATE COLLATION ${name} (provider = icu, locale = '${locale}', deterministic = false)`, [])

/** Creates the table of `schema`, with another type for `entry_key` and `entry_value`. */
async function createTable(database: Database, table: string, type: string): Promise<void> {
  const text = schema(database.dialect, { table }).replace(/^( {2}entry_\w+) .*( NOT NULL,)$/gm, `$1 ${type}$2`)
  expect(text.split(type)).toHaveLength(3)
  for (const statement of text.split(';\n').filter(Boolean)) await database.query(statement, [])
}

const rowsOf = (result: Awaited<ReturnType<SqlQuery>>): readonly unknown[] => ('rows' in result ? result.rows : result)

/** An answer, or the message of an error. */
const outcomeOf = <T>(promise: Promise<T>): Promise<T | string> => promise.catch((error: Error) => error.message)

const namesCause = /Likely cause: .*schema\(\).*docs\/stores\.md/

for (const [name, { service, connect, locale, type, loses }] of Object.entries(wrongTables)) {
  describeOn(service, name, () => {
    const table = `bcl_test_${unique()}`
    let database: Database
    let store: SqlStore
    beforeAll(async () => {
      database = await connect()
      if (locale) await createCollation(database, collation, locale)
      await createTable(database, table, type)
      store = new SqlStore({ ...optionsOf(database), table })
    })
    afterAll(async () => {
      await database.query(`DROP TABLE ${table}`, [])
      if (locale) await database.query(`DROP COLLATION ${collation}`, [])
      await database.close()
    })

    test.for(differences)('keys that differ by %s are kept apart or cause an error', async (difference) => {
      const [one, other] = pairs[difference]
      for (const [first, second] of [
        [one, other],
        [other, one],
      ] as const) {
        await database.query(`DELETE FROM ${table}`, [])
        const messages: string[] = []
        const stored = new Set<string>()
        const add = async (key: string): Promise<void> => {
          const outcome = await outcomeOf(store.add(key, 'v', soon()))
          if (typeof outcome === 'string') messages.push(outcome)
          else stored.add(key)
        }
        const read = async (...keys: string[]): Promise<void> => {
          const outcome = await outcomeOf(store.values(keys))
          if (typeof outcome === 'string') messages.push(outcome)
          else expect(outcome).toEqual(keys.map((key) => (stored.has(key) ? ['v'] : [])))
        }
        await add(first)
        await read(second)
        await add(second)
        await read(first)
        await read(second)
        await read(first, second)
        expect(messages.length > 0).toBe(loses.includes(difference))
        for (const message of messages) expect(message).toMatch(namesCause)
      }
    })

    test.for(differences)('values that differ by %s are kept apart or cause an error', async (difference) => {
      const [one, other] = pairs[difference]
      await database.query(`DELETE FROM ${table}`, [])
      const adds = [await outcomeOf(store.add('k', one, soon())), await outcomeOf(store.add('k', other, soon()))]
      if (loses.includes(difference)) expect(adds.at(-1)).toMatch(namesCause)
      else expect([...adds, ...(await store.values(['k']))[0]!]).toEqual([undefined, undefined, one, other])
    })
  })
}

describeOn('mysql', 'MySQL, a column of a wrong type for the expiry, without strict mode', () => {
  test.for(['TIMESTAMP', 'DATETIME', 'YEAR', 'SMALLINT', 'MEDIUMINT', 'DECIMAL(9,0)'])(
    '%s: the store reports the table',
    async (type, { onTestFinished }) => {
      const table = `bcl_test_${unique()}`
      const database = await onMysql("sql_mode = ''", 'execute')()
      onTestFinished(async () => {
        await database.query(`DROP TABLE ${table}`, [])
        await database.close()
      })
      const text = schema('mysql', { table }).replace('expires_at BIGINT', `expires_at ${type}`)
      for (const statement of text.split(';\n').filter(Boolean)) await database.query(statement, [])
      const store = new SqlStore({ ...optionsOf(database), table })
      expect(await outcomeOf(Promise.resolve(store.add('key', 'value', soon())))).toMatch(namesCause)
    },
  )
})

/** The statements of docs/stores.md that correct a table, by database. */
const corrections = new Map(
  readFileSync(new URL('../../../docs/stores.md', import.meta.url), 'utf8')
    .split('```sql\n')[1]!
    .split('```')[0]!
    .split('-- ')
    .filter(Boolean)
    .map((text) => [text.split('\n')[0]!, text.slice(text.indexOf('\n'))]),
)

describe.each([
  ['MySQL and MariaDB', 'MySQL, utf8mb4_general_ci'],
  ['PostgreSQL', 'PostgreSQL, a case-insensitive ICU collation'],
])('docs/stores.md on %s', (name, wrong) => {
  const { service, connect, locale, type } = wrongTables[wrong]!
  describeOn(service, 'the documented correction of a table', () => {
    test('does not confuse different texts', async ({ onTestFinished }) => {
      const table = `bcl_test_${unique()}`
      const database = await connect()
      if (locale) await createCollation(database, table, locale)
      await createTable(database, table, type.replace(collation, table))
      onTestFinished(async () => {
        await database.query(`DROP TABLE ${table}`, [])
        if (locale) await database.query(`DROP COLLATION ${table}`, [])
        await database.close()
      })
      await database.query(corrections.get(name)!.replace('bcl_logouts', table), [])
      await expectKeptApart(new SqlStore({ ...optionsOf(database), table }))
    })
  })
})

async function expectKeptApart(store: SqlStore): Promise<void> {
  const texts = Object.values(pairs).flat()
  for (const text of texts) await store.add(text, text, soon())
  expect(await store.values(texts)).toEqual(texts.map((text) => [text]))
}

/** Tables that differ from the table of `schema` and work correctly. */
describe.each<[string, 'postgres' | 'mysql' | undefined, () => Promise<Database>, string]>([
  ['PostgreSQL, varchar', 'postgres', onPostgres, 'varchar(255) COLLATE "en-US-x-icu"'],
  ['MySQL, VARBINARY(500)', 'mysql', onMysqlByDefault, 'VARBINARY(500)'],
  ['SQLite, VARCHAR', undefined, onSqlite, 'VARCHAR(20)'],
])('%s', (_, service, connect, type) => {
  describeOn(service, 'works as column type', () => {
    test('keys and values are kept apart', async ({ onTestFinished }) => {
      const table = `bcl_test_${unique()}`
      const database = await connect()
      await createTable(database, table, type)
      onTestFinished(async () => {
        await database.query(`DROP TABLE ${table}`, [])
        await database.close()
      })
      await expectKeptApart(new SqlStore({ ...optionsOf(database), table }))
    })
  })
})

const op = await createTestIssuer()
const logoutOn = (store: LogoutStore) => createBackchannelLogout({ issuers: [op.trusted], sessionMaxAge: 600, store })
const causeOf = (error: unknown): string => String(((error as Error).cause as Error).message)

describeOn('mysql', 'MySQL with NO_BACKSLASH_ESCAPES', () => {
  const table = `bcl_test_${unique()}`
  const noEscapes = "sql_mode = 'NO_BACKSLASH_ESCAPES'"
  let right: Database
  beforeAll(async () => {
    right = await onMysql(noEscapes, 'execute')()
    for (const statement of schema('mysql', { table }).split(';\n').filter(Boolean)) await right.query(statement, [])
  })
  afterAll(async () => {
    await right.migrate(`DROP TABLE ${table}`)
    await right.close()
  })

  test('with `query` of mysql2, logouts and checks fail, because `query` escapes with backslashes', async ({
    onTestFinished,
  }) => {
    const wrong = await onMysql(noEscapes, 'query')()
    onTestFinished(() => void wrong.close())
    const session = op.session({ sid: unique() })
    const token = await op.logoutToken({ sid: session.sid! })
    const store = new SqlStore({ ...optionsOf(wrong), table })
    const failure = await logoutOn(store)
      .receive(token)
      .catch((error: unknown) => error)
    expect(causeOf(failure)).toMatch(/NO_BACKSLASH_ESCAPES.*execute\(\)/)
    // The row is in the table, but under a wrong key. Without the check in the store, nobody would notice.
    expect(rowsOf(await right.query(`SELECT 1 FROM ${table}`, []))).not.toEqual([])
    const check = await logoutOn(store)
      .isLoggedOut(session)
      .catch((error: unknown) => error)
    expect(causeOf(check)).toMatch(/NO_BACKSLASH_ESCAPES.*execute\(\)/)
  })

  test('`execute` of mysql2 works', async () => {
    const session = op.session({ sid: unique() })
    const store = new SqlStore({ ...optionsOf(right), table })
    await logoutOn(store).receive(await op.logoutToken({ sid: session.sid! }))
    expect(await logoutOn(store).isLoggedOut(session)).toBe(true)
  })
})

describeOn('mysql', 'MySQL with sql_select_limit', () => {
  test('a check gets all rows', async ({ onTestFinished }) => {
    const table = `bcl_test_${unique()}`
    const database = await onMysql('sql_select_limit = 1', 'execute')()
    for (const statement of schema('mysql', { table }).split(';\n').filter(Boolean)) await database.query(statement, [])
    onTestFinished(async () => {
      await database.query(`DROP TABLE ${table}`, [])
      await database.close()
    })
    const store = new SqlStore({ ...optionsOf(database), table })
    for (const key of ['a', 'b']) await store.add(key, 'v', soon())
    expect(await store.values(['a', 'b'])).toEqual([['v'], ['v']])
  })
})
