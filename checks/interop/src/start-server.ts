import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'

const START_TIMEOUT_MS = 600_000

export interface ServerOptions {
  name: string
  command: readonly [command: string, ...args: string[]]
  env?: Record<string, string>
  cwd?: string
  /** The server has started when this address answers with success. */
  ready: string
}

/** Starts a server, and waits until it serves. Returns a function that stops it with its child processes. */
export async function startServer({ name, command, env, cwd, ready }: ServerOptions): Promise<() => Promise<void>> {
  const [program, ...args] = command
  const child = spawn(program, args, {
    // The server gets its own process group, because many servers start other processes.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
    ...(cwd !== undefined && { cwd }),
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text))
  await once(child, 'spawn')
  const ended = once(child, 'close')
  const kill = () => {
    if (child.exitCode === null) process.kill(-child.pid!, 'SIGKILL')
  }
  process.once('exit', kill)
  const stop = async () => {
    kill()
    await ended
    process.off('exit', kill)
  }
  const deadline = Date.now() + START_TIMEOUT_MS
  while (!(await answers(ready))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      await stop()
      throw new Error(`${name} did not start: ${output.slice(-2000)}`)
    }
    await delay(100)
  }
  return stop
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok
  } catch {
    return false
  }
}
