import { entriesOfReply, hasMethods, type Driver } from './driver.js'

/** What is reached of Upstash's REST client. */
export interface UpstashClient {
  eval(script: string, keys: string[], args: string[]): Promise<unknown>
  zrem(key: string, member: string): Promise<unknown>
  publish(channel: string, message: string): Promise<unknown>
}

/** Values are marked, since the client takes what looks like JSON, as ours do, for JSON. */
const rangesScript = `
local all = {}
for i, key in ipairs(KEYS) do
  all[i] = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
  for j = 1, #all[i], 2 do all[i][j] = '=' .. all[i][j] end
end
return all`

export const isUpstash = (client: unknown): client is UpstashClient =>
  hasMethods(client, 'eval', 'zrem', 'publish', 'createScript') && !hasMethods(client, 'duplicate')

/** No `subscribe`: the client's stream of messages ends with its connection, and does not come back. */
export const upstash = (client: UpstashClient): Driver => ({
  run: (script, key, ...args) => client.eval(script, [key], args),
  ranges: (keys) => client.eval(rangesScript, [...keys], []) as Promise<unknown[]>,
  entriesOf: (range) => entriesOfReply(range).map(([value, expiresAt]) => [value.slice(1), expiresAt]),
  remove: (key, value) => client.zrem(key, value),
  publish: (channel, message) => client.publish(channel, message),
})
