import { hasMethods, toEntry, type Driver } from './driver.js'

/** What is reached of Valkey GLIDE: a `GlideClient` or a `GlideClusterClient`. */
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

export const isGlide = (client: unknown): client is GlideClient =>
  hasMethods(client, 'customCommand', 'zrangeWithScores', 'zrem', 'publish')

/** Keys asked for at once: by default a client has no more than 1,000 requests under way. */
const atOnce = 250

/** No `subscribe`: a GLIDE client hands messages to the one callback it was made with, and cannot be duplicated. */
export const glide = (client: GlideClient): Driver => ({
  run: (script, key, ...args) => client.customCommand(['EVAL', script, '1', key, ...args]),
  async ranges(keys) {
    const found: unknown[] = []
    for (let start = 0; start < keys.length; start += atOnce) {
      const some = keys.slice(start, start + atOnce)
      found.push(...(await Promise.all(some.map((key) => client.zrangeWithScores(key, { start: 0, end: -1 })))))
    }
    return found
  },
  entriesOf: (range) => (range as Member[]).map(({ element, score }) => toEntry(element, score)),
  remove: (key, value) => client.zrem(key, [value]),
  publish: (channel, message) => client.publish(message, channel),
})
