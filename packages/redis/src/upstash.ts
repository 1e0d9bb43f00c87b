import { entriesOfReply, hasMethods, type Driver } from './driver.js'

/** The methods of Upstash's REST client that the store uses. */
export interface UpstashClient {
  eval(script: string, keys: string[], args: string[]): Promise<unknown>
  zrem(key: string, member: string): Promise<unknown>
  publish(channel: string, message: string): Promise<unknown>
}

/** Puts "=" before each value. Otherwise the client would parse the values, because they look like JSON. */
const rangesScript = `
local all = {}
for i, key in ipairs(KEYS) do
  all[i] = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
  for j = 1, #all[i], 2 do all[i][j] = '=' .. all[i][j] end
end
return all`

export const isUpstash = (client: unknown): client is UpstashClient =>
  hasMethods(client, 'eval', 'zrem', 'publish', 'createScript') && !hasMethods(client, 'duplicate')

/** The driver has no `subscribe`, because the client does not restore its message stream after a lost connection. */
export const upstash = (client: UpstashClient): Driver => ({
  runScript: (script, key, ...args) => client.eval(script, [key], args),
  ranges: (keys) => client.eval(rangesScript, [...keys], []) as Promise<unknown[]>,
  entriesOf: (range) => entriesOfReply(range).map(([value, expiresAt]) => [value.slice(1), expiresAt]),
  remove: (key, value) => client.zrem(key, value),
  publish: (channel, message) => client.publish(channel, message),
})
