// The format of the file of results.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The median and the quartiles of the ratios of all rounds. */
export interface Ratio {
  median: number
  low: number
  high: number
}

/** A contender and its peer. */
export interface Pair {
  name: string
  /** Operations per second, as medians. */
  rates: [ours: number, peer: number]
  speed: Ratio
  /** The same ratio, for operations per second of CPU time of the main thread. */
  cpu?: Ratio
  /** The number of reads of the store, and the number of checks that caused them, including the warm-up. */
  store?: { reads: number; checks: number }
}

/** Figures without a comparison. */
export interface Figures {
  name: string
  values: number[]
}

export type Row = Pair | Figures

/** The results of one full run. */
export interface Results {
  date: string
  commit: string
  node: string
  machine: { cpu: string; cores: number; memoryGiB: number; system: string; load: number }
  rounds: number
  minutes: number
  sections: Record<string, Row[]>
}

export const resultsFile = fileURLToPath(new URL('../../results.json', import.meta.url))

/** Returns the results, or nothing before the first full run. */
export const readResults = (): Results | undefined =>
  existsSync(resultsFile) ? (JSON.parse(readFileSync(resultsFile, 'utf8')) as Results) : undefined

/** Writes the file. Rounds to four significant digits, because more digits would only be noise. */
export function writeResults(results: Results): void {
  const round = (_: string, value: unknown) =>
    typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value
  writeFileSync(resultsFile, `${JSON.stringify(results, round, 2)}\n`)
}
