import { createHash } from 'node:crypto'
import { schema, SqlStore, type SqlDialect, type SqlQuery, type SqlStoreOptions } from '@bcl/sql'
import mysql from 'mysql2/promise'
import { Client } from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi, type TestContext } from 'vitest'
import { databases, type Database, optionsOf } from './support/databases.js'
import { describeOn, mysqlUrl, postgresUrl } from './support/services.js'

const now = (): number => Math.floor(Date.now() / 1000)
const query: SqlQuery = () => []

describe('options', () => {
  test.each<[string, object, string]>([
    ['no dialect', { query }, 'dialect must be "postgresql", "sqlite" or "mysql"'],
    ['an unknown dialect', { dialect: 'oracle', query }, 'dialect must be "postgresql", "sqlite" or "mysql"'],
    ['a dialect of Object', { dialect: 'toString', query }, 'dialect must be "postgresql", "sqlite" or "mysql"'],
    ['no query', { dialect: 'sqlite' }, 'query must be a function, got undefined'],
    [
      'a listen option that is not a function',
      { dialect: 'postgresql', query, listen: {} },
      'listen must be a function, got object',
    ],
    [
      'listen with another database',
      { dialect: 'mysql', query, listen: query },
      'listen works with PostgreSQL only, but dialect is "mysql"',
    ],
    [
      'a misspelt option',
      { dialect: 'sqlite', query, tabel: 'logouts' },
      'tabel is not an option. Did you mean table?',
    ],
    ['an unknown option', { dialect: 'sqlite', query, prefix: 'bcl' }, 'prefix is not an option'],
    ['no options', undefined as unknown as object, 'options must be an object'],
  ])('%s is refused', (_, options, message) => {
    expect(() => new SqlStore(options as SqlStoreOptions)).toThrow(new TypeError(message))
  })

  test.each<[unknown, string]>([
    [{ tablename: 'logouts' }, 'tablename is not an option. Did you mean table?'],
    [{ dialect: 'sqlite' }, 'dialect is not an option'],
    ['logouts', 'options must be an object'],
    [null, 'options must be an object'],
  ])('schema refuses the options %j', (options, message) => {
    expect(() => schema('sqlite', options as object)).toThrow(new TypeError(message))
  })

  const rule = 'table must be a name of letters, digits and "_", with or without a schema, of at most 48 characters'
  test.each([
    '',
    'a b',
    'a"b',
    'a`b',
    'a;drop table b',
    'a.b.c',
    '.a',
    'a.',
    '1a',
    'é',
    'a'.repeat(49),
    "a'",
    'a\n',
    1,
    null,
  ])('the table %j is refused', (table) => {
    const error = new TypeError(`${rule}, got ${JSON.stringify(table)}`)
    expect(() => schema('sqlite', { table: table as string })).toThrow(error)
    expect(() => new SqlStore({ dialect: 'sqlite', query, table: table as string })).toThrow(error)
  })

  test.each<[SqlDialect, boolean, boolean]>([
    ['postgresql', true, true],
    ['sqlite', false, false],
    ['mysql', false, false],
  ])('%s: has publish: %s', (dialect, publishes, subscribes) => {
    const listen = dialect === 'postgresql' ? { listen: async () => () => {} } : {}
    const store = new SqlStore({ dialect, query, ...listen })
    expect([store.publish !== undefined, store.subscribe !== undefined]).toEqual([publishes, subscribes])
    expect(new SqlStore({ dialect, query }).subscribe).toBeUndefined()
  })

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['an object without rows', { results: [] }],
    ['rows and fields, as mysql2 returns them', [[{ k: 'k', v: 'v' }], []]],
    ['rows as arrays', [['k', 'v']]],
    ['bytes in place of text', [{ k: new Uint8Array(1), v: 'v' }]],
    ['null', [null]],
  ])('a query that returns %s is a failure, and does not count as "no logouts"', async (_, result) => {
    const store = new SqlStore({ dialect: 'mysql', query: () => result as [] })
    await expect(store.values(['k'])).rejects.toThrow(/^query must return rows as objects with text columns\./)
  })

  test.each<[string, object, number]>([
    ['a deadlock of MySQL', { code: 'ER_LOCK_DEADLOCK', errno: 1213, sqlState: '40001' }, 2],
    ['a deadlock of PostgreSQL', { code: '40P01' }, 2],
    ['a serialization failure of PostgreSQL', { code: '40001' }, 2],
    ['a missing table', { code: '42P01' }, 1],
    ['a lost connection', { code: 'ECONNRESET' }, 1],
  ])('%s: a statement is retried once only if the database rolled it back', async (_, about, attempts) => {
    const tried: string[] = []
    const store = new SqlStore({
      dialect: 'mysql',
      query: (text) => {
        // An add can also run a sweep, which this test does not count.
        if (text.includes('LIMIT')) return []
        tried.push(text)
        throw Object.assign(new Error('failed'), about)
      },
    })
    for (const call of [() => store.add('k', 'v', now() + 60), () => store.remove('k', 'v')]) {
      tried.length = 0
      await expect(call()).rejects.toThrow('failed')
      expect(tried).toHaveLength(attempts)
    }
  })

  test('the store rejects if query throws', async () => {
    const store = new SqlStore({
      dialect: 'sqlite',
      query: () => {
        throw new Error('down')
      },
    })
    await expect(store.values(['k'])).rejects.toThrow('down')
    await expect(store.add('k', 'v', now() + 60)).rejects.toThrow('down')
    await expect(store.remove('k', 'v')).rejects.toThrow('down')
    await expect(store.prune()).rejects.toThrow('down')
  })
})

