import type { LogoutStore } from '@bcl/core'
import { readOptions, type Rules } from '@bcl/core/kit'
import type { Driver } from './driver.js'
import { glide, isGlide, type GlideClient } from './glide.js'
import { ioredis, isIoredis, type IoredisClient } from './ioredis.js'
import { isNodeRedis, nodeRedis, type NodeRedisClient } from './node-redis.js'
import { isUpstash, upstash, type UpstashClient } from './upstash.js'

/** A client of Redis or Valkey: node-redis, ioredis, iovalkey, Valkey GLIDE or Upstash's REST client. */
export type RedisStoreClient = NodeRedisClient | IoredisClient | GlideClient | UpstashClient

/** Options of {@link RedisStore}. */
export interface RedisStoreOptions {
  /**
   * The prefix of all keys and of the channel. If several applications share a server, give each application its own prefix.
   *
   * @default 'bcl:'
   */
  prefix?: string | undefined
}

/**
 * Adds a value and returns whether Redis kept it. The script is one atomic round trip with any client. It uses one key, so it
 * also works in a cluster.
 *
 * The script removes expired values by the clock of Redis, because an instance whose clock is ahead must not remove the values
 * of other instances. The key expires when its last member expires. The script does not use `EXPIREAT … GT`, because that
 * command ignores a key without an expiry.
 */
const addScript = `
redis.call('ZADD', KEYS[1], 'GT', ARGV[2], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', redis.call('TIME')[1])
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2]
if last then redis.call('EXPIREAT', KEYS[1], math.ceil(tonumber(last))) end
return redis.call('ZSCORE', KEYS[1], ARGV[1]) and 1 or 0`

const rules: Rules = { prefix: [(prefix) => typeof prefix === 'string', 'must be a string', 'bcl:'] }

function driverOf(client: RedisStoreClient): Driver {
  if (isGlide(client)) return glide(client)
  if (isNodeRedis(client)) return nodeRedis(client)
  if (isIoredis(client)) return ioredis(client)
  if (isUpstash(client)) return upstash(client)
  throw new TypeError('client must be a client of node-redis, ioredis, iovalkey, Valkey GLIDE or Upstash')
}

/**
 * A store in Redis 6.2 or later, or in Valkey. All instances of an application share it.
 *
 * Each key is a sorted set. The score of a value is its expiry. The store has `publish` with all clients. It has
 * `subscribe` only with node-redis, ioredis and iovalkey. A subscription opens one more connection. If a command fails, the
 * call rejects with the error of the client. `add` also rejects if Redis drops the value at once, because the clock of Redis is
 * ahead.
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
  #isNotifying = false

  /**
   * @param client The client of the application. The application connects and closes it.
   * @throws {TypeError} if the client is of an unknown kind, or an option is wrong or unknown.
   */
  constructor(client: RedisStoreClient, options: RedisStoreOptions = {}) {
    const { prefix } = readOptions(options, rules) as { prefix: string }
    const driver = driverOf(client)
    const channel = `${prefix}logouts`
    this.#driver = driver
    this.#prefix = prefix
    this.publish = async (message) => {
      await driver.publish(channel, message)
    }
    if (driver.subscribe) {
      this.subscribe = async (listener) => {
        let hasEnded = false
        // A connection can still deliver messages while it closes.
        const end = await driver.subscribe!(channel, (message) => {
          if (!hasEnded) this.#notify(listener, message)
        })
        return async () => {
          hasEnded = true
          await end()
        }
      }
    }
  }

  async add(key: string, value: string, expiresAt: number): Promise<void> {
    const kept = Number(await this.#driver.runScript(addScript, this.#prefix + key, value, String(expiresAt)))
    if (kept === 1) return
    // If a request is aborted, the promise of the Upstash client does not reject. It resolves to a text.
    if (kept !== 0) throw new Error('Redis did not say whether it kept the value')
    if (expiresAt > Date.now() / 1000)
      throw new Error('Redis did not keep the value. Likely cause: the clock of Redis is ahead')
  }

  async values(keys: readonly string[]): Promise<string[][]> {
    if (keys.length === 0) return []
    // The commands do not contain the time. So the commands for a key are always the same, and a client can answer them
    // from its cache.
    const ranges = await this.#driver.ranges(
      keys.map((key) => this.#prefix + key),
      this.#isNotifying,
    )
    if (!Array.isArray(ranges) || ranges.length !== keys.length)
      throw new Error('Redis did not return one answer per key')
    const now = Date.now() / 1000
    return ranges.map((range) => {
      const entries = this.#driver.entriesOf(range)
      return entries.filter(([, expiresAt]) => expiresAt > now).map(([value]) => value)
    })
  }

  async remove(key: string, value: string): Promise<void> {
    await this.#driver.remove(this.#prefix + key, value)
  }

  /**
   * Calls a listener. During this call, reads bypass the client's cache, because a message can arrive before the cache
   * is invalidated.
   */
  #notify(listener: (message: string) => void, message: string): void {
    this.#isNotifying = true
    try {
      listener(message)
    } finally {
      this.#isNotifying = false
    }
  }
}
