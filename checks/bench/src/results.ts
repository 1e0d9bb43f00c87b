// The file of results, and its form.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The ratios of all rounds: their median, and their quartiles. */
export interface Ratio {
  median: number
  low: number
  high: number
}

/** One contender beside its peer. */
export interface Pair {
  name: string
  /** Operations per second: medians. */
  rates: [ours: number, peer: number]
  speed: Ratio
  /** The same ratio for operations per second of CPU time of the main thread. */
  cpu?: Ratio
  /** The store was read so often for so many checks, warm-up included. */
  store?: { reads: number; checks: number }
}

/** Figures that are compared with nothing. */
export interface Figures {
  name: string
  values: number[]
}

export type Row = Pair | Figures

/** One full run. */
export interface Results {
  date: string
  commit: string
  node: string
  machine: { cpu: string; cores: number; memoryGiB: number; system: string; load: number }
  rounds: number
  minutes: number
  sections: Record<string, Row[]>
}

export const resultsFile = fileURLToPath(new URL('../results.json', import.meta.url))

/** Returns nothing before the first full run. */
export const readResults = (): Results | undefined =>
  existsSync(resultsFile) ? (JSON.parse(readFileSync(resultsFile, 'utf8')) as Results) : undefined

/** Writes four significant digits. More would only be noise. */
export function writeResults(results: Results): void {
  const round = (_: string, value: unknown) =>
    typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value
  writeFileSync(resultsFile, `${JSON.stringify(results, round, 2)}\n`)
}
