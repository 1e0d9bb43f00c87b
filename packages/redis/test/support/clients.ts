import type { RedisStoreClient } from '@bcl/redis'
import { Redis as Upstash } from '@upstash/redis'
import { GlideClient, GlideClusterClient } from '@valkey/valkey-glide'
import { Cluster, Redis as Ioredis } from 'ioredis'
import { createClient, createClientPool, createCluster, createSentinel, RESP_TYPES } from 'redis'
import { createClient as createClient4 } from 'redis4'
import type { RedisCluster } from './redis-cluster.js'
import { startUpstash } from './upstash-server.js'

export interface Connected {
  client: RedisStoreClient
  close(): unknown
}

/** Some tests cause connection errors on purpose. The failed commands report these errors. */
const ignore = (): void => {}

const upstash = async (url: string, settings: object = {}): Promise<Connected> => {
  const server = await startUpstash(url)
  return {
    client: new Upstash({ url: server.url, token: 'token', enableTelemetry: false, ...settings }),
    close: () => server.close(),
  }
}

const nodeRedis = async (options: Parameters<typeof createClient>[0]) => {
  const client = createClient(options).on('error', ignore)
  await client.connect()
  return { client, close: () => client.destroy() }
}

/** All clients for a single server. */
export const clients: Record<string, (url: string) => Promise<Connected>> = {
  'node-redis': (url) => nodeRedis({ url }),
  'node-redis, RESP2': (url) => nodeRedis({ url, RESP: 2 }),
  'node-redis 4': async (url) => {
    const client = createClient4({ url }).on('error', ignore)
    await client.connect()
    return { client, close: () => client.disconnect() }
  },
  'node-redis that returns bytes': async (url) => {
    const { client, close } = await nodeRedis({ url })
    return { client: client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer, [RESP_TYPES.DOUBLE]: String }), close }
  },
  'node-redis with a key prefix': (url) => nodeRedis({ url, keyPrefix: 'bcl-test-application:' }),
  'node-redis with the client-side cache': (url) =>
    nodeRedis({ url, RESP: 3, clientSideCache: { ttl: 60_000, maxEntries: 1000 } }),
  'node-redis, a pool': async (url) => {
    const client = createClientPool({ url }, { minimum: 2, maximum: 10 }).on('error', ignore)
    await client.connect()
    return { client, close: () => client.destroy() }
  },
  ioredis: async (url) => {
    const client = new Ioredis(url).on('error', ignore)
    return { client, close: () => client.disconnect() }
  },
  'ioredis without an offline queue': async (url) => {
    const client = new Ioredis(url, { lazyConnect: true, enableOfflineQueue: false }).on('error', ignore)
    await client.connect()
    return { client, close: () => client.disconnect() }
  },
  'ioredis with a key prefix, replies of RESP3 and automatic pipelines': async (url) => {
    const client = new Ioredis(url, {
      keyPrefix: 'bcl-test-application:',
      replyMapping: 'resp3',
      enableAutoPipelining: true,
    }).on('error', ignore)
    return { client, close: () => client.disconnect() }
  },
  'Valkey GLIDE': async (url) => {
    const { hostname, port } = new URL(url)
    const client = await GlideClient.createClient({
      addresses: [{ host: hostname, port: Number(port || 6379) }],
      // The default is a quarter of a second. A busy machine can take longer.
      requestTimeout: 5000,
    })
    return { client, close: () => client.close() }
  },
  Upstash: (url) => upstash(url),
  'Upstash without automatic deserialization': (url) =>
    upstash(url, { automaticDeserialization: false, responseEncoding: false }),
}

/** All clients for a server with a sentinel. */
export const sentinelClients: Record<string, (port: number) => Promise<Connected>> = {
  'node-redis': async (port) => {
    const client = createSentinel({ name: 'main', sentinelRootNodes: [{ host: '127.0.0.1', port }] }).on(
      'error',
      ignore,
    )
    await client.connect()
    return { client, close: () => client.destroy() }
  },
  ioredis: async (port) => {
    const client = new Ioredis({ name: 'main', sentinels: [{ host: '127.0.0.1', port }] }).on('error', ignore)
    return { client, close: () => client.disconnect() }
  },
}

/** All clients for a cluster. */
export const clusterClients: Record<string, (cluster: RedisCluster) => Promise<Connected>> = {
  'node-redis, a cluster': async ({ nodes }) => {
    const client = createCluster({ rootNodes: [{ url: nodes[0]!.url }] }).on('error', ignore)
    await client.connect()
    return { client, close: () => client.destroy() }
  },
  'node-redis, a cluster with the client-side cache': async ({ nodes }) => {
    const client = createCluster({
      rootNodes: [{ url: nodes[0]!.url }],
      RESP: 3,
      clientSideCache: { ttl: 60_000, maxEntries: 1000 },
    }).on('error', ignore)
    await client.connect()
    return { client, close: () => client.destroy() }
  },
  'ioredis, a cluster': async ({ nodes }) => {
    const client = new Cluster([{ host: '127.0.0.1', port: nodes[0]!.port }]).on('error', ignore)
    return { client, close: () => client.disconnect() }
  },
  'Valkey GLIDE, a cluster': async ({ nodes }) => {
    const client = await GlideClusterClient.createClient({
      addresses: [{ host: '127.0.0.1', port: nodes[0]!.port }],
      requestTimeout: 5000,
    })
    return { client, close: () => client.close() }
  },
}
