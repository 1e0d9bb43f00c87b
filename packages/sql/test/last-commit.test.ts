import * as core from '@bcl/core'
import * as sql from '@bcl/sql'
import { describeWithLastCommit, expectToShare, lastCommit } from '@bcl-checks/test-support/last-commit'
import { test } from 'vitest'
import { databases, optionsOf } from './support/databases.js'
import { describeOn } from './support/services.js'

for (const name of ['pg', 'node:sqlite', 'mysql2, prepared'] as const) {
  const { service, connect } = databases[name]!
  describeOn(service, name, () => {
    describeWithLastCommit('shared with the last commit', () => {
      test('instances of both versions know the logouts of each other', async ({ onTestFinished }) => {
        const last = await lastCommit()
        const table = `bcl_test_${crypto.randomUUID().slice(0, 8)}`
        const database = await connect()
        const lastSql = await last.load<typeof sql>('sql')
        // The schema of the last version creates the table. Then the schema of this version runs.
        await database.migrate(lastSql.schema(database.dialect, { table }))
        await database.migrate(sql.schema(database.dialect, { table }))
        onTestFinished(async () => {
          await database.migrate(`DROP TABLE ${table}`)
          await database.close()
          last.close()
        })
        await expectToShare([
          { core, store: new sql.SqlStore({ ...optionsOf(database), table }) },
          { core: last.core, store: new lastSql.SqlStore({ ...optionsOf(database), table }) },
        ])
      })
    })
  })
}
