import { schema, SqlStore } from '@bcl/sql'
import { countRoundTrips, roundTripsOf } from '@bcl-checks/test-support/round-trips'
import { expect, test } from 'vitest'
import { databases } from './support/databases.js'
import { describeOn } from './support/services.js'

const expected = {
  check: 1,
  logout: 3,
  'logout that supersedes markers': 3,
  'the same Logout Token again': 2,
  trackSession: 2,
  'logout that ends a tracked session': 3,
  endSession: 2,
}
/** Each add takes a second round trip, which reads the row back. */
const withReadBack = {
  check: 1,
  logout: 5,
  'logout that supersedes markers': 5,
  'the same Logout Token again': 3,
  trackSession: 3,
  'logout that ends a tracked session': 5,
  endSession: 3,
}

for (const name of ['pg', 'node:sqlite', 'mysql2, prepared'] as const) {
  const { service, connect } = databases[name]!
  describeOn(service, name, () => {
    test('the round trips of core', async ({ onTestFinished }) => {
      const table = `bcl_test_${crypto.randomUUID().slice(0, 8)}`
      const database = await connect()
      await database.migrate(schema(database.dialect, { table }))
      onTestFinished(async () => {
        await database.migrate(`DROP TABLE ${table}`)
        await database.close()
      })
      const trips = countRoundTrips()
      const store = new SqlStore({
        dialect: database.dialect,
        table,
        query: (text, params) => trips.call(() => database.query(text, params)),
      })
      const isMysql = database.dialect === 'mysql'
      expect(await roundTripsOf(store, trips)).toEqual(isMysql ? withReadBack : expected)
    })
  })
}
