import { schema, type SqlStore, type SqlStoreOptions } from '@bcl/sql'
import { expectClientsToLast } from '@bcl-checks/test-support/documented-clients'
import { startProxy, type Proxy } from '@bcl-checks/test-support/proxy'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { databases } from './support/databases.js'
import { describeOn, mysqlUrl, postgresUrl } from './support/services.js'

const { made, table } = vi.hoisted(() => ({
  made: [] as SqlStore[],
  table: `bcl_test_${crypto.randomUUID().slice(0, 8)}`,
}))

vi.mock('@bcl/sql', async (load) => {
  const original = await load<typeof import('@bcl/sql')>()
  class Made extends original.SqlStore {
    constructor(options: SqlStoreOptions) {
      super({ ...options, table })
      made.push(this)
    }
  }
  return { ...original, SqlStore: Made }
})

const services = {
  postgres: {
    database: databases['pg']!,
    url: postgresUrl,
    client: /new pg\.Pool\(|postgres\('|drizzle\('|connectionString: 'postgres/,
    // postgres.js has no time-out for a query.
    lasting: /new pg\.Pool\(|drizzle\(/,
    limitPool: (code: string) => code.replaceAll(/(?<=new pg\.Pool\(\{|connection: \{)/g, ' max: 2,'),
    stores: 6,
  },
  mysql: {
    database: databases['mysql2, not prepared']!,
    url: mysqlUrl,
    client: /mysql\.createPool\(|mariadb\.createPool\(/,
    lasting: /createPool/,
    limitPool: (code: string) =>
      code.replace('createPool({', 'createPool({ connectionLimit: 2,').replace('app?', 'app?connectionLimit=2&'),
    stores: 2,
  },
} as const

for (const [service, { database: connectable, url, client, lasting, limitPool, stores }] of Object.entries(services)) {
  describeOn(service as keyof typeof services, `the documented clients of ${service}`, () => {
    let database: Awaited<ReturnType<typeof connectable.connect>>
    let proxy: Proxy
    beforeAll(async () => {
      database = await connectable.connect()
      for (const statement of schema(database.dialect, { table }).split(';\n').filter(Boolean))
        await database.query(statement, [])
      proxy = await startProxy(url)
      made.length = 0
    })
    afterAll(async () => {
      await proxy.close()
      await database.query(`DROP TABLE ${table}`, [])
      await database.close()
    })

    test('T-19: work after idle time, and after a restart of the server', { timeout: 60_000 }, async () => {
      const { username, host, pathname } = new URL(proxy.url)
      await expectClientsToLast({
        store: /new SqlStore\(/,
        client,
        redirect: (code) =>
          limitPool(code).replaceAll(
            /(postgres|mysql|mariadb):\/\/localhost\/app/g,
            `$1://${username}@${host}${pathname}`,
          ),
        made: () => made,
        proxies: [proxy],
        outlivesLostConnections: lasting,
      })
      expect(made.length).toBeGreaterThanOrEqual(stores)
    })
  })
}
