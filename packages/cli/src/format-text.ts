import type { ConformanceResult } from '@bcl/testing'
import { sumUp } from '@bcl/testing'
import type { Output } from './output.js'

const signs = { passed: ['green', '✓'], failed: ['red', '✗'], skipped: ['dim', '-'] } as const

/** A result on one line. */
export function formatResult({ outcome, id, title, grade, got }: ConformanceResult, { style }: Output): string {
  const [color, sign] = signs[outcome]
  const failure = outcome === 'failed' ? `: ${got}` : ''
  return `${style(color, sign)} ${title} ${style('dim', `${id}, ${grade}`)}${failure}`
}

/** What is to be known of a case that failed. */
export function formatFailure(result: ConformanceResult, { style }: Output): string {
  const { id, title, grade, requirement, reference, sends, wants, got } = result
  return [
    style('bold', `${grade}: ${title}`),
    `  case   ${id} (${requirement})`,
    `  sent   ${sends}`,
    `  wanted ${wants}`,
    `  got    ${got}`,
    `  by     ${reference}`,
  ].join('\n')
}

/** How many passed, by grade. */
export function formatSums(results: readonly ConformanceResult[]): string {
  const rows = Object.entries(sumUp(results)).map(([grade, { passed, failed, skipped }]) =>
    [grade, passed, failed, skipped].map(String),
  )
  const head = ['grade', 'passed', 'failed', 'skipped']
  return [head, ...rows]
    .map(([grade, ...counts]) => grade!.padEnd(18) + counts.map((count) => count.padStart(9)).join(''))
    .join('\n')
}
