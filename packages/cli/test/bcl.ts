import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url))

export interface Ended {
  code: number
  out: string
  err: string
}

/** Runs the command as somebody would, with `input` for its standard input. */
export async function bcl(args: readonly string[], input = ''): Promise<Ended> {
  const child = spawn(process.execPath, [main, ...args], { stdio: 'pipe' })
  const kill = (): void => void child.kill('SIGKILL')
  process.once('exit', kill)
  child.stdin.end(input)
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  process.off('exit', kill)
  return { code: code as number, out, err }
}
