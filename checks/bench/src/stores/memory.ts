import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { median } from '../measure/measure.ts'
import type { Figures } from '../report/results.ts'
import type { Scale } from '../measure/scale.ts'

interface Weight {
  perLogout: number
  perEntry: number
}

async function weigh(count: number): Promise<Weight> {
  const file = new URL('memory-child.ts', import.meta.url).pathname
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', file, String(count)])
  return JSON.parse(stdout) as Weight
}

/** Measures the memory of `MemoryStore`, in bytes. */
export async function measureMemory({ weighed, slowRounds }: Scale): Promise<Figures[]> {
  const weights: Weight[] = []
  for (let run = 0; run < slowRounds; run += 1) weights.push(await weigh(weighed))
  const of = (name: keyof Weight): number => Math.round(median(weights.map((weight) => weight[name])))
  return [
    { name: 'a remembered logout', values: [of('perLogout')] },
    { name: 'an entry of the store', values: [of('perEntry')] },
  ]
}
