import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '@bcl-checks/test-support/free-port'

/** A redis-server of the test's own, that it may treat badly. */
export interface RedisServer {
  port: number
  url: string
  /** Ends it as a power cut would. */
  kill(): Promise<void>
  /** Starts it again, on the same port and files. */
  start(): Promise<void>
  /** Stops it where it is: connections stay open, and nothing answers. */
  freeze(): void
  thaw(): void
  close(): Promise<void>
}

/** A test that fails, or is interrupted, leaves no server behind. */
const children = new Set<ChildProcess>()
process.once('exit', () => children.forEach((child) => child.kill('SIGKILL')))

/** Runs redis-server until it says that it is ready. */
async function spawnRedis(args: readonly string[], ready: string): Promise<ChildProcess> {
  const child = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] })
  children.add(child)
  child.once('exit', () => children.delete(child))
  let log = ''
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', () => reject(new Error(`redis-server did not start:\n${log}`)))
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      log += text
      if (log.includes(ready)) resolve()
    })
  })
  return child
}

export async function startRedis(...settings: string[]): Promise<RedisServer> {
  const port = await freePort()
  const folder = await mkdtemp(join(tmpdir(), 'bcl-redis-'))
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', ...settings]
  let child: ChildProcess | undefined

  const start = async (): Promise<void> => {
    child = await spawnRedis(args, 'Ready to accept connections')
  }

  const kill = async (): Promise<void> => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }

  await start()
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    kill,
    start,
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
    async close() {
      await kill()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** A sentinel that watches a server, which it calls "main". */
export async function startSentinel(master: RedisServer): Promise<{ port: number; close(): Promise<void> }> {
  const port = await freePort()
  const folder = await mkdtemp(join(tmpdir(), 'bcl-sentinel-'))
  const settings = join(folder, 'sentinel.conf')
  await writeFile(
    settings,
    `port ${port}\nbind 127.0.0.1\ndir ${folder}\nsentinel monitor main 127.0.0.1 ${master.port} 1\n`,
  )
  const child = await spawnRedis([settings, '--sentinel'], '+monitor')
  return {
    port,
    async close() {
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
      await rm(folder, { recursive: true, force: true })
    },
  }
}
