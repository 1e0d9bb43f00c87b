import { type LogoutStore, MemoryStore } from '@bcl/core'
import { RedisStore } from '@bcl/redis'
import { createClient } from 'redis'

export interface Store {
  logouts: LogoutStore
  close(): Promise<void>
}

/**
 * Keeps logouts in Redis, for all instances and across restarts. Without Redis, keeps them in this process. A restart then forgets
 * them, so a cookie that was logged out works again if SESSION_SECRET stays the same.
 */
export async function createStore(redisUrl: string | undefined, prefix: string): Promise<Store> {
  if (redisUrl === undefined) return { logouts: new MemoryStore(), close: async () => {} }
  const redis = createClient({ url: redisUrl })
  redis.on('error', (error: Error) => console.error(`Redis: ${error.message}`))
  await redis.connect()
  return { logouts: new RedisStore(redis, { prefix }), close: async () => redis.destroy() }
}
