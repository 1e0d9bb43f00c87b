import { hasMethods, readEach, startSubscription, toEntry, type Driver } from './driver.js'

/** The methods of node-redis that the store uses. Clients, pools, clusters and sentinels have them. */
export interface NodeRedisClient {
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>
  zRangeWithScores(key: string, min: number, max: number): Promise<unknown>
  zRem(key: string, member: string): Promise<unknown>
  publish(channel: string, message: string): Promise<unknown>
}

/** The same client, with members that the public interface does not require. */
interface TypedClient extends NodeRedisClient {
  readonly clientSideCache?: unknown
  multi(): Pipeline
}

interface Pipeline {
  zRangeWithScores(key: string, min: number, max: number): unknown
  execAsPipeline(): Promise<readonly unknown[]>
}

interface Pool extends TypedClient {
  execute<T>(work: (member: Duplicable) => T): Promise<T>
}

interface Duplicable {
  duplicate(overrides: object): Subscriber
}

interface Subscriber {
  on(event: 'error', listener: () => void): unknown
  connect(): Promise<unknown>
  subscribe(channel: string, listener: (message: string) => void): Promise<unknown>
  unsubscribe(channel: string, listener: (message: string) => void): Promise<unknown>
  destroy?(): unknown
  /** The name of `destroy` in node-redis 4. */
  disconnect?(): unknown
}

interface Member {
  value: unknown
  score: unknown
}

/**
 * Settings of the connection for subscriptions. This connection has no client-side cache. If the connection shared the cache
 * of the client, closing the connection would empty the cache.
 */
const subscriberOptions = { clientSideCache: undefined, emitInvalidate: false }

const asPool = (client: NodeRedisClient): Pool | undefined =>
  hasMethods(client, 'execute') ? (client as Pool) : undefined

/** Reads all keys with one pipeline, so a pool uses one connection. A pipeline does not use the client-side cache. */
function readByPipeline(client: TypedClient, keys: readonly string[]): Promise<readonly unknown[]> {
  const pipeline = client.multi()
  for (const key of keys) pipeline.zRangeWithScores(key, 0, -1)
  return pipeline.execAsPipeline()
}

function subscribeOn(
  subscriber: Subscriber,
  channel: string,
  listener: (message: string) => void,
): Promise<() => Promise<void>> {
  subscriber.on('error', () => {})
  return startSubscription({
    async start() {
      await subscriber.connect()
      await subscriber.subscribe(channel, listener)
    },
    async stop() {
      try {
        await (subscriber.destroy ?? subscriber.disconnect)?.call(subscriber)
      } catch {
        // Older versions of node-redis throw if the connection is already closed.
      }
    },
  })
}

export const isNodeRedis = (client: unknown): client is NodeRedisClient =>
  hasMethods(client, 'eval', 'zRangeWithScores', 'zRem', 'publish')

export const nodeRedis = (client: NodeRedisClient): Driver => ({
  runScript: (script, key, ...args) => client.eval(script, { keys: [key], arguments: args }),
  async ranges(keys, bypassCache) {
    const typed = client as TypedClient
    // Only separate commands use the client-side cache, and reach all nodes of a cluster.
    const readSeparately = () => readEach(keys, (key) => client.zRangeWithScores(key, 0, -1))
    if (!typed.clientSideCache) return asPool(client) ? readByPipeline(typed, keys) : readSeparately()
    if (!bypassCache) return readSeparately()
    // Uses one pipeline per key, because the keys of a cluster are on several nodes.
    return readEach(keys, async (key) => (await readByPipeline(typed, [key]))[0])
  },
  entriesOf: (range) => (range as Member[]).map(({ value, score }) => toEntry(value, score)),
  remove: (key, value) => client.zRem(key, value),
  publish: (channel, message) => client.publish(channel, message),
  async subscribe(channel, listener) {
    const pool = asPool(client)
    if (pool) return subscribeOn(await pool.execute((member) => member.duplicate(subscriberOptions)), channel, listener)
    if ('isPubSubActive' in client)
      return subscribeOn((client as unknown as Duplicable).duplicate(subscriberOptions), channel, listener)
    // A cluster and a sentinel have their own connection for subscriptions.
    const subscriber = client as unknown as Subscriber
    await subscriber.subscribe(channel, listener)
    return () => subscriber.unsubscribe(channel, listener)
  },
})
