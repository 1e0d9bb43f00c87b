import { freePort } from '@bcl-checks/test-support/free-port'
import { createClient } from 'redis'
import { startRedis, type RedisServer } from './redis-server.js'

/** A Redis Cluster of three masters. */
export interface RedisCluster {
  nodes: readonly RedisServer[]
  close(): Promise<void>
}

const slots = [
  ['0', '5460'],
  ['5461', '10922'],
  ['10923', '16383'],
] as const

export async function startCluster(): Promise<RedisCluster> {
  const nodes = await Promise.all(
    slots.map(async () => {
      const busPort = await freePort()
      const node = await startRedis(
        '--cluster-enabled',
        'yes',
        '--cluster-port',
        String(busPort),
        '--cluster-node-timeout',
        '2000',
      )
      return { ...node, busPort }
    }),
  )
  const clients = await Promise.all(nodes.map(({ url }) => createClient({ url }).connect()))
  await Promise.all(clients.map((client, index) => client.sendCommand(['CLUSTER', 'ADDSLOTSRANGE', ...slots[index]!])))
  for (const { port, busPort } of nodes) {
    await clients[0]!.sendCommand(['CLUSTER', 'MEET', '127.0.0.1', String(port), String(busPort)])
  }
  for (const client of clients) {
    const isReady = async (): Promise<boolean> => {
      const info = String(await client.sendCommand(['CLUSTER', 'INFO']))
      return info.includes('cluster_state:ok') && info.includes('cluster_known_nodes:3')
    }
    while (!(await isReady())) await new Promise((resolve) => setTimeout(resolve, 20))
  }
  await Promise.all(clients.map((client) => client.close()))
  return {
    nodes,
    async close() {
      await Promise.all(nodes.map((node) => node.close()))
    },
  }
}
