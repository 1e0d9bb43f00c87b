import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { Pool, type Dispatcher } from 'undici'
import type { Trust } from './http-applications.ts'
import { atOnce, speedOf, type Speed } from '../measure/measure.ts'

const connections = 16

/** A server in another process. This process sends requests to the server. */
export interface HttpServer {
  /**
   * Sends all requests, 16 at a time. Throws if an answer has a status other than `status`. CPU time is the time of the
   * server's main thread.
   */
  measure(requests: readonly Dispatcher.RequestOptions[], status?: number): Promise<Speed>
  /** Returns how often the server has read its store. */
  reads(): Promise<number>
  /** Lets the server check each of its sessions once. */
  warm(): Promise<unknown>
  end(): Promise<void>
}

const forkOptions = {
  execArgv: ['--import', new URL('report-cpu.ts', import.meta.url).href],
  stdio: ['ignore', 'ignore', 'inherit', 'ipc'] as ['ignore', 'ignore', 'inherit', 'ipc'],
}

async function ask<T>(child: ChildProcess, question: string): Promise<T> {
  child.send(question)
  return (await once(child, 'message'))[0] as T
}

function failOnExit(child: ChildProcess, name: string): () => void {
  const onExit = (code: number | null): never => {
    throw new Error(`${name} has exited with ${code}`)
  }
  child.once('exit', onExit)
  return () => child.off('exit', onExit)
}

function connect(child: ChildProcess, name: string, port: number, stop: () => void): HttpServer {
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections, pipelining: 1 })
  return {
    async measure(requests, status = 200) {
      const before = await ask<NodeJS.CpuUsage>(child, 'cpu')
      const startedAt = performance.now()
      await atOnce(connections, requests, async (request) => {
        const { statusCode, body } = await pool.request(request)
        await body.dump()
        if (statusCode !== status) throw new Error(`${name} answered ${statusCode}, not ${status}`)
      })
      const elapsed = performance.now() - startedAt
      const after = await ask<NodeJS.CpuUsage>(child, 'cpu')
      return speedOf(requests.length, elapsed, {
        user: after.user - before.user,
        system: after.system - before.system,
      })
    },
    reads: () => ask(child, 'reads'),
    warm: () => ask(child, 'warm'),
    async end() {
      await pool.destroy()
      const exited = once(child, 'exit')
      stop()
      await exited
    },
  }
}

/** Starts an application of this benchmark. */
export async function startServer(name: string, trust: Trust): Promise<HttpServer> {
  const child = fork(new URL('http-child.ts', import.meta.url), [name, JSON.stringify(trust)], forkOptions)
  const expectExit = failOnExit(child, name)
  const [port] = (await once(child, 'message')) as [number]
  return connect(child, name, port, () => {
    expectExit()
    child.disconnect()
  })
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}

/** Starts an example application as a user does, and waits until the application is ready. */
export async function startExample(name: string, { issuer, clientId }: Trust): Promise<HttpServer> {
  const file = name === 'nestjs' ? 'dist/main.js' : 'src/main.ts'
  const cwd = new URL(`../../../../examples/${name}/`, import.meta.url)
  const port = await freePort()
  const env = {
    ...process.env,
    PORT: String(port),
    ISSUER: issuer,
    CLIENT_ID: clientId,
    CLIENT_SECRET: 'test-secret',
    SESSION_SECRET: 'a secret of the session that is long enough',
    REDIS_URL: undefined,
  }
  const child = fork(new URL(file, cwd), { ...forkOptions, cwd, env })
  const expectExit = failOnExit(child, name)
  const isReady = async (): Promise<boolean> => {
    try {
      return (await fetch(`http://127.0.0.1:${port}/healthz`)).ok
    } catch {
      return false
    }
  }
  for (const deadline = Date.now() + 30_000; !(await isReady()); await new Promise((r) => setTimeout(r, 50))) {
    if (Date.now() > deadline) throw new Error(`the example ${name} is not ready after 30 seconds`)
  }
  return connect(child, name, port, () => {
    expectExit()
    child.kill('SIGKILL')
  })
}