describe.each(['pg', 'postgres.js', 'node:sqlite', 'mysql2, prepared', 'mysql2, not prepared', 'mariadb'])(
  'on %s',
  (name) => {
    const { service, connect } = databases[name]!
    describeOn(service, 'SqlStore', () => {
      const table = `bcl_test_${crypto.randomUUID().slice(0, 8)}`
      const queries: string[] = []
      /** Runs after each query of a store. */
      let observe: (() => Promise<void>) | undefined
      let database: Database
      let store: SqlStore
      const storeOn = (own: string): SqlStore =>
        new SqlStore({
          ...optionsOf(database),
          table: own,
          query: async (text, params) => {
            queries.push(text)
            const rows = await database.query(text, params)
            await observe?.()
            return rows
          },
        })
      const read = async (text: string): Promise<unknown[]> => {
        const result = await database.query(text, [])
        return 'rows' in result ? [...result.rows] : [...result]
      }
      const count = async (): Promise<number> =>
        Number((Object.values((await read(`SELECT count(*) AS n FROM ${table}`))[0] as object) as unknown[])[0])

      /** Inserts expired rows without a store, because the adds of a store would delete some of them. */
      const expire = async (rows: number): Promise<void> => {
        const values = Array.from(
          { length: rows },
          (_, index) => `('expired ${index}', 'v', NULL, ${now() - 1 - index})`,
        )
        await database.query(
          `INSERT INTO ${table} (entry_key, entry_value, full_value, expires_at) VALUES ${values.join(', ')}`,
          [],
        )
        expect(await count()).toBe(rows)
      }

      beforeAll(async () => {
        database = await connect()
        for (const own of [table, `${table}_other`]) await database.migrate(schema(database.dialect, { table: own }))
        store = storeOn(table)
      })
      afterEach(async () => {
        vi.useRealTimers()
        await database.query(`DELETE FROM ${table}`, [])
      })
      afterAll(async () => {
        for (const own of [table, `${table}_other`]) await database.migrate(`DROP TABLE ${own}`)
        await database.close()
      })

      test('stores with different tables do not share entries', async () => {
        const other = storeOn(`${table}_other`)
        await store.add('k', 'v', now() + 60)
        await other.add('k', 'w', now() + 60)
        await other.remove('k', 'v')
        expect(await store.values(['k'])).toEqual([['v']])
        expect(await other.values(['k'])).toEqual([['w']])
      })

      test('values runs one query, also for 5,000 keys', async () => {
        await store.add('key 4999', 'v', now() + 60)
        queries.length = 0
        await store.values(['a', 'b'])
        const found = await store.values(Array.from({ length: 5000 }, (_, index) => `key ${index}`))
        expect(queries).toHaveLength(2)
        expect(found[4999]).toEqual(['v'])
        expect(found.flat()).toEqual(['v'])
      })

      test('adds delete expired rows, each add at most 100', async () => {
        await expire(500)
        let before = 500
        for (let index = 0; index < 50; index += 1) {
          await store.add('live', 'v', now() + 60)
          const after = await count()
          expect(before - after).toBeLessThanOrEqual(100)
          before = after
        }
        expect(await count()).toBe(1)
      })

      test('prune deletes all expired rows and no others, in several statements', async () => {
        await expire(2500)
        await database.query(
          `INSERT INTO ${table} (entry_key, entry_value, full_value, expires_at) VALUES ('live', 'v', NULL, ${now() + 60})`,
          [],
        )
        const counts: number[] = []
        observe = async () => void counts.push(await count())
        await store.prune()
        observe = undefined
        expect(counts).toEqual([2501, 1501, 501, 1])
        expect(await store.values(['live'])).toEqual([['v']])
      })

      test('an instance whose clock is a day ahead does not delete the rows of other instances', async () => {
        await store.add('k', 'v', now() + 3600)
        vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 86_400_000 })
        const fast = storeOn(table)
        await fast.add('k', 'w', now() + 3600)
        await fast.prune()
        expect(await fast.values(['k'])).toEqual([['w']])
        vi.useRealTimers()
        expect((await store.values(['k']))[0]!.toSorted()).toEqual(['v', 'w'])
      })

      test('a text that is long or not ASCII is stored under its hash and returned complete', async () => {
        const long = 'x'.repeat(100_000)
        // A text that looks like the hash of another text.
        const imposter = `sha256:${createHash('sha256').update(long).digest('hex')}`
        const odd = ['sha256:', imposter, long, `${long} `, 'é', 'e\u0301', '😀', 'ſ', 'K']
        for (const value of odd) await store.add(long, value, now() + 60)
        expect((await store.values([long]))[0]!.toSorted()).toEqual(odd.toSorted())
        const widest = await read(`SELECT max(length(entry_key)) AS a, max(length(entry_value)) AS b FROM ${table}`)
        expect(Object.values(widest[0] as object).map(Number)).toEqual([71, 71])
        for (const value of odd) await store.remove(long, value)
        expect(await count()).toBe(0)
      })

      test('an expiry with a fraction of a second is rounded up', async () => {
        const expiresAt = now() + 60
        await store.add('k', 'v', expiresAt + 0.01)
        const [row] = (await read(`SELECT expires_at AS n FROM ${table}`)) as { n: unknown }[]
        expect(Number(row!.n)).toBe(expiresAt + 1)
      })

      test('300 parallel adds over expired rows all succeed', async () => {
        const keys = Array.from({ length: 300 }, (_, index) => `k${index % 100}`)
        await Promise.all(keys.map((key) => store.add(key, 'old', now() - 1)))
        const stores = [storeOn(table), storeOn(table), storeOn(table)]
        await Promise.all(
          stores.flatMap((one) =>
            keys.flatMap((key) => [one.add(key, 'old', now() + 60), one.add(key, 'new', now() + 60)]),
          ),
        )
        const found = await store.values(keys)
        expect(found.every((values) => values.toSorted().join() === 'new,old')).toBe(true)
      })
    })
  },
)

