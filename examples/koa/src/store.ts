import { setTimeout as delay } from 'node:timers/promises'

import { type LogoutStore, MemoryStore } from '@bcl/core'
import { RedisStore } from '@bcl/redis'
import { createClient } from 'redis'

/** The interface of a store for koa-session. */
export interface SessionStore {
  get(id: string): Promise<object | undefined>
  /** `maxAge` is in milliseconds. */
  set(id: string, session: object, maxAge: number): Promise<void>
  destroy(id: string): Promise<void>
}

export interface Stores {
  logouts: LogoutStore
  sessions: SessionStore
  close(): Promise<void>
}

/**
 * Stores logouts and sessions in Redis, which all instances share. Both survive a restart. Without Redis, stores both in
 * this process. A restart then loses the logouts, but also all sessions. So no session works again after its logout.
 */
export async function createStores(redisUrl: string | undefined): Promise<Stores> {
  if (redisUrl === undefined) {
    return { logouts: new MemoryStore(), sessions: createSessionStore(), close: async () => {} }
  }
  const redis = createClient({ url: redisUrl })
  redis.on('error', (error: Error) => console.error(`Redis: ${error.message}`))
  await redis.connect()
  const keyOf = (id: string) => `koa-session:${id}`
  return {
    logouts: new RedisStore(redis, { prefix: 'bcl-koa:' }),
    sessions: {
      async get(id) {
        const session = await soon(redis.get(keyOf(id)))
        return session === null ? undefined : (JSON.parse(session) as object)
      },
      async set(id, session, maxAge) {
        const expiration = { type: 'PX', value: maxAge } as const
        await soon(redis.set(keyOf(id), JSON.stringify(session), { expiration }))
      },
      async destroy(id) {
        await soon(redis.del(keyOf(id)))
      },
    },
    close: async () => redis.destroy(),
  }
}

/**
 * Rejects if Redis does not answer within a second. node-redis has no time-out for an answer, and would wait for ever
 * if the server hangs.
 */
async function soon<T>(answer: Promise<T>): Promise<T> {
  const timer = new AbortController()
  const late = delay(1000, undefined, { signal: timer.signal }).then(() => {
    throw new Error('Redis did not answer within a second')
  })
  try {
    return await Promise.race([answer, late])
  } catch (cause) {
    throw Object.assign(new Error('Service Unavailable', { cause }), { status: 503 })
  } finally {
    timer.abort()
  }
}

function createSessionStore(): SessionStore {
  const entries = new Map<string, { session: object; expiresAt: number }>()

  setInterval(() => {
    for (const [id, { expiresAt }] of entries) if (expiresAt <= Date.now()) entries.delete(id)
  }, 60_000).unref()

  return {
    async get(id) {
      const entry = entries.get(id)
      return entry && entry.expiresAt > Date.now() ? structuredClone(entry.session) : undefined
    },
    async set(id, session, maxAge) {
      entries.set(id, { session: structuredClone(session), expiresAt: Date.now() + maxAge })
    },
    async destroy(id) {
      entries.delete(id)
    },
  }
}
