import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url))

/** The cache folder of `bcl` in the tests of one file. */
const cache = mkdtempSync(join(tmpdir(), 'bcl-'))
process.once('exit', () => rmSync(cache, { recursive: true }))

/** A run of the command. */
export interface Result {
  /** The exit code. */
  code: number
  /** Standard output. */
  out: string
  /** Standard error. */
  err: string
}

/** Starts the command in a process of its own. Kills the process if the test process exits first. */
export function start(args: readonly string[], env: Record<string, string> = {}) {
  const options = { stdio: 'pipe', env: { ...process.env, XDG_CACHE_HOME: cache, ...env } } as const
  const child = spawn(process.execPath, [main, ...args], options)
  const kill = (): void => void child.kill('SIGKILL')
  process.once('exit', kill)
  child.once('close', () => process.off('exit', kill))
  return child
}

/** Runs the command to its end. `input` is its standard input. */
export async function bcl(args: readonly string[], input = '', env?: Record<string, string>): Promise<Result> {
  const child = start(args, env)
  child.stdin.end(input)
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { code: code as number, out, err }
}
