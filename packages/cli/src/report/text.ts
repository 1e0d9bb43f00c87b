import { sumUp, type ConformanceResult } from '@bcl/testing'
import type { Channel } from '../terminal/output.js'

const signs = { passed: ['green', '✓'], failed: ['red', '✗'], skipped: ['dim', '-'] } as const
const gradeWidth = 'interoperability'.length

/** The head of a table of {@link formatResult}. */
export const formatHead = ({ style }: Channel): string => style('dim', `  ${'grade'.padEnd(gradeWidth)}  case`)

/** A result on one line. */
export function formatResult({ outcome, id, title, grade, got }: ConformanceResult, { style }: Channel): string {
  const [color, sign] = signs[outcome]
  const failure = outcome === 'failed' ? `\n  ${' '.repeat(gradeWidth)}  ${style('red', got)}` : ''
  return `${style(color, sign)} ${grade.padEnd(gradeWidth)}  ${title} ${style('dim', `(${id})`)}${failure}`
}

/** What is to be known of a case that failed. */
export function formatFailure(result: ConformanceResult, { style }: Channel): string {
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
    .map(([grade, ...counts]) => grade!.padEnd(gradeWidth) + counts.map((count) => count.padStart(9)).join(''))
    .join('\n')
}

/** What all of it means, in a sentence. */
export function formatVerdict(results: readonly ConformanceResult[]): string {
  const { passed, failed } = sumUp(results).MUST
  if (failed > 0) return `It does not do what it must: ${failed} of ${passed + failed} MUST cases failed.`
  return passed > 0 ? `It does what it must, in ${passed} of ${passed} cases.` : 'No MUST case was run.'
}
