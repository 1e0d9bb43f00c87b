import { PGlite } from '@electric-sql/pglite'
import { schema, SqlStore } from '@bcl/sql'
import { testStore } from '@bcl/testing'
import { afterAll, beforeAll, describe, test } from 'vitest'

describe('SqlStore on PGlite', () => {
  let db: PGlite
  beforeAll(async () => {
    db = await PGlite.create()
    await db.exec(schema('postgresql'))
  })
  afterAll(() => db.close())
  testStore(
    test,
    () =>
      new SqlStore({
        dialect: 'postgresql',
        query: (text, params) => db.query(text, params),
        listen: (channel, listener) => db.listen(channel, listener),
      }),
  )
})
