import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, test } from 'vitest'
import { hasOwn } from './own-servers.js'

export const postgresUrl = process.env.DATABASE_URL ?? 'postgres://postgres@127.0.0.1:5432/test'
export const mysqlUrl = process.env.MYSQL_URL ?? 'mysql://root@127.0.0.1:3306/test'

/** Whether somebody answers there within a second. */
async function isReachable(url: string, defaultPort: number): Promise<boolean> {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port || defaultPort), timeout: 1000 })
  socket.on('timeout', () => socket.destroy(new Error('nobody answers')))
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

const [hasPostgres, hasMysql] = await Promise.all([isReachable(postgresUrl, 5432), isReachable(mysqlUrl, 3306)])

/** Suites that need something: where it is missing they are skipped, with the reason; in CI that is a failure. */
function describeWith(missing: string | undefined, name: string, suite: () => void): void {
  if (missing === undefined) describe(name, suite)
  else if (process.env.CI !== 'true') describe.skip(`${name}: skipped, ${missing}`, suite)
  else
    test(name, () => {
      throw new Error(missing)
    })
}

export function describeOn(service: 'postgres' | 'mysql' | undefined, name: string, suite: () => void): void {
  const missing =
    service === 'postgres' && !hasPostgres
      ? `no PostgreSQL at ${postgresUrl}`
      : service === 'mysql' && !hasMysql
        ? `no MariaDB or MySQL at ${mysqlUrl}`
        : undefined
  describeWith(missing, name, suite)
}

/** The programs of the servers, for those of a test's own. */
const programs = { postgres: 'initdb and postgres', mysql: 'mariadb-install-db and mariadbd' }

export const describeOwn = (service: 'postgres' | 'mysql', name: string, suite: () => void): void =>
  describeWith(hasOwn(service) ? undefined : `no ${programs[service]}, or not on Linux`, name, suite)
