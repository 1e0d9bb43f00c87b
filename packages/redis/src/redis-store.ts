import type { LogoutStore } from '@bcl/core'
import type { Driver } from './driver.js'
import { glide, isGlide, type GlideClient } from './glide.js'
import { ioredis, isIoredis, type IoredisClient } from './ioredis.js'
import { isNodeRedis, nodeRedis, type NodeRedisClient } from './node-redis.js'
import { isUpstash, upstash, type UpstashClient } from './upstash.js'

/** A client of Redis or Valkey: node-redis, ioredis, iovalkey, Valkey GLIDE or Upstash's REST client. */
export type RedisStoreClient = NodeRedisClient | IoredisClient | GlideClient | UpstashClient

/** Options of {@link RedisStore}. */
export interface RedisStoreOptions {
  /** What keys, and the channel, begin with. Applications that share a server need one each. @default 'bcl:' */
  prefix?: string | undefined
}

/**
 * Adds a value and says whether Redis kept it. A script is one atomic round trip with any client. It touches one key, so it
 * also works in a cluster. Redis removes expired values by its own clock: an instance whose clock is ahead must not remove
 * the values of others. The key expires with its latest member. `EXPIREAT … GT` cannot do that: it takes a key without
 * expiry for the latest.
 */
const addScript = `
redis.call('ZADD', KEYS[1], 'GT', ARGV[2], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', redis.call('TIME')[1])
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2]
if last then redis.call('EXPIREAT', KEYS[1], math.ceil(tonumber(last))) end
return redis.call('ZSCORE', KEYS[1], ARGV[1]) and 1 or 0`

function driverOf(client: RedisStoreClient): Driver {
  if (isGlide(client)) return glide(client)
  if (isNodeRedis(client)) return nodeRedis(client)
  if (isIoredis(client)) return ioredis(client)
  if (isUpstash(client)) return upstash(client)
  throw new TypeError('client must be one of node-redis, ioredis, Valkey GLIDE or Upstash')
}

/**
 * Remembers logouts in Redis 6.2 or later, or Valkey, for all instances that share it, and tells them at once.
 *
 * Each key is a sorted set: a value's score is its expiry. `publish` is there with any client, `subscribe` with
 * node-redis and ioredis: it takes a connection of its own, a duplicate of the client's.
 *
 * @example
 * ```ts
 * import { createBackchannelLogout } from '@bcl/core'
 * import { RedisStore } from '@bcl/redis'
 * import { createClient } from 'redis'
 *
 * const redis = await createClient({ url: 'redis://127.0.0.1:6379' })
 *   .on('error', (error) => console.error(error))
 *   .connect()
 *
 * export const logout = createBackchannelLogout({
 *   issuers: [{ issuer: 'https://op.example.com', clientId: 'my-client' }],
 *   sessionMaxAge: 8 * 60 * 60,
 *   store: new RedisStore(redis),
 * })
 * ```
 */
export class RedisStore implements LogoutStore {
  readonly publish: (message: string) => Promise<void>
  readonly subscribe?: (listener: (message: string) => void) => Promise<() => Promise<void>>
  readonly #driver: Driver
  readonly #prefix: string
  #isTelling = false

  /**
   * @param client The application's own client, which it connects and closes itself.
   * @throws {TypeError} when the client is none of those known, or `prefix` is not a string.
   */
  constructor(client: RedisStoreClient, options: RedisStoreOptions = {}) {
    const { prefix = 'bcl:' } = options
    if (typeof prefix !== 'string') throw new TypeError('prefix must be a string')
    const driver = driverOf(client)
    const channel = `${prefix}logouts`
    this.#driver = driver
    this.#prefix = prefix
    this.publish = async (message) => {
      await driver.publish(channel, message)
    }
    if (driver.subscribe) {
      this.subscribe = async (listener) => {
        let isEnded = false
        // A connection may still hear something while it closes.
        const end = await driver.subscribe!(channel, (message) => {
          if (!isEnded) this.#tell(listener, message)
        })
        return async () => {
          isEnded = true
          await end()
        }
      }
    }
  }

  async add(key: string, value: string, expiresAt: number): Promise<void> {
    const kept = Number(await this.#driver.run(addScript, this.#prefix + key, value, String(expiresAt)))
    if (kept === 1) return
    // Upstash's client resolves to a text when its request is aborted.
    if (kept !== 0) throw new Error('Redis did not say whether it kept the value')
    if (expiresAt > Date.now() / 1000)
      throw new Error('Redis did not keep the value. Likely cause: the clock of Redis is ahead')
  }

  async values(keys: readonly string[]): Promise<string[][]> {
    if (keys.length === 0) return []
    // The commands do not contain the time, so a client can answer them from its cache.
    const ranges = await this.#driver.ranges(
      keys.map((key) => this.#prefix + key),
      this.#isTelling,
    )
    if (!Array.isArray(ranges) || ranges.length !== keys.length)
      throw new Error('Redis did not answer once for each key')
    const now = Date.now() / 1000
    return ranges.map((range) => {
      const entries = this.#driver.entriesOf(range)
      return entries.filter(([, expiresAt]) => expiresAt > now).map(([value]) => value)
    })
  }

  async remove(key: string, value: string): Promise<void> {
    await this.#driver.remove(this.#prefix + key, value)
  }

  /** What a listener asks for at once is read from Redis: a message may overtake what empties a client's cache. */
  #tell(listener: (message: string) => void, message: string): void {
    this.#isTelling = true
    try {
      listener(message)
    } finally {
      this.#isTelling = false
    }
  }
}
