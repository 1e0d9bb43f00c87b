import { EventEmitter } from 'node:events'
import { pgListen, schema, SqlStore, type PgClient, type SqlDialect, type SqlStoreOptions } from '@bcl/sql'
import { expect, test, vi } from 'vitest'

/** A store that records its statements. Its database is empty and accepts every row. */
function recordingStore(options: Omit<SqlStoreOptions, 'query'>) {
  const asked: [text: string, params: unknown[]][] = []
  let stored: object[] = []
  const store = new SqlStore({
    ...options,
    query(text, params) {
      asked.push([text, params])
      const [k, value, full] = params
      if (text.startsWith('INSERT')) stored = [{ k, v: full ?? value }]
      if (text.includes('count(*)')) return [{ n: 1 }]
      return text.startsWith('INSERT') || text.includes('entry_value = ?') ? stored : []
    },
  })
  return { store, asked }
}

test.each(['a'.repeat(48), 'logouts', '_l', 'auth.logouts', 'Auth_2.l1', `${'a'.repeat(23)}.${'b'.repeat(24)}`])(
  'the table name %s is accepted',
  (table) => {
    expect(schema('postgresql', { table })).toContain(`"${table.replace('.', '"."')}"`)
  },
)

test.each(['1a.logouts', 'a b.logouts', 'a;b.logouts', 'a".logouts', '$.logouts'])(
  'the table name %s is refused',
  (table) => {
    expect(() => schema('postgresql', { table })).toThrow(TypeError)
  },
)

test.each<[SqlDialect, string]>([
  ['postgresql', '"auth"."Logouts"'],
  ['sqlite', '"auth"."Logouts"'],
  ['mysql', '`auth`.`Logouts`'],
])('%s: each statement names the table in quotes, part by part', async (dialect, name) => {
  const { store, asked } = recordingStore({ dialect, table: 'auth.Logouts' })
  await store.add('k', 'v', 1_900_000_000)
  await store.values(['k'])
  await store.remove('k', 'v')
  await store.prune()
  expect(asked).toHaveLength(dialect === 'mysql' ? 7 : 6)
  for (const [text] of asked) expect(text).toContain(`${name}`)
})

test('a text that fits an index is not stored a second time', async () => {
  const { store, asked } = recordingStore({ dialect: 'sqlite' })
  await store.add('k', 'v', 1_900_000_000.5)
  expect(asked[0]![1]).toEqual(['k', 'v', null, 1_900_000_001])
})

test('every eighth add deletes expired rows', async () => {
  const { store, asked } = recordingStore({ dialect: 'sqlite' })
  for (let index = 0; index < 17; index += 1) await store.add('k', String(index), 1_900_000_000)
  expect(asked.filter(([text]) => text.startsWith('DELETE'))).toHaveLength(3)
})

test('SQLite: each of up to 64 keys has its own placeholder, and more keys share one placeholder', async () => {
  const { store, asked } = recordingStore({ dialect: 'sqlite' })
  const keys = Array.from({ length: 65 }, (_, index) => `k${index}`)
  await store.values(keys.slice(1))
  await store.values(keys)
  expect(asked.map(([, params]) => params.length)).toEqual([65, 2])
  expect(asked[1]![1][0]).toBe(JSON.stringify(keys))
})

test('PostgreSQL: a long message is stored for a minute, and only its key is sent to the channel', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: 1_800_000_000_000 })
  const { store, asked } = recordingStore({ dialect: 'postgresql', table: 'Auth.Logouts' })
  await store.publish!('m'.repeat(7900))
  await store.publish!('m'.repeat(7901))
  vi.useRealTimers()
  const sent = asked.filter(([text]) => text.includes('pg_notify')).map(([, params]) => params)
  expect(sent.map(([channel]) => channel)).toEqual(['auth_logouts', 'auth_logouts'])
  expect(sent[0]![1]).toBe(`=${'m'.repeat(7900)}`)
  expect(sent[1]![1]).toMatch(/^#message:/)
  const kept = asked.find(([text]) => text.startsWith('INSERT'))!
  expect(kept[1].at(-1)).toBe(1_800_000_060)
})

