import { padToPowerOfTwo, quote, withoutSchema, wrongTable, type Dialect } from './statement.js'

const name = (table: string): string => quote(table, '"')
const columns = 'entry_key AS k, coalesce(full_value, entry_value) AS v'
const expired = 'expires_at <= floor(extract(epoch FROM statement_timestamp()))::bigint'

export const postgresql: Dialect = {
  name,
  // The collation "C" compares bytes. The default collation of the database can treat different texts as equal.
  schema: (table) => `CREATE TABLE IF NOT EXISTS ${name(table)} (
  entry_key text COLLATE "C" NOT NULL,
  entry_value text COLLATE "C" NOT NULL,
  full_value text,
  expires_at bigint NOT NULL,
  PRIMARY KEY (entry_key, entry_value)
);
CREATE INDEX IF NOT EXISTS ${name(`${withoutSchema(table)}_expires_at`)} ON ${name(table)} (expires_at);
`,
  add: (table, { key, value, fullValue, expiresAt }) => [
    `INSERT INTO ${table} AS entry (entry_key, entry_value, full_value, expires_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (entry_key, entry_value) DO UPDATE SET expires_at = greatest(entry.expires_at, excluded.expires_at)
RETURNING ${columns}`,
    key,
    value,
    fullValue,
    expiresAt,
  ],
  values: (table, keys, now) => {
    const all = padToPowerOfTwo(keys)
    return [
      `SELECT ${columns} FROM ${table}
WHERE entry_key IN (${all.map((_, index) => `$${index + 2}`).join(', ')}) AND expires_at > $1`,
      now,
      ...all,
    ]
  },
  remove: (table, key, value) => [`DELETE FROM ${table} WHERE entry_key = $1 AND entry_value = $2`, key, value],
  sweep: (table, limit) => [
    `DELETE FROM ${table} WHERE ctid = ANY (ARRAY(
  SELECT ctid FROM ${table} WHERE ${expired} ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED))`,
    limit,
  ],
  countExpired: (table) => [`SELECT count(*) AS n FROM ${table} WHERE ${expired}`],
  // pg_notify returns void, and Prisma cannot read a column of this type.
  notify: (channel, payload) => ['SELECT pg_notify($1, $2)::text', channel, payload],
  likelyCause: wrongTable,
}
