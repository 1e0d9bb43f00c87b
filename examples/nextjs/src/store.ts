import { type LogoutStore, MemoryStore } from '@bcl/core'
import { RedisStore } from '@bcl/redis'
import { createClient } from 'redis'

export interface Store {
  logouts: LogoutStore
  close(): Promise<void>
}

/**
 * Where logouts are kept: in Redis, for all instances and across restarts, or in this process. That forgets them at a
 * restart, and with a SESSION_SECRET that stays the same, every cookie logged out before is good again.
 */
export async function createStore(redisUrl: string | undefined): Promise<Store> {
  if (redisUrl === undefined) return { logouts: new MemoryStore(), close: async () => {} }
  const redis = createClient({ url: redisUrl })
  redis.on('error', (error: Error) => console.error(`Redis: ${error.message}`))
  await redis.connect()
  return { logouts: new RedisStore(redis, { prefix: 'bcl-nextjs:' }), close: async () => redis.destroy() }
}
