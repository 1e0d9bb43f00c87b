import { createHash } from 'node:crypto'
import { schema, SqlStore, type SqlDialect, type SqlQuery, type SqlStoreOptions } from '@bcl/sql'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { databases, type Database } from './support/databases.js'
import { describeOn } from './support/services.js'

const now = (): number => Math.floor(Date.now() / 1000)
const query: SqlQuery = () => []

describe('options', () => {
  test.each<[string, object, string]>([
    ['no dialect', { query }, 'dialect must be "postgresql", "sqlite" or "mysql"'],
    ['an unknown dialect', { dialect: 'oracle', query }, 'dialect must be "postgresql", "sqlite" or "mysql"'],
    ['a dialect of Object', { dialect: 'toString', query }, 'dialect must be "postgresql", "sqlite" or "mysql"'],
    ['no query', { dialect: 'sqlite' }, 'query must be a function'],
    ['listen that is no function', { dialect: 'postgresql', query, listen: {} }, 'listen must be a function'],
    [
      'listen elsewhere',
      { dialect: 'mysql', query, listen: query },
      'listen is for PostgreSQL only, and dialect is "mysql"',
    ],
  ])('%s is refused', (_, options, message) => {
    expect(() => new SqlStore(options as SqlStoreOptions)).toThrow(new TypeError(message))
  })

  const rule = 'table must be a name of letters, digits and "_", with a schema or without, of 48 characters at most'
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
    expect(() => schema('sqlite', { table: table as string })).toThrow(new TypeError(rule))
    expect(() => new SqlStore({ dialect: 'sqlite', query, table: table as string })).toThrow(new TypeError(rule))
  })

  test.each<[SqlDialect, boolean, boolean]>([
    ['postgresql', true, true],
    ['sqlite', false, false],
    ['mysql', false, false],
  ])('%s: publish is there: %s', (dialect, publishes, subscribes) => {
    const listen = dialect === 'postgresql' ? { listen: async () => () => {} } : {}
    const store = new SqlStore({ dialect, query, ...listen })
    expect([store.publish !== undefined, store.subscribe !== undefined]).toEqual([publishes, subscribes])
    expect(new SqlStore({ dialect, query }).subscribe).toBeUndefined()
  })

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['an object without rows', { results: [] }],
    ['rows and fields, as mysql2 does', [[{ k: 'k', v: 'v' }], []]],
    ['rows as arrays', [['k', 'v']]],
    ['bytes for text', [{ k: new Uint8Array(1), v: 'v' }]],
    ['null', [null]],
  ])('a query that gives %s is a failure, not an absence of logouts', async (_, result) => {
    const store = new SqlStore({ dialect: 'mysql', query: () => result as [] })
    await expect(store.values(['k'])).rejects.toThrow(new TypeError('query must give the rows, as objects by column'))
  })

  test('a query that throws is a rejection', async () => {
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
      let database: Database
      let store: SqlStore
      const storeOn = (own: string): SqlStore =>
        new SqlStore({
          ...database,
          table: own,
          query: (text, params) => {
            queries.push(text)
            return database.query(text, params)
          },
        })
      const read = async (text: string): Promise<unknown[]> => {
        const result = await database.query(text, [])
        return 'rows' in result ? [...result.rows] : [...result]
      }
      const count = async (): Promise<number> =>
        Number((Object.values((await read(`SELECT count(*) AS n FROM ${table}`))[0] as object) as unknown[])[0])

      /** Puts rows that have expired: a store would delete some as it goes. */
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

      test('two tables do not touch each other', async () => {
        const other = storeOn(`${table}_other`)
        await store.add('k', 'v', now() + 60)
        await other.add('k', 'w', now() + 60)
        await other.remove('k', 'v')
        expect(await store.values(['k'])).toEqual([['v']])
        expect(await other.values(['k'])).toEqual([['w']])
      })

      test('a check is one query, and so is one of 5,000 keys', async () => {
        await store.add('key 4999', 'v', now() + 60)
        queries.length = 0
        await store.values(['a', 'b'])
        const found = await store.values(Array.from({ length: 5000 }, (_, index) => `key ${index}`))
        expect(queries).toHaveLength(2)
        expect(found[4999]).toEqual(['v'])
        expect(found.flat()).toEqual(['v'])
      })

      test('expired rows do not pile up, and no add deletes more than a hundred', async () => {
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

      test('prune deletes what has expired, and nothing else', async () => {
        await expire(300)
        await store.add('live', 'v', now() + 60)
        await store.prune()
        expect(await count()).toBe(1)
        expect(await store.values(['live'])).toEqual([['v']])
      })

      test('an instance whose clock is a day fast does not end what others wrote', async () => {
        await store.add('k', 'v', now() + 3600)
        vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 86_400_000 })
        const fast = storeOn(table)
        await fast.add('k', 'w', now() + 3600)
        await fast.prune()
        expect(await fast.values(['k'])).toEqual([['w']])
        vi.useRealTimers()
        expect((await store.values(['k']))[0]!.toSorted()).toEqual(['v', 'w'])
      })

      test('what is long, or not ASCII, is known by a hash, and given back whole', async () => {
        const long = 'x'.repeat(100_000)
        // One that looks like the hash of another.
        const imposter = `sha256:${createHash('sha256').update(long).digest('hex')}`
        const odd = ['sha256:', imposter, long, `${long} `, 'é', 'e\u0301', '😀', 'ſ', 'K']
        for (const value of odd) await store.add(long, value, now() + 60)
        expect((await store.values([long]))[0]!.toSorted()).toEqual(odd.toSorted())
        const widest = await read(`SELECT max(length(entry_key)) AS a, max(length(entry_value)) AS b FROM ${table}`)
        expect(Object.values(widest[0] as object).map(Number)).toEqual([71, 71])
        for (const value of odd) await store.remove(long, value)
        expect(await count()).toBe(0)
      })

      test('a fraction of a second is rounded up', async () => {
        const expiresAt = now() + 60
        await store.add('k', 'v', expiresAt + 0.01)
        const [row] = (await read(`SELECT expires_at AS n FROM ${table}`)) as { n: unknown }[]
        expect(Number(row!.n)).toBe(expiresAt + 1)
      })

      test('adds of many at once, over expired rows, all succeed', async () => {
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

describeOn('postgres', 'on PostgreSQL, where nothing has expired', () => {
  test('a sweep and a check go by an index, whatever the statistics say', async ({ onTestFinished }) => {
    const table = `bcl_test_${crypto.randomUUID().slice(0, 8)}`
    const database = await databases['pg']!.connect()
    await database.migrate(schema('postgresql', { table }))
    onTestFinished(async () => {
      await database.migrate(`DROP TABLE ${table}`)
      await database.close()
    })
    await database.migrate(
      `INSERT INTO ${table} SELECT 'key ' || n, 'value', NULL, ${now() + 3600} FROM generate_series(1, 20000) n; ANALYZE ${table}`,
    )
    // By the statement: those of one call are under way at the same time, and answered in any order.
    const plans = new Map<string, string>()
    const explained = new SqlStore({
      dialect: 'postgresql',
      table,
      query: async (text, params) => {
        const { rows } = (await database.query(`EXPLAIN ${text}`, params)) as { rows: { 'QUERY PLAN': string }[] }
        plans.set(text.slice(0, 6), rows.map((row) => row['QUERY PLAN']).join('\n'))
        return []
      },
    })
    await explained.add('k', 'v', now() + 60)
    await explained.values(['a', 'b'])
    expect([...plans.keys()].toSorted()).toEqual(['DELETE', 'INSERT', 'SELECT'])
    expect(plans.get('DELETE')).toMatch(new RegExp(`using ${table}_expires_at.*\\n *Index Cond: \\(expires_at`))
    expect(plans.get('SELECT')).toContain(`${table}_pkey`)
    expect([...plans.values()].join('\n')).not.toContain(`Seq Scan on ${table}`)
  })
})