describe.each(['pg', 'Kysely on pg', 'Drizzle on pg', 'postgres.js'])('on %s', (name) => {
  describeOn('postgres', 'SqlStore', () => {
    test('no statement stays prepared, because PgBouncer could send it to another connection', async ({
      onTestFinished,
    }) => {
      const table = `bcl_test_${crypto.randomUUID().slice(0, 8)}`
      const database = await databases[name]!.connect()
      await database.migrate(schema('postgresql', { table }))
      onTestFinished(async () => {
        await database.migrate(`DROP TABLE ${table}`)
        await database.close()
      })
      const left: unknown[] = []
      const store = new SqlStore({
        ...optionsOf(database),
        table,
        async query(text, params) {
          const rows = await database.query(text, params)
          // Runs enough queries at once to use every connection of the pool.
          const asked = Array.from({ length: 10 }, () =>
            database.query(`SELECT statement FROM pg_prepared_statements WHERE statement LIKE '%' || $1 || '%'`, [
              table,
            ]),
          )
          for (const result of await Promise.all(asked)) left.push(...('rows' in result ? result.rows : result))
          return rows
        },
      })
      await store.add('k', 'v', now() + 60)
      await store.values(['k'])
      await store.remove('k', 'v')
      await store.prune()
      expect(left).toEqual([])
    })
  })
})

