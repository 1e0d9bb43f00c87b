import { inspect } from 'node:util'
import { createBackchannelLogout } from '@bcl/core'
import { SqlStore, type SqlDialect, type SqlQuery } from '@bcl/sql'
import { createTestIssuer } from '@bcl/testing'
import { createPool } from 'mariadb'
import mysql from 'mysql2/promise'
import { Pool } from 'pg'
import postgres from 'postgres'
import { describe, expect, test } from 'vitest'
import { databases } from './support/databases.js'
import { describeOn, mysqlUrl, postgresUrl } from './support/services.js'

const op = await createTestIssuer()
const claims = { sub: 'älice@example.com', sid: "session-4711 'é'" }

/** The error texts that an operator reads if a check and a logout fail. They must not contain a claim value. */
async function failuresOf(dialect: SqlDialect, query: SqlQuery, table = 'bcl_no_such_table'): Promise<string[]> {
  const logout = createBackchannelLogout({
    issuers: [op.trusted],
    sessionMaxAge: 3600,
    store: new SqlStore({ dialect, query, table }),
    onError: () => {},
  })
  const token = await op.logoutToken(claims)
  const works = [logout.isLoggedOut(op.session(claims)), logout.receive(token)]
  const errors = await Promise.all(
    works.map((work) =>
      work.then(
        () => expect.fail('did not fail'),
        (error: unknown) => inspect(error, { depth: 9, showHidden: true }),
      ),
    ),
  )
  await logout.close()
  for (const error of errors) for (const claim of ['lice@', '4711']) expect(error).not.toContain(claim)
  return errors
}

describe('the error names a missing table', () => {
  for (const [name, { service, connect }] of Object.entries(databases)) {
    describeOn(service, name, () => {
      test('and contains no claim value', async ({ onTestFinished }) => {
        const database = await connect()
        onTestFinished(() => void database.close())
        for (const error of await failuresOf(database.dialect, database.query))
          expect(error).toContain('bcl_no_such_table')
      })
    })
  }
})

interface Connected {
  query: SqlQuery
  close(): unknown
}

const drivers: Record<string, { dialect: SqlDialect; url: string; connect(url: string): Connected }> = {
  pg: {
    dialect: 'postgresql',
    url: postgresUrl,
    connect(url) {
      const pool = new Pool({ connectionString: url })
      return { query: (text, params) => pool.query(text, params), close: () => pool.end() }
    },
  },
  'postgres.js': {
    dialect: 'postgresql',
    url: postgresUrl,
    connect(url) {
      const sql = postgres(url, { fetch_types: false })
      // Without a time-out, `end` can wait for ever if the server refuses a connection.
      return { query: (text, params) => sql.unsafe(text, params), close: () => sql.end({ timeout: 1 }) }
    },
  },
  mysql2: {
    dialect: 'mysql',
    url: mysqlUrl,
    connect(url) {
      const pool = mysql.createPool(url)
      return {
        query: async (text, params) => (await pool.execute(text, params))[0] as object[],
        close: () => pool.end(),
      }
    },
  },
  mariadb: {
    dialect: 'mysql',
    url: mysqlUrl,
    connect(url) {
      const limits = 'initializationTimeout=500&acquireTimeout=500'
      const pool = createPool(`${url.replace(/^mysql:/, 'mariadb:')}${url.includes('?') ? '&' : '?'}${limits}`)
      return { query: (text, params): Promise<object[]> => pool.query(text, params), close: () => pool.end() }
    },
  },
}

for (const [name, { dialect, url, connect }] of Object.entries(drivers)) {
  describeOn(dialect === 'mysql' ? 'mysql' : 'postgres', `the error has the driver's own message, ${name}`, () => {
    test.for<[fault: string, change: (url: URL) => void, said: RegExp]>([
      ['a wrong database', (to) => (to.pathname = '/bcl_no_such_database'), /database '?"?bcl_no_such_database/i],
      [
        'a wrong user or password',
        (to) => Object.assign(to, { username: 'bcl_no_such_user', password: 'wrong' }),
        /role "bcl_no_such_user" does not exist|password authentication failed|Access denied for user 'bcl_no_such_user'/,
      ],
    ])('%s', async ([, change, said], { onTestFinished }) => {
      const to = new URL(url)
      change(to)
      const { query, close } = connect(String(to))
      onTestFinished(async () => void (await Promise.resolve(close()).catch(() => {})))
      for (const error of await failuresOf(dialect, query)) expect(error).toMatch(said)
    })
  })
}
