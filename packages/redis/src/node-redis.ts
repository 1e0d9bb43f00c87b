import { begin, hasMethods, toEntry, type Driver } from './driver.js'

/** What is reached of node-redis: a client, a pool, a cluster or a sentinel. */
export interface NodeRedisClient {
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>
  zRangeWithScores(key: string, min: number, max: number): Promise<unknown>
  zRem(key: string, member: string): Promise<unknown>
  publish(channel: string, message: string): Promise<unknown>
}

interface Member {
  value: unknown
  score: unknown
}

interface Pipeline {
  zRangeWithScores(key: string, min: number, max: number): unknown
  execAsPipeline(): Promise<readonly unknown[]>
}

interface Full extends NodeRedisClient {
  readonly clientSideCache?: unknown
  multi(): Pipeline
}

interface Pool extends Full {
  execute<T>(work: (member: Duplicable) => T): Promise<T>
}

interface Subscriber {
  on(event: 'error', listener: () => void): unknown
  connect(): Promise<unknown>
  subscribe(channel: string, listener: (message: string) => void): Promise<unknown>
  unsubscribe(channel: string, listener: (message: string) => void): Promise<unknown>
  destroy?(): unknown
  /** What node-redis 4 calls it. */
  disconnect?(): unknown
}

interface Duplicable {
  duplicate(overrides: object): Subscriber
}

const asPool = (client: NodeRedisClient): Pool | undefined =>
  hasMethods(client, 'execute') ? (client as Pool) : undefined

/** All keys, by single commands: only they are answered from a client-side cache, and only they reach all of a cluster. */
const rangeEach = (client: NodeRedisClient, keys: readonly string[]): Promise<readonly unknown[]> =>
  Promise.all(keys.map((key) => client.zRangeWithScores(key, 0, -1)))

/** All keys, by one connection: a pool takes another for each single command. Never from a cache. */
function rangeTogether(client: Full, keys: readonly string[]): Promise<readonly unknown[]> {
  const pipeline = client.multi()
  for (const key of keys) pipeline.zRangeWithScores(key, 0, -1)
  return pipeline.execAsPipeline()
}

/** A duplicate must not share the cache: its end would empty it. */
const own = { clientSideCache: undefined, emitInvalidate: false }

function subscribeAlone(
  subscriber: Subscriber,
  channel: string,
  listener: (message: string) => void,
): Promise<() => Promise<void>> {
  subscriber.on('error', () => {})
  return begin(
    async () => {
      await subscriber.connect()
      await subscriber.subscribe(channel, listener)
    },
    async () => {
      try {
        await (subscriber.destroy ?? subscriber.disconnect)?.call(subscriber)
      } catch {
        // Earlier versions throw when it is closed.
      }
    },
  )
}

export const isNodeRedis = (client: unknown): client is NodeRedisClient =>
  hasMethods(client, 'eval', 'zRangeWithScores', 'zRem', 'publish')

export const nodeRedis = (client: NodeRedisClient): Driver => ({
  run: (script, key, ...args) => client.eval(script, { keys: [key], arguments: args }),
  async ranges(keys, isFresh) {
    const full = client as Full
    if (!full.clientSideCache) return asPool(client) ? rangeTogether(full, keys) : rangeEach(client, keys)
    if (!isFresh) return rangeEach(client, keys)
    // One by one: in a cluster the keys are on several nodes.
    return Promise.all(keys.map(async (key) => (await rangeTogether(full, [key]))[0]))
  },
  entriesOf: (range) => (range as Member[]).map(({ value, score }) => toEntry(value, score)),
  remove: (key, value) => client.zRem(key, value),
  publish: (channel, message) => client.publish(channel, message),
  async subscribe(channel, listener) {
    const pool = asPool(client)
    if (pool) return subscribeAlone(await pool.execute((member) => member.duplicate(own)), channel, listener)
    if ('isPubSubActive' in client)
      return subscribeAlone((client as unknown as Duplicable).duplicate(own), channel, listener)
    // A cluster and a sentinel keep a connection for subscriptions themselves.
    const many = client as unknown as Subscriber
    await many.subscribe(channel, listener)
    return () => many.unsubscribe(channel, listener)
  },
})
