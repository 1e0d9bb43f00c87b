import { createBackchannelLogout, type BackchannelLogout } from '@bcl/core'
import { schema, SqlStore, type SqlQuery } from '@bcl/sql'
import { createTestIssuer } from '@bcl/testing'
import mysql from 'mysql2/promise'
import { Pool } from 'pg'
import postgres from 'postgres'
import { describe, expect, test } from 'vitest'
import { eventually, timed } from './support/eventually.js'
import { startProxy, type Proxy } from './support/proxy.js'
import { describeOn, mysqlUrl, postgresUrl } from './support/services.js'

const op = await createTestIssuer()

interface Connected {
  query: SqlQuery
  close(): Promise<unknown>
}

const drivers = {
  pg: {
    service: 'postgres',
    dialect: 'postgresql',
    url: postgresUrl,
    port: 5432,
    connect: (url: string): Connected => {
      const pool = new Pool({ connectionString: url, connectionTimeoutMillis: 1000, query_timeout: 1000 })
      pool.on('error', () => {})
      return { query: (text, params) => pool.query(text, params), close: () => pool.end() }
    },
  },
  'postgres.js': {
    service: 'postgres',
    dialect: 'postgresql',
    url: postgresUrl,
    port: 5432,
    connect: (url: string): Connected => {
      const sql = postgres(url, { onnotice: () => {}, backoff: () => 0.2 })
      return { query: (text, params) => sql.unsafe(text, params), close: () => sql.end({ timeout: 0 }) }
    },
  },
  mysql2: {
    service: 'mysql',
    dialect: 'mysql',
    url: mysqlUrl,
    port: 3306,
    connect: (url: string): Connected => {
      const pool = mysql.createPool({ uri: url, connectTimeout: 1000 })
      return {
        query: async (text, params) => (await pool.execute(text, params))[0] as object[],
        close: () => pool.end(),
      }
    },
  },
} as const

const faults: Record<string, (proxy: Proxy) => unknown> = {
  unreachable: (proxy) => proxy.cut(),
  refusing: (proxy) => proxy.refuse(),
}

describe.concurrent('SqlStore', () => {
  for (const [name, { service, dialect, url, port, connect }] of Object.entries(drivers)) {
    describeOn(service, `the store down, with ${name}`, () => {
      test.for(Object.keys(faults))('%s', { timeout: 30_000 }, async (fault, { onTestFinished }) => {
        const table = `bcl_test_${crypto.randomUUID().slice(0, 8)}`
        const direct = connect(url)
        for (const statement of schema(dialect, { table }).split(';\n').filter(Boolean))
          await direct.query(statement, [])
        const proxy = await startProxy(url, port)
        const database = connect(proxy.url)
        onTestFinished(async () => {
          await database.close()
          await proxy.close()
          await direct.query(`DROP TABLE ${table}`, [])
          await direct.close()
        })
        const instance = (query: SqlQuery): BackchannelLogout =>
          createBackchannelLogout({
            issuers: [op.trusted],
            sessionMaxAge: 3600,
            store: new SqlStore({ dialect, query, table }),
            unavailableStatus: 503,
          })
        const send = async (logout: BackchannelLogout, sid: string): Promise<number> => {
          const body = `logout_token=${await op.logoutToken({ sid, sub: sid })}`
          const { status } = await logout.respond({
            method: 'POST',
            contentType: 'application/x-www-form-urlencoded',
            body,
          })
          return status
        }
        const [here, elsewhere] = [instance(database.query), instance(direct.query)]
        expect(await send(here, 'first')).toBe(200)
        expect(await here.isLoggedOut(op.session({ sid: 'other' }))).toBe(false)

        await faults[fault]!(proxy)
        const unavailable = await timed(() => send(here, 'second'))
        expect(unavailable.result).toBe(503)
        expect(unavailable.seconds).toBeLessThan(2)
        expect(await here.isLoggedOut(op.session({ sid: 'second' }))).toBe(true)
        const check = await timed(() => here.isLoggedOut(op.session({ sid: 'other' })).catch((error: unknown) => error))
        expect(check.result).toMatchObject({ code: 'ERR_LOGOUT_FAILED' })
        expect(check.seconds).toBeLessThan(1.5)

        await proxy.mend()
        await eventually('the logout is written', () => elsewhere.isLoggedOut(op.session({ sid: 'second' })))
        await eventually('checks work again', () =>
          here.isLoggedOut(op.session({ sid: 'other' })).then(
            (is) => !is,
            () => false,
          ),
        )
        // A pool may still have connections that wait for their next attempt.
        await eventually('logouts are taken again', async () => (await send(here, 'third')) === 200, 20)
        await Promise.all([here.close(), elsewhere.close()])
      })
    })
  }
})
