import type { SqlListen } from './sql-store.js'

/** Seconds between attempts to listen again. */
const retryAfter = 1

/** What is reached of a `Client` of `pg`, not connected yet. */
export interface PgClient {
  connect(): Promise<unknown>
  query(text: string): Promise<unknown>
  end(): Promise<unknown>
  on(
    event: 'notification',
    listener: (notification: { channel: string; payload?: string | undefined }) => void,
  ): unknown
  on(event: 'error' | 'end', listener: () => void): unknown
}

/**
 * Makes the `listen` of `SqlStore` out of `pg`: on a connection of its own, which it replaces, a second later, for as
 * long as it is lost. What is published meanwhile is not heard.
 *
 * @param create Makes a client, not connected. A pool's will not do: it goes back to the pool.
 * @example
 * ```ts
 * import { pgListen, SqlStore } from '@bcl/sql'
 * import pg from 'pg'
 *
 * const connectionString = 'postgres://localhost/app'
 * const pool = new pg.Pool({ connectionString })
 * pool.on('error', (error) => console.error(error))
 *
 * export const store = new SqlStore({
 *   dialect: 'postgresql',
 *   query: (text, params) => pool.query(text, params),
 *   listen: pgListen(() => new pg.Client({ connectionString, connectionTimeoutMillis: 5000, keepAlive: true })),
 * })
 * ```
 */
export function pgListen(create: () => PgClient): SqlListen {
  return async (channel, listener) => {
    let current: PgClient | undefined
    let timer: ReturnType<typeof setTimeout> | undefined
    let isEnded = false

    const open = async (): Promise<void> => {
      const client = create()
      let isLost = false
      client.on('notification', (notification) => {
        if (notification.channel === channel) listener(notification.payload ?? '')
      })
      // Without a listener an error would end the process; `end` follows it.
      client.on('error', () => {})
      client.on('end', () => {
        isLost = true
        if (client === current) again()
      })
      try {
        await client.connect()
        await client.query(`LISTEN "${channel}"`)
        if (isLost || isEnded) throw new Error('the connection to listen on was closed')
        current = client
      } catch (error) {
        client.end().catch(() => {})
        throw error
      }
    }

    const again = (): void => {
      current = undefined
      if (isEnded) return
      timer = setTimeout(() => void open().catch(again), retryAfter * 1000)
      ;(timer as { unref?: () => void }).unref?.()
    }

    await open()
    return async () => {
      isEnded = true
      clearTimeout(timer)
      await current?.end()
    }
  }
}
