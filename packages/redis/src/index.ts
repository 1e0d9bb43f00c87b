export { RedisStore } from './redis-store.js'

export type { GlideClient } from './glide.js'
export type { IoredisClient } from './ioredis.js'
export type { NodeRedisClient } from './node-redis.js'
export type { RedisStoreClient, RedisStoreOptions } from './redis-store.js'
export type { UpstashClient } from './upstash.js'
