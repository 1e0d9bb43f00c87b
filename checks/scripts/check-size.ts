// Checks that each package is within its size budget: bundled, minified and gzipped, without its dependencies.
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

interface Manifest {
  name: string
  dependencies?: Record<string, string>
  peerDependencies?: Record<string, string>
}

/**
 * The budgets in bytes. No package may grow above its budget. The goal for core is 11,000 bytes. docs/design.md
 * explains why core is larger.
 */
const budgets = {
  core: 15_330,
  node: 2000,
  hono: 2000,
  koa: 2000,
  express: 2000,
  fastify: 2000,
  nestjs: 2000,
  ssf: 7240,
}
/** The budget for the bytes that `@bcl/core/kit` adds to an application that bundles both entries of core. */
const kitBudget = 1200

async function sizeOf(
  folder: string,
  { dependencies, peerDependencies }: Manifest,
  entries: string[] = ['index'],
): Promise<number> {
  const { outputFiles } = await build({
    stdin: { contents: entries.map((entry) => `export * from './dist/${entry}.js'`).join('\n'), resolveDir: folder },
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    external: Object.keys({ ...dependencies, ...peerDependencies }).flatMap((name) => [name, `${name}/*`]),
    write: false,
  })
  return gzipSync(outputFiles[0]!.contents, { level: 9 }).length
}

const rows: string[][] = [['package', 'bytes', 'budget', '']]
const addRow = (name: string, size: number, budget: number): void => {
  rows.push([name, String(size), String(budget), size > budget ? `${size - budget} too many` : 'ok'])
  if (size > budget) process.exitCode = 1
}
for (const [name, budget] of Object.entries(budgets)) {
  const folder = `packages/${name}`
  const manifest = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8')) as Manifest
  const size = await sizeOf(folder, manifest)
  addRow(manifest.name, size, budget)
  if (name === 'core') addRow('@bcl/core/kit', (await sizeOf(folder, manifest, ['index', 'kit'])) - size, kitBudget)
}
for (const [name, size, budget, verdict] of rows) {
  console.log(`${name!.padEnd(14)}${size!.padStart(8)}${budget!.padStart(8)}  ${verdict}`)
}
