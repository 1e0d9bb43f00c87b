import { entriesOfReply, hasMethods, readEach, startSubscription, type Driver } from './driver.js'

/** The methods of ioredis and iovalkey that the store uses. `Redis` and `Cluster` have them. */
export interface IoredisClient {
  readonly isCluster: boolean
  eval(script: string, numkeys: number, ...args: string[]): Promise<unknown>
  // The type is `never`, because TypeScript cannot choose among the many overloads of this method.
  zrange(...args: never[]): unknown
  zrem(key: string, member: string): Promise<unknown>
  publish(channel: string, message: string): Promise<unknown>
}

/** The same client, with the types of the overloads that the driver calls. */
interface TypedClient extends IoredisClient {
  zrange(key: string, start: number, stop: number, withScores: 'WITHSCORES'): Promise<unknown>
  duplicate(...overrides: unknown[]): Subscriber
}

interface Subscriber {
  on(event: 'error', listener: () => void): unknown
  on(event: 'message', listener: (channel: string, message: string) => void): unknown
  subscribe(channel: string): Promise<unknown>
  disconnect(): unknown
}

/**
 * Settings of the connection for subscriptions. They replace the settings of the application. A subscription must wait for the
 * connection, and the client must restore it after a reconnect.
 */
const subscriberOptions = { enableOfflineQueue: true, autoResubscribe: true }

const typed = (client: IoredisClient): TypedClient => client as unknown as TypedClient

export const isIoredis = (client: unknown): client is IoredisClient =>
  hasMethods(client, 'eval', 'zrange', 'zrem', 'publish', 'duplicate') && 'isCluster' in (client as object)

export const ioredis = (client: IoredisClient): Driver => ({
  runScript: (script, key, ...args) => client.eval(script, 1, key, ...args),
  // Uses parallel commands instead of a pipeline, because the keys of a cluster are on several nodes.
  ranges: (keys) => readEach(keys, (key) => typed(client).zrange(key, 0, -1, 'WITHSCORES')),
  entriesOf: entriesOfReply,
  remove: (key, value) => client.zrem(key, value),
  publish: (channel, message) => client.publish(channel, message),
  subscribe(channel, listener) {
    const subscriber = client.isCluster
      ? typed(client).duplicate([], subscriberOptions)
      : typed(client).duplicate(subscriberOptions)
    subscriber.on('error', () => {})
    subscriber.on('message', (_, message) => listener(message))
    return startSubscription({
      start: () => subscriber.subscribe(channel),
      stop: async () => void subscriber.disconnect(),
    })
  },
})
