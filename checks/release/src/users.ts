import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import type { Manager, Project } from './projects.ts'
import { run } from './run.ts'

const release = join(import.meta.dirname, '..')
const checks = dirname(release)
const root = dirname(checks)

/**
 * Returns the environment of a new user. It has a registry, Node.js and the tools of the projects, but no other program of
 * this checkout.
 */
export function newcomer(folder: string, registry: string): NodeJS.ProcessEnv {
  const home = join(folder, 'home')
  const bin = join(folder, 'bin')
  mkdirSync(home)
  mkdirSync(bin)
  writeFileSync(
    join(home, '.npmrc'),
    `registry=${registry}\n${registry.replace('http:', '')}:_authToken=rehearsal\nstrict-peer-deps=true\n`,
  )
  const tools = {
    node: process.execPath,
    bun: join(release, 'node_modules/bun/bin/bun.exe'),
    tsc: join(release, 'node_modules/typescript/bin/tsc'),
    esbuild: join(checks, 'node_modules/esbuild/bin/esbuild'),
  }
  for (const [name, file] of Object.entries(tools)) symlinkSync(file, join(bin, name))
  const path = process.env['PATH']!.split(delimiter).filter((entry) => !entry.startsWith(root))
  return { PATH: [bin, ...path].join(delimiter), HOME: home }
}

const add: Record<Manager, readonly string[]> = {
  npm: ['npm', 'install'],
  pnpm: ['pnpm', 'add'],
  bun: ['bun', 'add'],
}

/** Creates an empty project, installs its packages, and runs its commands. */
export async function follow(
  { files, dependencies, commands }: Project,
  manager: Manager,
  version: string,
  options: { cwd: string; env: NodeJS.ProcessEnv; signal: AbortSignal },
): Promise<void> {
  mkdirSync(options.cwd, { recursive: true })
  writeFileSync(join(options.cwd, 'package.json'), '{ "private": true }\n')
  for (const [name, source] of Object.entries(files)) {
    cpSync(join(release, 'projects', source), join(options.cwd, name))
  }
  await run([...add[manager], ...dependencies], options)
  for (const command of commands) await run(command.split(' '), options)
  if (dependencies.includes('@bcl/cli')) {
    const printed = await run(['node_modules/.bin/bcl', '--version'], options)
    if (printed.trim() !== version) throw new Error(`bcl --version printed ${printed.trim()}, not ${version}`)
  }
}
