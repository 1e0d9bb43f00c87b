import { createBackchannelLogout } from '@bcl/core'
import { schema, SqlStore, type SqlQuery } from '@bcl/sql'
import { createTestIssuer } from '@bcl/testing'
import { eventually } from '@bcl-checks/test-support/eventually'
import { expectNothingLost } from '@bcl-checks/test-support/outage'
import { startProxy, type Proxy } from '@bcl-checks/test-support/proxy'
import { createPool } from 'mariadb'
import mysql from 'mysql2/promise'
import { Pool } from 'pg'
import postgres from 'postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startOwn, type OwnServer } from './support/own-servers.js'
import { describeOwn } from './support/services.js'

const op = await createTestIssuer()

interface Connected {
  query: SqlQuery
  close(): Promise<unknown>
}

/** The drivers of each database, with the settings of the README. */
const drivers = {
  postgres: {
    dialect: 'postgresql',
    connect: {
      pg(url: string): Connected {
        const pool = new Pool({ connectionString: url, connectionTimeoutMillis: 1000, query_timeout: 1000 })
        pool.on('error', () => {})
        return { query: (text, params) => pool.query(text, params), close: () => pool.end() }
      },
      'postgres.js'(url: string): Connected {
        const sql = postgres(url, { fetch_types: false, onnotice: () => {}, backoff: () => 0.2 })
        return { query: (text, params) => sql.unsafe(text, params), close: () => sql.end({ timeout: 0 }) }
      },
    },
  },
  mysql: {
    dialect: 'mysql',
    connect: {
      mysql2(url: string): Connected {
        const pool = mysql.createPool({ uri: url, connectTimeout: 1000 })
        return {
          async query(sql, values) {
            const connection = await pool.getConnection()
            const timer = setTimeout(() => connection.destroy(), 1000)
            try {
              return (await connection.execute(sql, values))[0] as object[]
            } finally {
              clearTimeout(timer)
              connection.release()
            }
          },
          close: () => pool.end(),
        }
      },
      mariadb(url: string): Connected {
        const pool = createPool(`${url.replace(/^mysql:/, 'mariadb:')}?connectTimeout=1000&acquireTimeout=1000`)
        return {
          async query(text, params) {
            const connection = await pool.getConnection()
            const timer = setTimeout(() => connection.destroy(), 1000)
            try {
              return (await connection.query(text, params)) as object[]
            } finally {
              clearTimeout(timer)
              await connection.release()
            }
          },
          close: () => pool.end(),
        }
      },
    },
  },
} as const

interface Fault {
  begin(server: OwnServer, proxy: Proxy): unknown
  end(server: OwnServer, proxy: Proxy): unknown
}

const faults: Record<string, Fault> = {
  killed: { begin: (server) => server.kill(), end: (server) => server.start() },
  frozen: { begin: (server) => server.freeze(), end: (server) => server.thaw() },
  unreachable: { begin: (_, proxy) => proxy.cut(), end: (_, proxy) => proxy.mend() },
}

for (const [service, { dialect, connect: connects }] of Object.entries(drivers)) {
  const kind = service as keyof typeof drivers
  describeOwn(kind, `while the store is down, ${service}`, () => {
    let server: OwnServer
    beforeAll(async () => {
      server = await startOwn(kind)
    })
    afterAll(() => server.close())

    const cases = Object.keys(faults).flatMap((fault) =>
      Object.entries(connects).map(([name, connect]) => [fault, name, connect] as const),
    )
    test.for(cases)('%s, with %s', { timeout: 60_000 }, async ([name, , connect], { onTestFinished }) => {
      const fault = faults[name]!
      const table = `bcl_test_${crypto.randomUUID().slice(0, 8)}`
      const direct = connect(server.url)
      for (const statement of schema(dialect, { table }).split(';\n').filter(Boolean)) await direct.query(statement, [])
      const proxy = await startProxy(server.url)
      const database = connect(proxy.url)
      onTestFinished(async () => {
        await database.close()
        await proxy.close()
        await direct.close()
      })
      await expectNothingLost({
        store: new SqlStore({ dialect, query: database.query, table }),
        begin: () => fault.begin(server, proxy),
        end: () => fault.end(server, proxy),
        elsewhere: () => new SqlStore({ dialect, query: direct.query, table }),
      })
    })

    // postgres.js is left out, because it waits until the operating system closes a lost connection.
    const replacing = Object.entries(connects).filter(([name]) => name !== 'postgres.js')
    test.for(replacing)(
      '%s replaces connections that are lost without a message',
      { timeout: 60_000 },
      async ([, connect], { onTestFinished }) => {
        const table = `bcl_test_${crypto.randomUUID().slice(0, 8)}`
        const proxy = await startProxy(server.url)
        const database = connect(proxy.url)
        onTestFinished(async () => {
          await database.close()
          await proxy.close()
        })
        for (const statement of schema(dialect, { table }).split(';\n').filter(Boolean))
          await database.query(statement, [])
        const logout = createBackchannelLogout({
          issuers: [op.trusted],
          sessionMaxAge: 3600,
          store: new SqlStore({ dialect, query: database.query, table }),
        })
        const session = op.session()
        // Runs as many checks at once as the pool has connections.
        const check = () => Promise.allSettled(Array.from({ length: 10 }, () => logout.isLoggedOut(session)))
        await check()
        proxy.lose()
        expect((await check()).map(({ status }) => status)).toContain('rejected')
        await eventually(
          'all checks work again',
          async () => (await check()).every(({ status }) => status === 'fulfilled'),
          30,
        )
      },
    )
  })
}
