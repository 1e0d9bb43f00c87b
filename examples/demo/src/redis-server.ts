import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { createConnection } from 'node:net'

import { freePorts } from './free-ports.ts'

export interface RedisServer {
  url: string
  /** Pauses the server. Connections stay open, but get no answer. */
  freeze(): void
  thaw(): void
  stop(): Promise<void>
}

/** Tells whether this machine has the command redis-server. */
export function hasRedis(): boolean {
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** Starts a Redis server on a free loopback port. It saves nothing. It ends at the latest when this process ends. */
export async function startRedis(): Promise<RedisServer> {
  const [port] = (await freePorts(1)) as [number]
  const child = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', ''], {
    stdio: 'ignore',
  })
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  const ended = once(child, 'exit').finally(() => process.off('exit', kill))
  while (!(await accepts(port))) {
    if (child.exitCode !== null) throw new Error('redis-server did not start.')
    await delay(20)
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    async stop() {
      kill()
      await ended
    },
  }
}

async function accepts(port: number): Promise<boolean> {
  const socket = createConnection({ port, host: '127.0.0.1' })
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
