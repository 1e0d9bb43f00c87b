import { pgListen, schema, SqlStore } from '@bcl/sql'
import { EventEmitter } from 'node:events'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { databases, type Database, optionsOf } from './support/databases.js'
import { eventually } from '@bcl-checks/test-support/eventually'
import { describeOn, postgresUrl } from './support/services.js'

describe.each(['pg', 'postgres.js'])('with %s', (name) => {
  describeOn('postgres', 'LISTEN and NOTIFY', () => {
    // The name has an upper-case letter, because PostgreSQL changes names without quotes to lower case.
    const table = `bcl_Test_${crypto.randomUUID().slice(0, 8)}`
    let database: Database
    let store: SqlStore
    beforeAll(async () => {
      database = await databases[name]!.connect()
      await database.migrate(schema('postgresql', { table }))
      store = new SqlStore({ ...optionsOf(database), table })
    })
    afterAll(async () => {
      await database.migrate(`DROP TABLE "${table}"`)
      await database.close()
    })

    const listeners = async (): Promise<number[]> => {
      const result = await database.query(
        `SELECT pid FROM pg_stat_activity WHERE query ILIKE 'listen %' AND query ILIKE '%' || $1 || '%' AND pid <> pg_backend_pid()`,
        [table],
      )
      const rows = 'rows' in result ? result.rows : result
      return rows.map((row) => (row as { pid: number }).pid)
    }

    test('a subscription is restored after its connection is cut off, and can be ended', async () => {
      const heard: string[] = []
      const end = await store.subscribe!((message) => heard.push(message))
      await store.publish!('before')
      await eventually('the first message arrives', () => heard.length === 1)
      const [pid] = await listeners()
      await database.query('SELECT pg_terminate_backend($1)', [pid!])
      await eventually('it listens again', async () => {
        const [other] = await listeners()
        return other !== undefined && other !== pid
      })
      await store.publish!('after')
      await eventually('the second message arrives', () => heard.length === 2)
      await end()
      // At the end, pg closes its connection. postgres.js only stops listening.
      if (name === 'pg') await eventually('its connection is closed', async () => (await listeners()).length === 0)
      expect(heard).toEqual(['before', 'after'])
    })

    test('a message that is longer than a notification arrives complete', async () => {
      const heard: string[] = []
      const end = await store.subscribe!((message) => heard.push(message))
      const messages = [7899, 7900, 7901, 8000, 100_000].map((length) => 'x'.repeat(length))
      for (const message of [...messages, '#', '=', '', 'é'.repeat(7000)]) await store.publish!(message)
      await eventually('all messages arrive', () => heard.length === messages.length + 4)
      expect(heard.map(({ length }) => length).toSorted((a, b) => a - b)).toEqual([
        0, 1, 1, 7000, 7899, 7900, 7901, 8000, 100_000,
      ])
      await end()
    })

    test('a store does not get the messages of a store with another table', async () => {
      const other = new SqlStore({ ...optionsOf(database), table: `${table}_other` })
      const heard: string[] = []
      const end = await store.subscribe!((message) => heard.push(message))
      await other.publish!('from the other')
      await store.publish!('from the same')
      await eventually('the message comes', () => heard.length > 0)
      expect(heard).toEqual(['from the same'])
      await end()
    })
  })
})

describeOn('postgres', 'publish', () => {
  test('works with a driver that cannot read a column of type void, such as Prisma', async ({ onTestFinished }) => {
    const client = new Client(postgresUrl)
    await client.connect()
    onTestFinished(() => client.end())
    const store = new SqlStore({
      dialect: 'postgresql',
      async query(text, params) {
        const { rows, fields } = await client.query(text, params)
        const typeOfVoid = 2278
        if (fields.some(({ dataTypeID }) => dataTypeID === typeOfVoid))
          throw new Error("Failed to deserialize column of type 'void'")
        return rows
      },
    })
    await store.publish!('message')
  })
})

test('listen rejects if there is no server', async () => {
  const listen = pgListen(() => new Client('postgres://127.0.0.1:1/none'))
  await expect(listen('channel', () => {})).rejects.toThrow('ECONNREFUSED')
})

/** A client whose server answers no query after the first `answered` clients. Counts the clients. */
function muteClients(answered: number) {
  const ended: number[] = []
  const opened: EventEmitter[] = []
  const create = () => {
    const index = opened.length
    const client = Object.assign(new EventEmitter(), {
      connect: async () => {},
      query: () => (index < answered ? Promise.resolve() : new Promise<never>(() => {})),
      end: async () => void ended.push(index),
    })
    opened.push(client)
    return client
  }
  return { create, ended, opened }
}

test('a server that accepts the connection but does not answer: listen rejects, and the connection is closed', async ({
  onTestFinished,
}) => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const { create, ended } = muteClients(0)
  const subscribed = expect(pgListen(create)('channel', () => {})).rejects.toThrow('took over 5 s')
  await vi.advanceTimersByTimeAsync(5000)
  expect(ended).toEqual([0])
  await subscribed
})

test('a server that does not answer after the connection was lost: another connection is tried', async ({
  onTestFinished,
}) => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const { create, ended, opened } = muteClients(1)
  const end = await pgListen(create)('channel', () => {})
  opened[0]!.emit('end')
  await vi.advanceTimersByTimeAsync(1000)
  expect([opened.length, ended]).toEqual([2, []])
  await vi.advanceTimersByTimeAsync(5000 + 1000)
  expect([opened.length, ended]).toEqual([3, [1]])
  await end()
  await vi.advanceTimersByTimeAsync(5000 + 1000)
  expect([opened.length, ended]).toEqual([3, [1, 2]])
})

describeOn('postgres', 'pgListen', () => {
  test('a subscription that ends while its connection is lost does not reconnect', async ({ onTestFinished }) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const client = new Client(postgresUrl)
    const end = await pgListen(() => client)('bcl_test_channel', () => {})
    const gone = new Promise<void>((resolve) => client.once('end', resolve))
    await client.query('SELECT pg_terminate_backend(pg_backend_pid())').catch(() => {})
    await gone
    expect(vi.getTimerCount()).toBe(1)
    await end()
    expect(vi.getTimerCount()).toBe(0)
  })
})
