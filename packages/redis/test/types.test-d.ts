import type { LogoutStore } from '@bcl/core'
import { RedisStore } from '@bcl/redis'
import { Redis as UpstashOnCloudflare } from '@upstash/redis/cloudflare'
import { Redis as Upstash } from '@upstash/redis'
import type { GlideClient, GlideClusterClient } from '@valkey/valkey-glide'
import { Cluster, Redis as Ioredis } from 'ioredis'
import { createClient, createClientPool, createCluster, createSentinel, RESP_TYPES } from 'redis'

declare const glide: GlideClient
declare const glideCluster: GlideClusterClient

// Each client has the types of its own library.
export const stores: LogoutStore[] = [
  new RedisStore(createClient()),
  new RedisStore(createClient({ RESP: 2 })),
  new RedisStore(createClient().withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer })),
  new RedisStore(createClientPool()),
  new RedisStore(createCluster({ rootNodes: [] })),
  new RedisStore(createSentinel({ name: 'main', sentinelRootNodes: [] })),
  new RedisStore(new Ioredis()),
  new RedisStore(new Ioredis({ replyMapping: 'resp3' })),
  new RedisStore(new Cluster([])),
  new RedisStore(glide, { prefix: 'app:' }),
  new RedisStore(glideCluster),
  new RedisStore(new Upstash({ url: 'https://example.com', token: '' })),
  new RedisStore(UpstashOnCloudflare.fromEnv()),
]

// @ts-expect-error -- no client
export const none = new RedisStore()
// @ts-expect-error -- a URL is not a client
export const url = new RedisStore('redis://127.0.0.1')
// @ts-expect-error -- the object does not have the methods of a client
export const other = new RedisStore({ get: () => {} })
// @ts-expect-error -- a prefix must be a string
export const prefix = new RedisStore(createClient(), { prefix: 1 })

// Only some clients have `subscribe`.
const store = new RedisStore(createClient())
export const published: Promise<void> = store.publish('message')
// @ts-expect-error -- `subscribe` can be absent
export const subscribed = store.subscribe(() => {})
