import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { Report } from './cases/case.ts'

const execute = promisify(execFile)
const patience = 120_000

/** Runs a command until it ends, and returns its output. */
export async function output(command: string, args: readonly string[]): Promise<string> {
  const { stdout } = await execute(command, args, { timeout: patience, maxBuffer: 2 ** 24 })
  return stdout
}

/** A server process, and the port of each of its sockets. */
export interface Serving {
  ports: ReadonlyMap<string, number>
  stop(): Promise<void>
}

/** Starts a server. Waits until it has printed the port of each socket in the format of workerd. */
export async function serve(
  command: string,
  args: readonly string[],
  sockets: readonly string[],
  env: Record<string, string> = {},
): Promise<Serving> {
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
    timeout: patience,
  })
  await once(child, 'spawn')
  const ended = once(child, 'exit')
  const stop = async (): Promise<void> => {
    child.kill()
    await ended
  }
  const ports = new Map<string, number>()
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      const { socket, port } = JSON.parse(line) as { socket: string; port: number }
      ports.set(socket, port)
      if (sockets.every((name) => ports.has(name))) return { ports, stop }
    }
    throw new Error(`${command} ended before it served ${sockets.join(', ')}`)
  } catch (error) {
    await stop()
    throw error
  }
}

/** Starts workerd with a configuration, requests one path after the other, and stops workerd. */
export async function askWorkerd(command: string, config: string): Promise<Report[]> {
  const { ports, stop } = await serve(command, ['serve', '--control-fd=1', config], ['http'])
  const port = ports.get('http')!
  const ask = async (path: string): Promise<unknown> => {
    const signal = AbortSignal.timeout(patience)
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', signal })
    if (!response.ok) throw new Error(`workerd answered ${response.status}: ${await response.text()}`)
    return response.json()
  }
  try {
    const reports: unknown[] = []
    for (const path of ['/cases', '/begin', '/after']) reports.push(await ask(path))
    const sender = connect(port, '127.0.0.1').on('error', () => {}) // the case fails if the connection was lost too early
    sender.write('POST /cut HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n')
    const deadline = Date.now() + patience
    while ((await ask('/fetches-of-cut')) === 0) {
      if (Date.now() > deadline) throw new Error('the request /cut fetched nothing')
      await delay(10)
    }
    sender.resetAndDestroy()
    reports.push(await ask('/after-cut'))
    const status = await ask('/time-out')
    if (status !== 400) throw new Error(`the logout with a slow listener was answered with ${String(status)}`)
    reports.push(await ask('/after-time-out'))
    return reports as Report[]
  } finally {
    await stop()
  }
}
