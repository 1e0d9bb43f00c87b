export { pgListen } from './pg-listen.js'
export { schema } from './schema.js'
export { SqlStore } from './sql-store.js'

export type { PgClient } from './pg-listen.js'
export type { SqlDialect } from './schema.js'
export type { SqlListen, SqlQuery, SqlResult, SqlStoreOptions } from './sql-store.js'
export type { SqlParameter } from './statement.js'
