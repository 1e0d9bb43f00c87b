import { setTimeout as delay } from 'node:timers/promises'
import { callbackify } from 'node:util'

import { type LogoutStore, MemoryStore } from '@bcl/core'
import { RedisStore } from '@bcl/redis'
import { ServiceUnavailableException } from '@nestjs/common'
import session, { type SessionData } from 'express-session'
import { createClient, type RedisClientType } from 'redis'

export interface Stores {
  logouts: LogoutStore
  sessions: session.Store
  close(): Promise<void>
}

/**
 * Keeps logouts and sessions in Redis, for all instances and across restarts, or in this process. Without Redis, a restart
 * forgets both, so no session outlives its logout.
 */
export async function createStores(redisUrl: string | undefined): Promise<Stores> {
  if (redisUrl === undefined) {
    return { logouts: new MemoryStore(), sessions: new session.MemoryStore(), close: async () => {} }
  }
  const redis = createClient({ url: redisUrl })
  redis.on('error', (error: Error) => console.error(`Redis: ${error.message}`))
  await redis.connect()
  return {
    logouts: new RedisStore(redis, { prefix: 'bcl-nestjs:' }),
    sessions: new RedisSessions(redis as RedisClientType),
    close: async () => redis.destroy(),
  }
}

export function destroySession(sessions: session.Store, sessionId: string): Promise<void> {
  return new Promise((resolve, reject) => {
    sessions.destroy(sessionId, (error: unknown) => (error ? reject(error) : resolve()))
  })
}

type Done<T = void> = (error: unknown, result?: T) => void

/** Sessions of express-session, in Redis. */
class RedisSessions extends session.Store {
  readonly #redis: RedisClientType

  constructor(redis: RedisClientType) {
    super()
    this.#redis = redis
  }

  get(id: string, done: Done<SessionData | null>): void {
    const read = async () => {
      const text = await soon(this.#redis.get(keyOf(id)))
      return text === null ? null : (JSON.parse(text) as SessionData)
    }
    callbackify(read)(done)
  }

  set(id: string, data: SessionData, done: Done<unknown> = () => {}): void {
    const expiration = { type: 'PX', value: Math.ceil(data.cookie.originalMaxAge!) } as const
    callbackify(() => soon(this.#redis.set(keyOf(id), JSON.stringify(data), { expiration })))(done)
  }

  override touch(id: string, data: SessionData, done: Done<unknown> = () => {}): void {
    callbackify(() => soon(this.#redis.pExpire(keyOf(id), Math.ceil(data.cookie.originalMaxAge!))))(done)
  }

  destroy(id: string, done: Done<unknown> = () => {}): void {
    callbackify(() => soon(this.#redis.del(keyOf(id))))(done)
  }
}

const keyOf = (id: string): string => `nestjs-session:${id}`

/** Redis answers within a second, or it counts as down: node-redis itself waits without end for one that is frozen. */
async function soon<T>(answer: Promise<T>): Promise<T> {
  const timer = new AbortController()
  const late = delay(1000, undefined, { signal: timer.signal }).then(() => {
    throw new Error('Redis took over a second')
  })
  try {
    return await Promise.race([answer, late])
  } catch (cause) {
    throw new ServiceUnavailableException('Service Unavailable', { cause })
  } finally {
    timer.abort()
  }
}
