import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { freePort } from '@bcl-checks/test-support/free-port'

/** A database server that only this test uses, so the test may kill and freeze it. */
export interface OwnServer {
  url: string
  /** Ends the server without a shutdown, like a power cut. */
  kill(): Promise<void>
  /** Starts the server again, with the same port and files. */
  start(): Promise<void>
  /** Suspends the processes. Connections stay open, and nothing answers. */
  freeze(): void
  thaw(): void
  close(): Promise<void>
}

interface Engine {
  /** If the tests run as root, the server runs as this user, because a server can refuse to run as root. */
  user: string
  ready: string
  /** The command that creates the files of a new server. `run` is the command that starts it. */
  create(folder: string): [command: string, ...args: string[]]
  run(folder: string, port: number): [command: string, ...args: string[]]
  url(port: number): string
}

const engines: Record<'postgres' | 'mysql', Engine> = {
  postgres: {
    user: 'postgres',
    ready: 'database system is ready to accept connections',
    create: (folder) => ['initdb', '-D', folder, '-A', 'trust', '-U', 'postgres', '--no-sync'],
    run: (folder, port) => ['postgres', '-D', folder, '-p', String(port), '-k', folder, '-h', '127.0.0.1'],
    url: (port) => `postgres://postgres@127.0.0.1:${port}/postgres`,
  },
  mysql: {
    user: 'mysql',
    ready: 'ready for connections',
    create: (folder) => [
      'mariadb-install-db',
      '--no-defaults',
      `--datadir=${folder}`,
      '--auth-root-authentication-method=normal',
    ],
    run: (folder, port) => [
      'mariadbd',
      '--no-defaults',
      `--datadir=${folder}`,
      `--port=${port}`,
      `--socket=${join(folder, 'socket')}`,
      '--bind-address=127.0.0.1',
    ],
    url: (port) => `mysql://root@127.0.0.1:${port}/test`,
  },
}

/** The PATH, with the folders in which Debian puts the programs of PostgreSQL and MariaDB. */
const path = [process.env['PATH'] ?? '', ...globSync('/usr/lib/postgresql/*/bin').toReversed(), '/usr/sbin'].join(
  delimiter,
)
const isThere = (command: string): boolean =>
  path.split(delimiter).some((folder) => globSync(join(folder, command)).length > 0)

/** Tells whether the tests can start a server of their own. They need `/proc` to freeze it. */
export const hasOwn = (service: 'postgres' | 'mysql'): boolean =>
  process.platform === 'linux' && isThere(engines[service].create('')[0]) && isThere(engines[service].run('', 0)[0])

function identityOf(user: string): { uid?: number; gid?: number } {
  if (process.getuid!() !== 0) return {}
  const [uid, gid] = ['-u', '-g'].map((flag) => Number(execFileSync('id', [flag, user], { encoding: 'utf8' })))
  return { uid: uid!, gid: gid! }
}

/** A process and its child processes. PostgreSQL has one child process for each connection. */
const family = (pid: number): number[] => [
  pid,
  ...readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number),
]

export async function startOwn(service: 'postgres' | 'mysql'): Promise<OwnServer> {
  const { user, ready, create, run, url } = engines[service]
  const identity = identityOf(user)
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), `bcl-${service}-`))
  if (identity.uid !== undefined) chownSync(folder, identity.uid, identity.gid!)
  const options = { cwd: folder, env: { ...process.env, PATH: path }, ...identity }
  const [maker, ...makerArgs] = create(folder)
  execFileSync(maker, makerArgs, { ...options, stdio: 'pipe' })
  let child: ChildProcess | undefined
  let relatives: number[] = []

  const start = async (): Promise<void> => {
    const [command, ...args] = run(folder, port)
    const started = spawn(command, args, { ...options, stdio: ['ignore', 'ignore', 'pipe'] })
    child = started
    let log = ''
    await new Promise<void>((resolve, reject) => {
      started.once('error', reject)
      started.once('exit', () => reject(new Error(`${command} did not start:\n${log}`)))
      started.stderr.setEncoding('utf8').on('data', (text: string) => {
        log += text
        if (log.includes(ready)) resolve()
      })
    })
  }
  const signal = (name: NodeJS.Signals): void => {
    for (const pid of relatives) {
      try {
        process.kill(pid, name)
      } catch {
        // The process has already ended.
      }
    }
  }
  const kill = async (): Promise<void> => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    relatives = family(child.pid!)
    signal('SIGKILL')
    await exited
  }
  // Kills the server at exit, so a failed test leaves no server behind.
  process.once('exit', () => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    relatives = family(child.pid!)
    signal('SIGKILL')
  })
  await start()
  return {
    url: url(port),
    kill,
    start,
    freeze() {
      // Suspends the parent first, so that it cannot accept a new connection in the meantime.
      process.kill(child!.pid!, 'SIGSTOP')
      relatives = family(child!.pid!)
      signal('SIGSTOP')
    },
    thaw: () => signal('SIGCONT'),
    async close() {
      await kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
