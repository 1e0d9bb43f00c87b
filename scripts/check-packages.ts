// What is published: publint and attw are content, the files are those that are meant, sizes keep to their budget.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

interface Manifest {
  name: string
  private?: boolean
  dependencies?: Record<string, string>
  peerDependencies?: Record<string, string>
}

/** Bytes, minified and gzipped, without dependencies. What the core costs, and why, is in docs/design.md. */
const budgets: Record<string, number> = {
  '@bcl/core': 11 * 1024,
  '@bcl/hono': 2048,
  '@bcl/koa': 2048,
  '@bcl/nestjs': 2048,
}
const bin = (name: string): string => resolve('node_modules/.bin', name)
const run = (command: string, args: string[], cwd: string): string =>
  execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })

const faults: string[] = []
for (const folder of readdirSync('packages')) {
  const cwd = resolve('packages', folder)
  const manifest = JSON.parse(readFileSync(join(cwd, 'package.json'), 'utf8')) as Manifest
  const destination = mkdtempSync(join(tmpdir(), 'bcl-pack-'))
  try {
    run('pnpm', ['pack', '--pack-destination', destination], cwd)
    const tarball = join(destination, readdirSync(destination)[0]!)
    run(bin('publint'), ['run', tarball, '--strict'], cwd)
    run(bin('attw'), [tarball, '--profile', 'esm-only'], cwd)
    const files = run('tar', ['-tzf', tarball], cwd).trim().split('\n')
    const strange = files.filter(
      (file) => !/^package\/(?:package\.json|README\.md|LICENSE|CHANGELOG\.md|dist\/[\w./-]+\.[jt]s)$/.test(file),
    )
    if (strange.length > 0) faults.push(`${manifest.name} packs ${strange.join(', ')}`)
    if (!files.includes('package/README.md')) faults.push(`${manifest.name} has no README.md`)
  } catch (error) {
    faults.push(`${manifest.name}: ${(error as Error).message}`)
  } finally {
    rmSync(destination, { recursive: true })
  }

  const allowed = folder === 'core' ? ['jose'] : folder === 'testing' ? ['jose'] : folder === 'cli' ? undefined : []
  const strange = Object.keys(manifest.dependencies ?? {}).filter((name) => allowed && !allowed.includes(name))
  if (strange.length > 0) faults.push(`${manifest.name} depends on ${strange.join(', ')}`)

  const external = ['jose', ...Object.keys(manifest.peerDependencies ?? {})].flatMap((name) => [name, `${name}/*`])
  const { outputFiles } = await build({
    entryPoints: [join(cwd, 'dist/index.js')],
    bundle: true,
    minify: true,
    format: 'esm',
    external,
    write: false,
  })
  const size = gzipSync(outputFiles[0]!.contents, { level: 9 }).length
  const budget = budgets[manifest.name]
  console.log(`${manifest.name}: ${size} bytes minified and gzipped${budget ? ` of ${budget}` : ''}`)
  if (budget && size > budget) faults.push(`${manifest.name} has ${size} bytes, over its budget of ${budget}`)
}

if (faults.length > 0) {
  console.error(faults.join('\n'))
  process.exit(1)
}
