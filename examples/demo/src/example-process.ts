import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'

const START_TIMEOUT_MS = 60_000
const STOP_TIMEOUT_MS = 3000

export interface ExampleProcess {
  url: string
  /** All text that the example has printed. */
  output(): string
  stop(): Promise<void>
}

export interface ExampleOptions {
  folder?: URL
  /**
   * Waits until `/healthz` answers 200. If this option is false, any answer counts. Use false if the provider of the
   * example has not started yet.
   */
  untilReady?: boolean
}

/** Returns the path of the example's redirect URI. Auth.js uses a different path. */
export function callbackPath(example: string): string {
  return example === 'nextjs' ? '/api/auth/callback/oidc' : '/callback'
}

/** Starts an example on its port, and waits for `/healthz`. The example ends at the latest when this process ends. */
export async function startExample(
  name: string,
  port: number,
  env: Record<string, string>,
  { folder = new URL(`../../${name}/`, import.meta.url), untilReady = true }: ExampleOptions = {},
): Promise<ExampleProcess> {
  const url = `http://127.0.0.1:${port}`
  const child = spawn(process.execPath, await startArguments(folder), {
    cwd: folder,
    env: { PATH: process.env['PATH'], PORT: String(port), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text))
  child.stderr.on('data', (text) => process.stderr.write(text))

  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  const ended = once(child, 'close').finally(() => process.off('exit', kill))

  async function stop(): Promise<void> {
    child.kill('SIGTERM')
    const impatience = setTimeout(kill, STOP_TIMEOUT_MS)
    await ended
    clearTimeout(impatience)
  }

  const deadline = Date.now() + START_TIMEOUT_MS
  while (!(await isStarted(url, untilReady))) {
    const running = child.exitCode === null && child.signalCode === null
    if (!running || Date.now() > deadline) {
      await stop()
      throw new Error(`examples/${name} did not start${running ? ` within ${START_TIMEOUT_MS} ms` : ''}.`)
    }
    await delay(50)
  }
  return { url, output: () => output, stop }
}

/**
 * Returns the arguments that `pnpm start` passes to `node`: the sources if this Node.js can run TypeScript, otherwise
 * the build.
 */
async function startArguments(folder: URL): Promise<string[]> {
  const { scripts } = JSON.parse(await readFile(new URL('package.json', folder), 'utf8'))
  return scripts.start.split(' ').slice(1)
}

async function isStarted(url: string, untilReady: boolean): Promise<boolean> {
  try {
    const { ok } = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(1000) })
    return ok || !untilReady
  } catch {
    return false
  }
}
