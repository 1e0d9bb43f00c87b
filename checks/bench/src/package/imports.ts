import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { median } from '../measure/measure.ts'
import type { Figures } from '../report/results.ts'
import type { Scale } from '../measure/scale.ts'

const cwd = new URL('../..', import.meta.url).pathname

/** Returns the milliseconds that a new process takes to import a package. */
async function timeToImport(name: string): Promise<number> {
  const code = `const startedAt = performance.now(); await import('${name}'); console.log(performance.now() - startedAt)`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code], { cwd })
  return Number(stdout)
}

/** Measures `import` in a new process, in milliseconds. */
export async function measureImports({ rounds }: Scale): Promise<Figures[]> {
  const names = ['@bcl/core', 'jose']
  const times: number[][] = []
  for (let round = 0; round < rounds; round += 1) {
    const each: number[] = []
    for (const name of names) each.push(await timeToImport(name))
    times.push(each)
  }
  return names.map((name, index) => ({ name: `\`${name}\``, values: [median(times.map((each) => each[index]!))] }))
}
