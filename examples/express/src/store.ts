import { setTimeout as delay } from 'node:timers/promises'

import { type LogoutStore, MemoryStore } from '@bcl/core'
import { RedisStore } from '@bcl/redis'
import { RedisStore as RedisSessions } from 'connect-redis'
import session from 'express-session'
import { createClient, type RedisClientType } from 'redis'

export interface Stores {
  logouts: LogoutStore
  sessions: session.Store
  close(): Promise<void>
}

/**
 * Stores logouts and sessions in Redis, which all instances share. Both survive a restart. Without Redis, stores both in
 * this process. A restart then loses the logouts, but also all sessions. So no session works again after its logout.
 */
export async function createStores(redisUrl: string | undefined): Promise<Stores> {
  if (redisUrl === undefined) {
    return { logouts: new MemoryStore(), sessions: new session.MemoryStore(), close: async () => {} }
  }
  const redis = createClient({ url: redisUrl })
  redis.on('error', (error: Error) => console.error(`Redis: ${error.message}`))
  await redis.connect()
  return {
    logouts: new RedisStore(redis, { prefix: 'bcl-express:' }),
    sessions: new RedisSessions({ client: withTimeout(redis as RedisClientType), prefix: 'express-session:' }),
    close: async () => redis.destroy(),
  }
}

export function destroySession(sessions: session.Store, sessionId: string): Promise<void> {
  return new Promise((resolve, reject) => {
    sessions.destroy(sessionId, (error: unknown) => (error ? reject(error) : resolve()))
  })
}

/** Adds a time-out to the commands that connect-redis sends for a session. */
function withTimeout(redis: RedisClientType): RedisClientType {
  const commands: Pick<RedisClientType, 'get' | 'set' | 'expire' | 'del'> = {
    get: (...args) => soon(redis.get(...args)),
    set: (...args) => soon(redis.set(...args)),
    expire: (...args) => soon(redis.expire(...args)),
    del: (...args) => soon(redis.del(...args)),
  }
  return commands as RedisClientType
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
