import { schema, SqlStore } from '@bcl/sql'
import { testStore } from '@bcl/testing'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { databases, type Database, optionsOf } from './support/databases.js'
import { describeOn } from './support/services.js'

const table = `bcl_test_${crypto.randomUUID().slice(0, 8)}`

describe.concurrent('SqlStore', () => {
  for (const [name, { service, connect }] of Object.entries(databases)) {
    describeOn(service, name, () => {
      const own = `${table}_${name.toLowerCase().replace(/\W+/g, '_')}`
      let database: Database
      beforeAll(async () => {
        database = await connect()
        await database.migrate(schema(database.dialect, { table: own }))
        // A migration can run twice.
        await database.migrate(schema(database.dialect, { table: own }))
      })
      afterAll(async () => {
        await database.migrate(`DROP TABLE ${own}`)
        await database.close()
      })
      testStore(test, () => new SqlStore({ ...optionsOf(database), table: own }))
    })
  }
})
