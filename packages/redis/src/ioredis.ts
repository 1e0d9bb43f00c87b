import { begin, entriesOfReply, hasMethods, type Driver } from './driver.js'

/** What is reached of ioredis and iovalkey: a `Redis` or a `Cluster`. */
export interface IoredisClient {
  readonly isCluster: boolean
  eval(script: string, numkeys: number, ...args: string[]): Promise<unknown>
  // Its overloads are more than TypeScript will choose from.
  zrange(...args: never[]): unknown
  zrem(key: string, member: string): Promise<unknown>
  publish(channel: string, message: string): Promise<unknown>
}

interface Subscriber {
  on(event: 'error', listener: () => void): unknown
  on(event: 'message', listener: (channel: string, message: string) => void): unknown
  subscribe(channel: string): Promise<unknown>
  disconnect(): unknown
}

interface Full extends IoredisClient {
  zrange(key: string, start: number, stop: number, withScores: 'WITHSCORES'): Promise<unknown>
  duplicate(...overrides: unknown[]): Subscriber
}

/** Whatever the application chose for its commands: a subscription waits for its connection, and comes back with it. */
const own = { enableOfflineQueue: true, autoResubscribe: true }

const full = (client: IoredisClient): Full => client as unknown as Full

export const isIoredis = (client: unknown): client is IoredisClient =>
  hasMethods(client, 'eval', 'zrange', 'zrem', 'publish', 'duplicate') && 'isCluster' in (client as object)

export const ioredis = (client: IoredisClient): Driver => ({
  run: (script, key, ...args) => client.eval(script, 1, key, ...args),
  // Commands side by side, not a pipeline: in a cluster the keys are on several nodes.
  ranges: (keys) => Promise.all(keys.map((key) => full(client).zrange(key, 0, -1, 'WITHSCORES'))),
  entriesOf: entriesOfReply,
  remove: (key, value) => client.zrem(key, value),
  publish: (channel, message) => client.publish(channel, message),
  subscribe(channel, listener) {
    const subscriber = client.isCluster ? full(client).duplicate([], own) : full(client).duplicate(own)
    subscriber.on('error', () => {})
    subscriber.on('message', (_, message) => listener(message))
    return begin(
      () => subscriber.subscribe(channel),
      async () => void subscriber.disconnect(),
    )
  },
})
