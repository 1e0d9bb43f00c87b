import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '@bcl-checks/test-support/free-port'

/** A redis-server that only this test uses, so the test may kill and freeze it. */
export interface RedisServer {
  port: number
  url: string
  /** Ends the server without a shutdown, like a power cut. */
  kill(): Promise<void>
  /** Starts the server again, with the same port and files. */
  start(): Promise<void>
  /** Suspends the process. Connections stay open, and nothing answers. */
  freeze(): void
  thaw(): void
  close(): Promise<void>
}

/** All running servers. They are killed at exit, so a failed test leaves no server behind. */
const children = new Set<ChildProcess>()
process.once('exit', () => children.forEach((child) => child.kill('SIGKILL')))

/** Starts redis-server. Resolves when its log contains `ready`. */
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
  const args = [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--dir',
    folder,
    '--save',
    '',
    '--repl-diskless-sync-delay',
    '0',
    ...settings,
  ]
  let child: ChildProcess | undefined

  const start = async (): Promise<void> => {
    child = await spawnRedis(args, 'Ready to accept connections')
  }

  const kill = async (): Promise<void> => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
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

/** A sentinel for a server under the name "main". */
export async function startSentinel(
  master: RedisServer,
  downAfterMilliseconds = 30_000,
): Promise<{ port: number; close(): Promise<void> }> {
  const port = await freePort()
  const folder = await mkdtemp(join(tmpdir(), 'bcl-sentinel-'))
  const settings = join(folder, 'sentinel.conf')
  await writeFile(
    settings,
    [
      `port ${port}`,
      'bind 127.0.0.1',
      `dir ${folder}`,
      `sentinel monitor main 127.0.0.1 ${master.port} 1`,
      `sentinel down-after-milliseconds main ${downAfterMilliseconds}`,
      'sentinel failover-timeout main 10000', // on a busy machine, the first attempt can fail
      '',
    ].join('\n'),
  )
  const child = await spawnRedis([settings, '--sentinel'], '+monitor')
  return {
    port,
    async close() {
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
      await rm(folder, { recursive: true, force: true })
    },
  }
}
