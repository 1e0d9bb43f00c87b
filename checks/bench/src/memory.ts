import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { median } from './measure.ts'
import type { Scale } from './scale.ts'
import type { Section } from './table.ts'

interface Weight {
  perLogout: number
  perEntry: number
}

async function weigh(count: number): Promise<Weight> {
  const file = new URL('memory-child.ts', import.meta.url).pathname
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', file, String(count)])
  return JSON.parse(stdout) as Weight
}

export async function measureMemory({ weighed, rounds }: Scale): Promise<Section> {
  const weights: Weight[] = []
  for (let run = 0; run < Math.min(3, rounds); run += 1) weights.push(await weigh(weighed))
  const of = (name: keyof Weight): string => `${Math.round(median(weights.map((weight) => weight[name])))} bytes`
  return {
    title: 'Memory',
    note: `Growth of the heap by ${weighed.toLocaleString('en')} logouts in a \`MemoryStore\`, each of another subject and session with names of 36 characters. One logout is several entries.`,
    columns: ['MemoryStore', 'peer'],
    rows: [
      ['a remembered logout', of('perLogout'), '', '', '', 'at most 300'],
      ['an entry of the store', of('perEntry'), '', '', '', 'at most 300'],
    ],
  }
}