describe.each(['mysql2, prepared', 'mysql2, not prepared', 'mariadb'])('on %s', (name) => {
  describeOn('mysql', 'SqlStore', () => {
    test.for([1, 2, 3])(
      'an add succeeds if another instance removes its row %i times before the add reads it back',
      async (times, { onTestFinished }) => {
        const table = `bcl_test_${crypto.randomUUID().slice(0, 8)}`
        const database = await databases[name]!.connect()
        await database.migrate(schema('mysql', { table }))
        onTestFinished(async () => {
          await database.migrate(`DROP TABLE ${table}`)
          await database.close()
        })
        const other = new SqlStore({ ...optionsOf(database), table })
        let removed = 0
        const store = new SqlStore({
          ...optionsOf(database),
          table,
          async query(text, params) {
            const rows = await database.query(text, params)
            if (text.startsWith('INSERT') && removed < times) {
              removed += 1
              await other.remove('k', 'v')
            }
            return rows
          },
        })
        await store.add('k', 'v', now() + 60)
        expect(removed).toBe(times)
      },
    )
  })
})

describeOn('postgres', 'prune on PostgreSQL', () => {
  const makeTable = async (onTestFinished: TestContext['onTestFinished']) => {
    const table = `bcl_test_${crypto.randomUUID().slice(0, 8)}`
    const client = new Client(postgresUrl)
    await client.connect()
    await client.query(schema('postgresql', { table }))
    await client.query(`INSERT INTO ${table} SELECT 'k' || n, 'v', NULL, n FROM generate_series(1, 5) AS n`)
    onTestFinished(async () => {
      await client.query(`DROP TABLE ${table}`)
      await client.end()
    })
    const left = async (): Promise<unknown[]> =>
      (await client.query(`SELECT entry_key FROM ${table} ORDER BY 1`)).rows.map(({ entry_key }) => entry_key)
    /** A store on its own connection. It may run at most ten statements. */
    const storeOn = async (...setup: string[]): Promise<SqlStore> => {
      const own = new Client(postgresUrl)
      await own.connect()
      onTestFinished(() => own.end())
      for (const text of setup) await own.query(text)
      let statements = 0
      return new SqlStore({
        dialect: 'postgresql',
        table,
        query(text, params) {
          statements += 1
          if (statements > 10) throw new Error('too many statements')
          return own.query(text, params)
        },
      })
    }
    return { table, client, left, storeOn }
  }

  test('leaves a row that another transaction locks, and ends', async ({ onTestFinished }) => {
    const { table, client, left, storeOn } = await makeTable(onTestFinished)
    const store = await storeOn()
    await client.query('BEGIN')
    await client.query(`SELECT 1 FROM ${table} WHERE entry_key = 'k2' FOR UPDATE`)
    await store.prune()
    await client.query('COMMIT')
    expect(await left()).toEqual(['k2'])
    await store.prune()
    expect(await left()).toEqual([])
  })

  test('leaves rows that row-level security protects, and ends', async ({ onTestFinished }) => {
    const { table, client, left, storeOn } = await makeTable(onTestFinished)
    const role = `${table}_role`
    await client.query(`CREATE ROLE ${role}`)
    onTestFinished(async () => void (await client.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`)))
    await client.query(`GRANT SELECT, UPDATE, DELETE ON ${table} TO ${role};
      ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY;
      CREATE POLICY readable ON ${table} FOR SELECT USING (true);
      CREATE POLICY deletable ON ${table} FOR DELETE USING (entry_key <> 'k3');
      CREATE POLICY lockable ON ${table} FOR UPDATE USING (entry_key <> 'k4')`)
    await (await storeOn(`SET ROLE ${role}`)).prune()
    expect(await left()).toEqual(['k3', 'k4'])
  })
})

describeOn('mysql', 'SqlStore on MySQL and MariaDB', () => {
  test('add and prune leave a row that another transaction locks', async ({ onTestFinished }) => {
    const table = `bcl_test_${crypto.randomUUID().slice(0, 8)}`
    const { query, migrate, close } = await databases['mysql2, prepared']!.connect()
    const other = await mysql.createConnection(mysqlUrl)
    onTestFinished(async () => {
      await other.end()
      await migrate(`DROP TABLE ${table}`)
      await close()
    })
    await migrate(schema('mysql', { table }))
    const store = new SqlStore({ dialect: 'mysql', table, query })
    const expire = () =>
      migrate(`INSERT INTO ${table} VALUES ('k1', 'v', NULL, 1), ('k2', 'v', NULL, 1), ('k3', 'v', NULL, 1)`)
    const left = async () =>
      ((await query(`SELECT entry_key AS k FROM ${table} WHERE expires_at = 1`, [])) as { k: unknown }[]).map(({ k }) =>
        String(k),
      )

    await expire()
    await other.beginTransaction()
    await other.query(`SELECT 1 FROM ${table} WHERE entry_key = 'k2' FOR UPDATE`)
    await store.add('k', 'v', now() + 60)
    expect(await left()).toEqual(['k2'])
    await store.prune()
    expect(await left()).toEqual(['k2'])
    await other.rollback()
    await store.prune()
    expect(await left()).toEqual([])
  })

  test('a connection without a default database adds and sweeps in the table of another database', async ({
    onTestFinished,
  }) => {
    const url = new URL(mysqlUrl)
    const table = `${url.pathname.slice(1)}.bcl_test_${crypto.randomUUID().slice(0, 8)}`
    url.pathname = '/'
    const connection = await mysql.createConnection(url.href)
    onTestFinished(async () => {
      await connection.query(`DROP TABLE IF EXISTS ${table}`)
      await connection.end()
    })
    await connection.query(schema('mysql', { table }))
    const query: SqlQuery = async (text, params) => (await connection.execute(text, params))[0] as object[]
    const store = new SqlStore({ dialect: 'mysql', table, query })
    const count = async () =>
      Number(((await query(`SELECT count(*) AS n FROM ${table}`, [])) as { n: unknown }[])[0]!.n)
    await store.add('k', 'v', 1)
    await store.prune()
    expect(await count()).toBe(0)
    await connection.query(`INSERT INTO ${table} VALUES ('old', 'v', NULL, 1)`)
    await new SqlStore({ dialect: 'mysql', table, query }).add('k', 'v', now() + 60)
    expect(await count()).toBe(1)
  })
})

/** For each database, how to find the index that a statement uses. */
interface Explained {
  explain: (text: string) => string
  plan: (rows: readonly Record<string, unknown>[]) => string
  sweep: RegExp
  check: RegExp
  scan: RegExp
}

describe.each<[string, Explained]>([
  [
    'pg',
    {
      explain: (text) => `EXPLAIN ${text}`,
      plan: (rows) => rows.map((row) => row['QUERY PLAN']).join('\n'),
      sweep: /using \w+_expires_at.*\n *Index Cond: \(expires_at/,
      check: /_pkey/,
      scan: /Seq Scan on bcl/,
    },
  ],
  [
    'mysql2, not prepared',
    {
      // MariaDB, which has no other format, ignores the comment.
      explain: (text) => `EXPLAIN /*!80018 FORMAT=TRADITIONAL */ ${text}`,
      plan: (rows) =>
        rows.map(({ type, table, key }) => `${String(type)} of ${String(table)} by ${String(key)}`).join('\n'),
      sweep: /^range of \w+ by \w+_expires_at$/m,
      check: /^range of \w+ by PRIMARY$/,
      scan: /^(ALL|index) of \w+ by/m,
    },
  ],
  [
    'node:sqlite',
    {
      explain: (text) => `EXPLAIN QUERY PLAN ${text}`,
      plan: (rows) => rows.map(({ detail }) => detail).join('\n'),
      sweep: /USING COVERING INDEX \w+_expires_at \(expires_at</,
      check: /USING PRIMARY KEY \(entry_key=\?\)/,
      scan: /SCAN bcl/,
    },
  ],
])('on %s, if no row has expired', (name, { explain, plan, sweep, check, scan }) => {
  const { service, connect } = databases[name]!
  describeOn(service, 'SqlStore', () => {
    test('sweeps and checks use an index', async ({ onTestFinished }) => {
      const table = `bcl_test_${crypto.randomUUID().slice(0, 8)}`
      const database = await connect()
      await database.migrate(schema(database.dialect, { table }))
      onTestFinished(async () => {
        await database.migrate(`DROP TABLE ${table}`)
        await database.close()
      })
      for (let start = 0; start < 20_000; start += 5000) {
        const rows = Array.from({ length: 5000 }, (_, n) => `('key ${start + n}', 'value', NULL, ${now() + 3600})`)
        await database.migrate(
          `INSERT INTO ${table} (entry_key, entry_value, full_value, expires_at) VALUES ${rows.join(', ')}`,
        )
      }
      await database.migrate(`ANALYZE ${database.dialect === 'mysql' ? 'TABLE ' : ''}${table}`)
      const plans: [text: string, plan: string][] = []
      const explained = new SqlStore({
        dialect: database.dialect,
        table,
        query: async (text, params) => {
          const result = await database.query(explain(text), params)
          plans.push([text, plan(('rows' in result ? result.rows : result) as Record<string, unknown>[])])
          if (text.includes('count(*)')) return [{ n: 1 }]
          return text.startsWith('INSERT') || text.includes('entry_value = ?') ? [{ k: 'k', v: 'v' }] : []
        },
      })
      const plansOf = (start: string): string[] =>
        plans.filter(([text]) => text.startsWith(start)).map(([, its]) => its)
      await explained.add('k', 'v', now() + 60)
      await explained.prune()
      await explained.values(['a', 'b'])
      // More keys than SQLite has placeholders for.
      if (database.dialect === 'sqlite') await explained.values(Array.from({ length: 100 }, (_, n) => `key ${n}`))
      await explained.remove('a', 'b')
      const checks = plans.filter(([text]) => text.includes('entry_key IN (')).map(([, its]) => its)
      expect(checks.length).toBeGreaterThan(0)
      for (const its of checks) expect(its).toMatch(check)
      const [ofAdd, ofPrune, ofRemove] = plansOf('DELETE')
      for (const its of [ofAdd, ofPrune]) expect(its).toMatch(sweep)
      expect(ofRemove).not.toMatch(sweep)
      for (const its of [...plansOf('DELETE'), ...plansOf('SELECT')]) expect(its).not.toMatch(scan)
    })
  })
})
