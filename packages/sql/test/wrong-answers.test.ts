import { schema, SqlStore, type SqlDialect, type SqlQuery } from '@bcl/sql'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, test } from 'vitest'

const soon = (): number => Math.floor(Date.now() / 1000) + 600
const dialects: SqlDialect[] = ['postgresql', 'sqlite', 'mysql']

describe.each(dialects)('%s', (dialect) => {
  test.each<[string, object[]]>([
    ['a key that was not requested', [{ k: 'other', v: 'v' }]],
    [
      'a requested key and another key',
      [
        { k: 'key', v: 'v' },
        { k: 'Key', v: 'v' },
      ],
    ],
  ])('an answer with %s is an error, not "not logged out"', async (_, rows) => {
    const store = new SqlStore({ dialect, query: () => rows })
    await expect(store.values(['key', 'another'])).rejects.toThrow(
      /^The database returned a key that was not requested\. Likely cause: /,
    )
  })

  test.each<[string, object[]]>([
    ['nothing', []],
    ['another key', [{ k: 'Key', v: 'v' }]],
    ['another value', [{ k: 'key', v: 'V' }]],
  ])('a database that stores %s is an error', async (_, rows) => {
    const store = new SqlStore({ dialect, query: () => rows })
    await expect(store.add('key', 'v', soon())).rejects.toThrow(
      /^The database did not store the exact entry\. Likely cause: /,
    )
  })

  test('the error contains no key and no value', async () => {
    const store = new SqlStore({ dialect, query: () => [{ k: 'somebody', v: 'something' }] })
    for (const call of [store.values(['key']), store.add('key', 'v', soon())])
      await expect(call).rejects.not.toThrow(/somebody|something/)
  })
})

test('columns of a numeric type, such as STRING in SQLite, cause an error that names the likely cause', async () => {
  const db = new DatabaseSync(':memory:')
  db.exec(schema('sqlite').replaceAll('TEXT NOT NULL', 'STRING NOT NULL'))
  const query: SqlQuery = (text, params) => db.prepare(text).all(...params)
  const store = new SqlStore({ dialect: 'sqlite', query })
  await expect(store.add('key', '1', soon())).rejects.toThrow(/schema\(\)/)
  await expect(store.values(['key'])).rejects.toThrow(/schema\(\)/)
})
