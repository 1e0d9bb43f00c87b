// Rehearses a release. It runs the steps of a release on a copy of the checkout, with a registry on loopback. Then it
// acts like a user: it installs the packages in empty projects, compiles the projects, and sends a logout to each
// project. The option --all-managers repeats these steps with each package manager that can install the project.
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { copyCheckout } from './checkout.ts'
import { projects } from './projects.ts'
import { startRegistry } from './registry.ts'
import { run } from './run.ts'
import { tarballsIn } from './tarballs.ts'
import { follow, newcomer } from './users.ts'

const repository = 'https://git.example.com/bcl'
const root = resolve(import.meta.dirname, '../../..')
const folder = mkdtempSync(join(tmpdir(), 'bcl-release-'))
const copy = join(folder, 'copy')
const tarballs = join(folder, 'tarballs')
const interrupted = new AbortController()
const { signal } = interrupted
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => interrupted.abort())
// Removes the folder when this process exits, and not earlier, because the registry in this process may still write to
// it.
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))

async function timed<T>(what: string, work: () => Promise<T>): Promise<T> {
  const start = performance.now()
  const result = await work()
  console.log(`${((performance.now() - start) / 1000).toFixed(1).padStart(6)} s  ${what}`)
  return result
}

/** Runs the version step and the pack step. Returns the new version of all packages. */
async function pack(): Promise<string> {
  const options = { cwd: copy, env: process.env, signal }
  const pnpm = (...args: string[]): Promise<string> => run(['pnpm', ...args], options)
  copyCheckout(root, copy)
  // Adds a changeset, because there may be none soon after a release. Without a changeset, no version would change.
  writeFileSync(join(copy, '.changeset/rehearsal.md'), "---\n'@bcl/core': patch\n---\n\nRehearsed.\n")
  await timed('install the copy', () => pnpm('install', '--frozen-lockfile', '--prefer-offline'))
  await timed('version', () => pnpm('changeset', 'version'))
  await timed('pack', () => pnpm('check', 'release:pack', tarballs, repository))

  const before = (JSON.parse(readFileSync(join(root, 'packages/core/package.json'), 'utf8')) as { version: string })
    .version
  const manifests = tarballsIn(tarballs).map(({ manifest }) => manifest)
  for (const { name, homepage, bugs } of manifests) {
    const folder = name.replace('@bcl/', 'packages/')
    if (homepage !== `${repository}/tree/main/${folder}#readme` || bugs !== `${repository}/issues`) {
      throw new Error(`${name} has the homepage ${homepage} and the address for bugs ${bugs}`)
    }
  }
  const versions = new Set(manifests.map(({ version }) => version))
  const [version] = versions
  if (version === undefined || versions.size > 1 || version === before) {
    throw new Error(`the packages should have one new version after ${before}, and have ${[...versions].join(', ')}`)
  }
  return version
}

/**
 * Runs the publish step twice. The second run must publish nothing, because a user may repeat a run that stopped
 * halfway.
 */
async function publish(env: NodeJS.ProcessEnv): Promise<void> {
  const step = ['node', join(copy, 'checks/release/src/publish.ts'), tarballs, '--provenance=false']
  await timed('publish', () => run(step, { cwd: folder, env, signal }))
  const again = await timed('publish again', () => run(step, { cwd: folder, env, signal }))
  const left = again
    .trim()
    .split('\n')
    .filter((line) => !line.endsWith('is published already'))
  if (left.length > 0) throw new Error(`published twice:\n${left.join('\n')}`)
}

async function redisUrl(): Promise<string | undefined> {
  const url = process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379'
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port || 6379), hostname)
  try {
    await once(socket, 'connect')
    return url
  } catch (error) {
    if (process.env['CI']) throw new Error(`no Redis at ${url}`, { cause: error })
    console.log(`skipped: the project with Redis, because no Redis answers at ${url}`)
    return undefined
  } finally {
    socket.destroy()
  }
}

/** Installs and runs each project with each of its package managers, three at a time. Returns the failures. */
async function install(version: string, env: NodeJS.ProcessEnv): Promise<string[]> {
  const wanted = projects.filter(({ name }) => name !== 'redis' || env['REDIS_URL'] !== undefined)
  const managers = process.argv.includes('--all-managers') ? 'allManagers' : 'managers'
  const left = wanted.flatMap((project) => project[managers].map((manager) => ({ project, manager })))
  const failures: string[] = []
  const work = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined && !signal.aborted; next = left.shift()) {
      const { project, manager } = next
      const options = { cwd: join(folder, manager, project.name), env, signal }
      try {
        await timed(`${manager}: ${project.name}`, () => follow(project, manager, version, options))
      } catch (error) {
        failures.push((error as Error).message)
      }
    }
  }
  await Promise.all([work(), work(), work()])
  return failures
}

try {
  const redis = await redisUrl()
  const version = await pack()
  const registry = await startRegistry(join(folder, 'registry'))
  try {
    const env = { ...newcomer(folder, registry.url), ...(redis === undefined ? {} : { REDIS_URL: redis }) }
    await publish(env)
    const failures = await install(version, env)
    signal.throwIfAborted()
    if (failures.length > 0) throw new Error(failures.join('\n\n'))
  } finally {
    await registry.stop()
  }
  console.log(`${version} was versioned, packed, published and installed`)
  process.exit(0)
} catch (error) {
  const { message } = signal.aborted ? { message: 'it was interrupted' } : (error as Error)
  console.error(`The rehearsal of the release failed: ${message}`)
  process.exit(1)
}
