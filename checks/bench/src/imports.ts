import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { compare, type Speed } from './measure.ts'
import type { Scale } from './scale.ts'
import type { Section } from './table.ts'

const cwd = new URL('..', import.meta.url).pathname

/** Milliseconds that a fresh process takes to import a package. */
async function timeToImport(name: string): Promise<Speed> {
  const code = `const startedAt = performance.now(); await import('${name}'); console.log(performance.now() - startedAt)`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code], { cwd })
  return { rate: Number(stdout), cpuRate: Number.NaN }
}

export async function measureImports({ imports }: Scale): Promise<Section> {
  const { rates: times, ratios } = await compare(imports, [() => timeToImport('@bcl/core'), () => timeToImport('jose')])
  const [ours, peer] = times.map((time) => `${time.toFixed(1)} ms`)
  return {
    title: 'Importing',
    note: '`import` in a fresh process; that of `@bcl/core` includes jose.',
    columns: ['@bcl/core', 'jose'],
    rows: [['import', ours!, peer!, ratios[0]!.toFixed(2), '', '']],
  }
}
