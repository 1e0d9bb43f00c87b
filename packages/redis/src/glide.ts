import { hasMethods, readEach, toEntry, type Driver } from './driver.js'

/** The methods of Valkey GLIDE that the store uses. `GlideClient` and `GlideClusterClient` have them. */
export interface GlideClient {
  customCommand(args: string[]): Promise<unknown>
  zrangeWithScores(key: string, range: { start: number; end: number }): Promise<unknown>
  zrem(key: string, members: string[]): Promise<unknown>
  publish(message: string, channel: string): Promise<unknown>
}

interface Member {
  element: unknown
  score: unknown
}

/**
 * The number of keys that one call reads at the same time. By default, a GLIDE client allows 1,000 requests in
 * progress.
 */
const keysPerBatch = 250

export const isGlide = (client: unknown): client is GlideClient =>
  hasMethods(client, 'customCommand', 'zrangeWithScores', 'zrem', 'publish')

/**
 * The driver has no `subscribe`, because a GLIDE client passes messages only to the callback of its constructor. A GLIDE
 * client also has no method that makes a second client.
 */
export const glide = (client: GlideClient): Driver => ({
  runScript: (script, key, ...args) => client.customCommand(['EVAL', script, '1', key, ...args]),
  async ranges(keys) {
    const ranges: unknown[] = []
    for (let start = 0; start < keys.length; start += keysPerBatch) {
      const batch = keys.slice(start, start + keysPerBatch)
      ranges.push(...(await readEach(batch, (key) => client.zrangeWithScores(key, { start: 0, end: -1 }))))
    }
    return ranges
  },
  entriesOf: (range) => (range as Member[]).map(({ element, score }) => toEntry(element, score)),
  remove: (key, value) => client.zrem(key, [value]),
  publish: (channel, message) => client.publish(message, channel),
})
