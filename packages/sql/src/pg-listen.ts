import { withTimeout } from '@bcl/core/kit'
import type { SqlListen } from './sql-store.js'

/** The time-out for a connection that starts to listen, in seconds. */
const openTime = 5
/** Seconds to wait before each attempt to reconnect. */
const reconnectDelay = 1

/** The methods of a `pg` `Client` that `pgListen` uses. The client is not connected yet. */
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
 * Creates the option `listen` of `SqlStore` for `pg`. Listens on a separate connection. If this connection is lost,
 * tries every second to open a new connection. An attempt takes at most five seconds. Messages that arrive while there is no
 * connection are lost. If the first connection fails, `subscribe` of the store rejects.
 *
 * @param create Creates a client that is not connected. Do not take the client from a pool.
 * @example
 * ```ts
 * import { pgListen, SqlStore } from '@bcl/sql'
 * import pg from 'pg'
 *
 * const connectionString = 'postgres://localhost/app'
 * const pool = new pg.Pool({ connectionString, connectionTimeoutMillis: 1000, query_timeout: 2000 })
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
    let hasEnded = false

    const open = async (): Promise<void> => {
      const client = create()
      let isLost = false
      client.on('notification', (notification) => {
        if (notification.channel === channel) listener(notification.payload ?? '')
      })
      // Without this listener, an error would end the process. The listener does nothing, because `pg` emits `end` next.
      client.on('error', () => {})
      client.on('end', () => {
        isLost = true
        if (client === current) reconnect()
      })
      try {
        // Without this time-out, a server that accepts connections but never answers would end live sign-out for ever, and
        // each new subscription would keep one more connection.
        await withTimeout(openTime, async () => {
          await client.connect()
          await client.query(`LISTEN "${channel}"`)
        })
        if (isLost || hasEnded) throw new Error('the connection was closed before it could listen')
        current = client
      } catch (error) {
        client.end().catch(() => {})
        throw error
      }
    }

    const reconnect = (): void => {
      current = undefined
      if (hasEnded) return
      timer = setTimeout(() => void open().catch(reconnect), reconnectDelay * 1000)
      ;(timer as { unref?: () => void }).unref?.()
    }

    await open()
    return async () => {
      hasEnded = true
      clearTimeout(timer)
      await current?.end()
    }
  }
}
