import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'

const START_TIMEOUT_MS = 30_000
const STOP_TIMEOUT_MS = 3000

export interface ExampleProcess {
  url: string
  stop(): Promise<void>
}

/** Starts an example on its port, and waits until it is ready. It ends with this process at the latest. */
export async function startExample(
  name: string,
  port: number,
  env: Record<string, string>,
  folder = new URL(`../../${name}/`, import.meta.url),
): Promise<ExampleProcess> {
  const url = `http://127.0.0.1:${port}`
  const child = spawn(process.execPath, await startArguments(folder), {
    cwd: folder,
    env: { PATH: process.env['PATH'], PORT: String(port), ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
  })

  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  const ended = once(child, 'exit').finally(() => process.off('exit', kill))

  async function stop(): Promise<void> {
    child.kill('SIGTERM')
    const impatience = setTimeout(kill, STOP_TIMEOUT_MS)
    await ended
    clearTimeout(impatience)
  }

  const deadline = Date.now() + START_TIMEOUT_MS
  while (!(await isReady(url))) {
    const running = child.exitCode === null && child.signalCode === null
    if (!running || Date.now() > deadline) {
      await stop()
      throw new Error(`examples/${name} did not start${running ? ` within ${START_TIMEOUT_MS} ms` : ''}.`)
    }
    await delay(50)
  }
  return { url, stop }
}

/** What `pnpm start` gives to `node` there: sources where it can run them, else what has been built of them. */
async function startArguments(folder: URL): Promise<string[]> {
  const { scripts } = JSON.parse(await readFile(new URL('package.json', folder), 'utf8'))
  return scripts.start.split(' ').slice(1)
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(1000) })).ok
  } catch {
    return false
  }
}
