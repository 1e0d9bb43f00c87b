import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { setTimeout as delay } from 'node:timers/promises'

const root = new URL('../../../', import.meta.url)
/** Milliseconds. Some applications are built first. */
const startTimeout = 180_000

/** A running application, which trusts a provider on another port. */
export interface Application {
  /** The scheme, host and port of the application. */
  origin: string
  /** The address of the back-channel logout endpoint. */
  endpoint: string
  /** The port that the provider must use. */
  providerPort: number
  stop(): Promise<void>
}

/** Returns loopback ports that were free a moment ago. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

/** Returns the arguments of node in the `start` script of the folder. Without package.json, returns `main.ts`. */
async function argumentsFor(folder: URL): Promise<string[]> {
  const manifest = await readFile(new URL('package.json', folder), 'utf8').catch(() => undefined)
  const start =
    (manifest && (JSON.parse(manifest) as { scripts?: { start?: string } }).scripts?.start) || 'node main.ts'
  return start.split(' ').slice(1)
}

/** Any status counts, because an example answers 503 until its provider has started. */
async function answers(url: string): Promise<boolean> {
  return fetch(url, { signal: AbortSignal.timeout(1000) }).then(
    () => true,
    () => false,
  )
}

/**
 * Starts an application that trusts the provider of `bcl`.
 *
 * @param folder The folder of the application, from the root of the repository.
 * @param options `issuer` is the issuer if it is not at the provider's port on loopback. `env` has more environment variables.
 */
export async function startApplication(
  folder: string,
  { issuer, env }: { issuer?: string; env?: Record<string, string> } = {},
): Promise<Application> {
  const [port, providerPort] = (await freePorts(2)) as [number, number]
  const cwd = new URL(`${folder}/`, root)
  const child = spawn(process.execPath, await argumentsFor(cwd), {
    cwd: fileURLToPath(cwd),
    env: {
      PATH: process.env['PATH'],
      PORT: String(port),
      ISSUER: issuer ?? `http://127.0.0.1:${providerPort}`,
      CLIENT_ID: 'bcl-client',
      CLIENT_SECRET: 'bcl-client-secret',
      SESSION_SECRET: 'a secret that nothing but tests uses',
      ...env,
    },
    stdio: 'ignore',
  })
  const ended = once(child, 'exit')
  const kill = (): void => void child.kill('SIGKILL')
  process.once('exit', kill)

  async function stop(): Promise<void> {
    child.kill('SIGTERM')
    const killTimer = setTimeout(kill, 3000)
    await ended
    clearTimeout(killTimer)
    process.off('exit', kill)
  }

  const deadline = Date.now() + startTimeout
  while (!(await answers(`http://127.0.0.1:${port}/healthz`))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      await stop()
      throw new Error(`${folder} did not start`)
    }
    await delay(50)
  }
  const origin = `http://127.0.0.1:${port}`
  return { origin, endpoint: `${origin}/backchannel-logout`, providerPort, stop }
}
