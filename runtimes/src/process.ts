import { execFile, spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import { promisify } from 'node:util'
import type { Report } from './case.ts'

const execute = promisify(execFile)
const patience = 120_000

/** Runs a command to its end and gives what it printed. */
export async function output(command: string, args: readonly string[]): Promise<string> {
  const { stdout } = await execute(command, args, { timeout: patience, maxBuffer: 2 ** 24 })
  return stdout
}

interface Listening {
  event: string
  port: number
}

/** Serves a workerd configuration on a free port, asks it for each path in turn, and ends it. */
export async function askWorkerd(command: string, config: string, paths: readonly string[]): Promise<Report[]> {
  const child = spawn(command, ['serve', '--control-fd=3', config], { stdio: ['ignore', 'inherit', 'inherit', 'pipe'] })
  try {
    const port = await new Promise<number>((resolve, reject) => {
      child.once('error', reject)
      child.once('exit', (code) => reject(new Error(`workerd ended with ${code}`)))
      const control = child.stdio[3] as Readable
      control.once('data', (line: Buffer) => resolve((JSON.parse(line.toString()) as Listening).port))
    })
    const reports: Report[] = []
    for (const path of paths) {
      const signal = AbortSignal.timeout(patience)
      const response = await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', signal })
      if (!response.ok) throw new Error(`workerd answered ${response.status}: ${await response.text()}`)
      reports.push((await response.json()) as Report)
    }
    return reports
  } finally {
    child.kill()
  }
}
