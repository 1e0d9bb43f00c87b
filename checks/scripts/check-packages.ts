// Checks the tarballs of a release: their files, their dependencies, their bills of materials, and the results of publint and attw.
// Uses the tarballs of the given folder. Without a folder, packs the tarballs first.
import { execFileSync } from 'node:child_process'
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { tarballsIn, type Tarball } from '../release/src/tarballs.ts'

/** The members of a CycloneDX document that this check reads. */
interface BillOfMaterials {
  components: { group?: string; name: string }[]
}

/** The allowed dependencies of each package, without peers. */
const allowed: Record<string, readonly string[]> = {
  core: ['jose'],
  testing: ['jose'],
  hono: ['@bcl/node'],
  ssf: ['oauth4webapi'],
  koa: ['@bcl/node'],
  express: ['@bcl/node'],
  fastify: ['@bcl/node'],
  nestjs: ['@bcl/node'],
  cli: ['@bcl/core', '@bcl/ssf', '@bcl/testing', '@peculiar/x509', 'commander', 'jose', 'reflect-metadata'],
}

const faults: string[] = []

/** Runs a command. Shows its output if it fails. */
function check(name: string, command: string, ...args: string[]): void {
  try {
    execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string }
    faults.push(`${name}: ${command}\n${stdout}${stderr}`)
  }
}

/** Returns the files that a package must have: the manifest, README, licence, and the output of each source. */
function filesMeant(folder: string): string[] {
  const sources = globSync('**/*.ts', { cwd: `${folder}/src` }).map((file) => file.slice(0, -'.ts'.length))
  return [
    'LICENSE',
    'README.md',
    'package.json',
    ...sources.flatMap((source) => [`dist/${source}.js`, `dist/${source}.d.ts`]),
  ]
}

function checkTarball({ file, manifest }: Tarball): void {
  const { name, dependencies = {} } = manifest
  const folder = name.replace('@bcl/', '')
  const entries = execFileSync('tar', ['-tzf', file], { encoding: 'utf8' }).trim().split('\n')
  const packed = new Set(entries.map((entry) => entry.replace('package/', '')))
  const meant = new Set(filesMeant(`packages/${folder}`))
  for (const entry of packed.difference(meant)) faults.push(`${name} packs ${entry}`)
  for (const entry of meant.difference(packed)) faults.push(`${name} lacks ${entry}`)
  for (const dependency of Object.keys(dependencies)) {
    if (!allowed[folder]?.includes(dependency)) faults.push(`${name} depends on ${dependency}`)
  }
  const bill = JSON.parse(readFileSync(file.replace(/\.tgz$/, '.cdx.json'), 'utf8')) as BillOfMaterials
  const listed = new Set(bill.components.map(({ group, name }) => (group === undefined ? name : `${group}/${name}`)))
  for (const dependency of Object.keys(dependencies)) {
    if (!listed.has(dependency)) faults.push(`${name}: its bill of materials lacks ${dependency}`)
  }
  check(name, 'publint', 'run', file, '--strict')
  check(name, 'attw', file, '--profile', 'esm-only')
  console.log(`${name}: ${packed.size} files`)
}

const [given] = process.argv.slice(2)
const folder = given ?? mkdtempSync(join(tmpdir(), 'bcl-pack-'))
try {
  if (given === undefined)
    execFileSync('node', ['checks/release/src/pack.ts', folder], { stdio: ['ignore', 'ignore', 'inherit'] })
  const tarballs = tarballsIn(folder)
  const missing = globSync('packages/*').length - tarballs.length
  if (missing !== 0) faults.push(`${missing} packages were not packed`)
  for (const tarball of tarballs) checkTarball(tarball)
} finally {
  if (given === undefined) rmSync(folder, { recursive: true })
}
if (faults.length > 0) {
  console.error(faults.join('\n'))
  process.exitCode = 1
}