test.each([{ k: 'k' }, { v: 'v' }, { k: 1, v: 'v' }, { k: 'k', v: 1 }])('values rejects the row %j', async (row) => {
  const store = new SqlStore({ dialect: 'sqlite', query: () => [row] })
  await expect(store.values(['k'])).rejects.toThrow(TypeError)
})

test.each([[[]], [[{}]], [[{ n: 'many' }]]])('prune rejects the count %j', async (rows) => {
  const store = new SqlStore({ dialect: 'sqlite', query: () => rows })
  await expect(store.prune()).rejects.toThrow(TypeError)
})

test('no message is delivered after the end of a subscription', async () => {
  let notify: (payload: string) => void = () => {}
  const store = new SqlStore({
    dialect: 'postgresql',
    query: () => [],
    listen: async (_, listener) => {
      notify = listener
      return () => {}
    },
  })
  const heard: string[] = []
  const end = await store.subscribe!((message) => heard.push(message))
  notify('=one')
  await vi.waitFor(() => expect(heard).toEqual(['one']))
  await end()
  notify('=two')
  await new Promise((resolve) => setImmediate(resolve))
  expect(heard).toEqual(['one'])
})

/** A client of `pg` that fails on demand. */
class FakeClient extends EventEmitter implements PgClient {
  ended = 0
  connect = async (): Promise<void> => {}
  query: PgClient['query'] = async () => {}
  async end(): Promise<void> {
    this.ended += 1
  }
}

test('pgListen delivers messages of its channel only', async () => {
  const client = new FakeClient()
  const heard: string[] = []
  const end = await pgListen(() => client)('ours', (payload) => heard.push(payload))
  client.emit('notification', { channel: 'theirs', payload: 'a' })
  client.emit('notification', { channel: 'ours', payload: 'b' })
  client.emit('notification', { channel: 'ours' })
  await end()
  expect(heard).toEqual(['b', ''])
  expect(client.ended).toBe(1)
})

test('pgListen rejects and ends a connection that is lost before it listens', async () => {
  const client = new FakeClient()
  client.query = async () => void client.emit('end')
  await expect(pgListen(() => client)('ours', () => {})).rejects.toThrow('was closed')
  expect(client.ended).toBe(1)
})

test('pgListen opens a new connection one second after a loss, and none after its end', async ({ onTestFinished }) => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const clients: FakeClient[] = []
  const end = await pgListen(() => {
    clients.push(new FakeClient())
    return clients.at(-1)!
  })('ours', () => {})
  clients[0]!.emit('end')
  await vi.advanceTimersByTimeAsync(999)
  expect(clients).toHaveLength(1)
  await vi.advanceTimersByTimeAsync(1)
  expect(clients).toHaveLength(2)
  // A second `end` event of an older client changes nothing.
  clients[0]!.emit('end')
  expect(vi.getTimerCount()).toBe(0)
  await end()
  clients[1]!.emit('end')
  expect(vi.getTimerCount()).toBe(0)
})

test('if pgListen is ended while it reconnects, it also ends the new connection', async ({ onTestFinished }) => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const clients: FakeClient[] = []
  const connected = Promise.withResolvers<void>()
  const end = await pgListen(() => {
    const client = new FakeClient()
    if (clients.push(client) === 2) client.connect = () => connected.promise
    return client
  })('ours', () => {})
  clients[0]!.emit('end')
  await vi.advanceTimersByTimeAsync(1000)
  await end()
  connected.resolve()
  await vi.advanceTimersByTimeAsync(5000)
  expect(clients[1]!.ended).toBe(1)
  expect(clients).toHaveLength(2)
})
