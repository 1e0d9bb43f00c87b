import { createBackchannelLogout, type BackchannelLogout } from '@bcl/core'
import { schema, SqlStore, type SqlQuery } from '@bcl/sql'
import { createTestIssuer } from '@bcl/testing'
import { createPool } from 'mariadb'
import mysql from 'mysql2/promise'
import { Pool } from 'pg'
import postgres from 'postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { before, eventually } from './support/eventually.js'
import { startOwn, type OwnServer } from './support/own-servers.js'
import { startProxy, type Proxy } from './support/proxy.js'
import { describeOwn } from './support/services.js'

const op = await createTestIssuer()

const tokenOf = (sid: string): Promise<string> => op.logoutToken({ sid, sub: sid })

const post = async (logout: BackchannelLogout, token: string): Promise<number> => {
  const { status } = await logout.respond({
    method: 'POST',
    contentType: 'application/x-www-form-urlencoded',
    body: `logout_token=${token}`,
  })
  return status
}

const send = async (logout: BackchannelLogout, sid: string): Promise<number> => post(logout, await tokenOf(sid))

/** Whether a session is let in; a store that does not answer lets nobody in. */
const passes = (logout: BackchannelLogout, sid: string): Promise<boolean> =>
  logout.isLoggedOut(op.session({ sid })).then(
    (isOver) => !isOver,
    () => false,
  )

interface Connected {
  query: SqlQuery
  close(): Promise<unknown>
}

/** The drivers as the README wires them, by what they speak to. */
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
        const pool = createPool(`${url.replace(/^mysql:/, 'mariadb:')}?socketTimeout=1000&acquireTimeout=1000`)
        return { query: (text, params): Promise<object[]> => pool.query(text, params), close: () => pool.end() }
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
  describeOwn(kind, `the store down, ${service}`, () => {
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
      const instance = (query: SqlQuery, unavailableStatus: 400 | 503): BackchannelLogout =>
        createBackchannelLogout({
          issuers: [op.trusted],
          sessionMaxAge: 3600,
          store: new SqlStore({ dialect, query, table }),
          unavailableStatus,
        })
      const [here, at400] = [instance(database.query, 503), instance(database.query, 400)]
      let told = 0
      for (const logout of [here, at400]) logout.onLogout(() => (told += 1))
      // A busy machine may take longer than the second there is, before and after.
      await eventually('a logout is taken', async () => (await send(here, 'first')) === 200)
      await eventually('checks work', () => passes(here, 'other'))
      const done = told
      expect(done).toBeGreaterThan(0)

      const [second, third] = [await tokenOf('second'), await tokenOf('third')]
      await fault.begin(server, proxy)
      const statuses = await Promise.all([before(2, () => post(here, second)), before(2, () => post(at400, third))])
      expect(statuses).toEqual([503, 400])
      // Nothing is reported as done. What could not be written counts here at once; of the others nobody is let in.
      expect(told).toBe(done)
      expect(await here.isLoggedOut(op.session({ sid: 'second' }))).toBe(true)
      await expect(before(1.5, () => here.isLoggedOut(op.session({ sid: 'other' })))).rejects.toMatchObject({
        code: 'ERR_LOGOUT_FAILED',
      })

      await fault.end(server, proxy)
      const elsewhere = instance(direct.query, 400)
      for (const sid of ['second', 'third']) {
        // A pool may still have connections that have not noticed.
        await eventually(`${sid} is written`, () => elsewhere.isLoggedOut(op.session({ sid })).catch(() => false))
      }
      await eventually('checks work again', () => passes(here, 'other'))
      // A pool may still have connections that wait for their next attempt.
      await eventually('logouts are taken again', async () => (await send(here, 'fourth')) === 200, 20)
      await Promise.all([here.close(), at400.close(), elsewhere.close()])
    })

    // Not postgres.js: it knows of a lost connection when the operating system gives it up.
    const replacing = Object.entries(connects).filter(([name]) => name !== 'postgres.js')
    test.for(replacing)(
      'connections that are lost without a word are replaced, with %s',
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
        // As many at once as the pool has connections.
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
