import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { describeUnless, isReachable } from '@bcl-checks/test-support/services'

export const redisUrl = process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379'

const noRedis = (await isReachable(redisUrl, 6379)) ? undefined : `no Redis at ${redisUrl}`

const isOnPath = (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, 'redis-server')))

export const describeRedis = (name: string, suite: () => void): void => describeUnless(noRedis, name, suite)

export const describeOwnRedis = (name: string, suite: () => void): void =>
  describeUnless(isOnPath ? undefined : 'no redis-server on the PATH', name, suite)
