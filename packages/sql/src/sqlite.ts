import { padToPowerOfTwo, quote, withoutSchema, wrongTable, type Dialect } from './statement.js'

const name = (table: string): string => quote(table, '"')
const columns = 'entry_key AS k, coalesce(full_value, entry_value) AS v'
const expired = "expires_at <= CAST(strftime('%s', 'now') AS INTEGER)"

/**
 * The largest number of keys that have one placeholder each, because D1 allows only 100 placeholders. If there are more keys,
 * all keys share one placeholder as JSON. Such a statement is slower.
 */
const maxPlaceholders = 64

export const sqlite: Dialect = {
  name,
  schema: (table) => `CREATE TABLE IF NOT EXISTS ${name(table)} (
  entry_key TEXT NOT NULL,
  entry_value TEXT NOT NULL,
  full_value TEXT,
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (entry_key, entry_value)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS ${name(`${table}_expires_at`)} ON ${name(withoutSchema(table))} (expires_at);
`,
  add: (table, { key, value, fullValue, expiresAt }) => [
    `INSERT INTO ${table} (entry_key, entry_value, full_value, expires_at) VALUES (?, ?, ?, ?)
ON CONFLICT (entry_key, entry_value) DO UPDATE SET expires_at = max(expires_at, excluded.expires_at)
RETURNING ${columns}`,
    key,
    value,
    fullValue,
    expiresAt,
  ],
  values: (table, keys, now) => {
    const usesPlaceholders = keys.length <= maxPlaceholders
    const list = usesPlaceholders ? padToPowerOfTwo(keys) : [JSON.stringify(keys)]
    const places = usesPlaceholders ? list.map(() => '?').join(', ') : 'SELECT value FROM json_each(?)'
    return [
      `SELECT ${columns} FROM ${table}
WHERE entry_key IN (${places}) AND expires_at > ?`,
      ...list,
      now,
    ]
  },
  remove: (table, key, value) => [`DELETE FROM ${table} WHERE entry_key = ? AND entry_value = ?`, key, value],
  sweep: (table, limit) => [
    `DELETE FROM ${table} WHERE (entry_key, entry_value) IN (
  SELECT entry_key, entry_value FROM ${table} WHERE ${expired} ORDER BY expires_at LIMIT ?)`,
    limit,
  ],
  countExpired: (table) => [`SELECT count(*) AS n FROM ${table} WHERE ${expired}`],
  likelyCause: wrongTable,
}
