import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { delimiter, join } from 'node:path'
import { describe, test } from 'vitest'

export const redisUrl = process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379'

/** Whether somebody answers there within a second. */
async function isReachable(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port || 6379), timeout: 1000 })
  socket.on('timeout', () => socket.destroy(new Error('nobody answers')))
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

/** Suites that need a service: where it is missing they are skipped, with the reason; in CI that is a failure. */
const describeWith =
  (isPresent: boolean, missing: string) =>
  (name: string, suite: () => void): void => {
    if (isPresent) describe(name, suite)
    else if (process.env.CI !== 'true') describe.skip(`${name}: skipped, ${missing}`, suite)
    else
      test(name, () => {
        throw new Error(missing)
      })
  }

export const describeRedis = describeWith(await isReachable(redisUrl), `no Redis at ${redisUrl}`)

const onPath = (command: string): boolean =>
  (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, command)))

export const describeOwnRedis = describeWith(onPath('redis-server'), 'no redis-server on the PATH')
