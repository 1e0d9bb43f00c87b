import { padToPowerOfTwo, quote, withoutSchema, wrongTable, type Dialect } from './statement.js'

const name = (table: string): string => quote(table, '`')
const columns = 'CONVERT(entry_key USING utf8mb4) AS k, CONVERT(coalesce(full_value, entry_value) USING utf8mb4) AS v'
const expired = 'expires_at <= UNIX_TIMESTAMP()'

/** Reads all rows, even if the server sets `sql_select_limit`. A missing row would keep an ended session alive. */
const noLimit = 'LIMIT 18446744073709551615'

export const mysql: Dialect = {
  name,
  // The columns are VARBINARY, because most text collations ignore case, and even `_bin` collations ignore trailing spaces.
  schema: (table) => `CREATE TABLE IF NOT EXISTS ${name(table)} (
  entry_key VARBINARY(255) NOT NULL,
  entry_value VARBINARY(255) NOT NULL,
  full_value MEDIUMBLOB,
  expires_at BIGINT NOT NULL,
  PRIMARY KEY (entry_key, entry_value),
  KEY ${name(`${withoutSchema(table)}_expires_at`)} (expires_at)
) ENGINE=InnoDB;
`,
  add: (table, { key, value, fullValue, expiresAt }) => [
    `INSERT INTO ${table} (entry_key, entry_value, full_value, expires_at) VALUES (?, ?, ?, ?)
ON DUPLICATE KEY UPDATE expires_at = GREATEST(expires_at, ?)`,
    key,
    value,
    fullValue,
    expiresAt,
    expiresAt,
  ],
  // MySQL has no RETURNING. A column of a wrong type may change the expiry without an error. `+ 0` makes a number of a date.
  readRow: (table, { key, value, expiresAt }) => [
    `SELECT ${columns} FROM ${table} WHERE entry_key = ? AND entry_value = ? AND expires_at + 0 BETWEEN ? AND 1e12`,
    key,
    value,
    expiresAt,
  ],
  values: (table, keys, now) => {
    const all = padToPowerOfTwo(keys)
    return [
      `SELECT ${columns} FROM ${table}
WHERE entry_key IN (${all.map(() => '?').join(', ')}) AND expires_at > ? ${noLimit}`,
      ...all,
      now,
    ]
  },
  remove: (table, key, value) => [`DELETE FROM ${table} WHERE entry_key = ? AND entry_value = ?`, key, value],
  // The limit is part of the statement. Drivers send JavaScript numbers as DOUBLE, and a prepared LIMIT accepts only integers.
  // A DELETE has no SKIP LOCKED. Without it, sweeps would wait for rows that another transaction has locked, and would take all
  // connections of the pool. The join must read the derived table first, because the other order locks rows that are not expired.
  // An alias for the table would need a default database.
  sweep: (table, limit) => [
    `DELETE ${table} FROM (
  SELECT entry_key, entry_value FROM ${table} WHERE ${expired} ORDER BY expires_at LIMIT ${limit} FOR UPDATE SKIP LOCKED
) AS expired STRAIGHT_JOIN ${table} FORCE INDEX (PRIMARY)
ON ${table}.entry_key = expired.entry_key AND ${table}.entry_value = expired.entry_value`,
  ],
  countExpired: (table) => [`SELECT count(*) AS n FROM ${table} WHERE ${expired}`],
  likelyCause: `${wrongTable} Or the driver escapes parameters wrongly, as query() of mysql2 does under NO_BACKSLASH_ESCAPES. Use execute() instead. Or the query function reads from a replica.`,
}
