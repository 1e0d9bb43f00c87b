import { type LogoutStore, MemoryStore } from '@bcl/core'
import { RedisStore } from '@bcl/redis'
import { createClient } from 'redis'

export interface Store {
  logouts: LogoutStore
  close(): Promise<void>
}

/**
 * Stores logouts in Redis, which all instances share. So logouts survive a restart. Without Redis, stores logouts in this
 * process. A restart then loses the logouts. If SESSION_SECRET stays the same, cookies that were logged out work again.
 */
export async function createStore(redisUrl: string | undefined, prefix: string): Promise<Store> {
  if (redisUrl === undefined) return { logouts: new MemoryStore(), close: async () => {} }
  const redis = createClient({ url: redisUrl })
  redis.on('error', (error: Error) => console.error(`Redis: ${error.message}`))
  await redis.connect()
  return { logouts: new RedisStore(redis, { prefix }), close: async () => redis.destroy() }
}
