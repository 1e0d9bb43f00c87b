import { describeUnless, isReachable } from '@bcl-checks/test-support/services'
import { hasOwn } from './own-servers.js'

export const postgresUrl = process.env.DATABASE_URL ?? 'postgres://postgres@127.0.0.1:5432/test'
export const mysqlUrl = process.env.MYSQL_URL ?? 'mysql://root@127.0.0.1:3306/test'

const [hasPostgres, hasMysql] = await Promise.all([isReachable(postgresUrl, 5432), isReachable(mysqlUrl, 3306)])

export function describeOn(service: 'postgres' | 'mysql' | undefined, name: string, suite: () => void): void {
  const missing =
    service === 'postgres' && !hasPostgres
      ? `no PostgreSQL at ${postgresUrl}`
      : service === 'mysql' && !hasMysql
        ? `no MariaDB or MySQL at ${mysqlUrl}`
        : undefined
  describeUnless(missing, name, suite)
}

/** The programs that a test needs to start its own server. */
const programs = { postgres: 'initdb and postgres', mysql: 'mariadb-install-db and mariadbd' }

export const describeOwn = (service: 'postgres' | 'mysql', name: string, suite: () => void): void =>
  describeUnless(hasOwn(service) ? undefined : `no ${programs[service]}, or not on Linux`, name, suite)
