import type { Beside } from './measure.ts'

/** One line of the results: what, ours, the peer's, how they compare by the clock and by processor time, what we want. */
export type Row = readonly [what: string, ours: string, peer: string, ratio: string, cpuRatio: string, target: string]

export interface Section {
  title: string
  /** How it was measured. */
  note: string
  /** Heads of the columns for ours and the peer's. */
  columns: readonly [ours: string, peer: string]
  rows: readonly Row[]
}

export const rate = (perSecond: number): string => `${Math.round(perSecond).toLocaleString('en')}/s`
export const ratio = (value: number): string => value.toFixed(2)

/** A line about one contender beside another. */
export const compared = (what: string, { rates, ratio: by, cpuRatio }: Beside, target: string): Row => [
  what,
  rate(rates[0]),
  rate(rates[1]),
  ratio(by),
  ratio(cpuRatio),
  target,
]

/** A Markdown table, its columns padded as the formatter has them. */
export function table({ columns, rows }: Section): string {
  const head = ['', ...columns, 'ratio', 'by CPU time', 'wanted']
  const widths = head.map((cell, column) => Math.max(3, cell.length, ...rows.map((row) => row[column]!.length)))
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n')
}
