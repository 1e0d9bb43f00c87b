import { sumUp, type ConformanceResult } from '@bcl/testing'
import type { Channel } from '../terminal/output.js'

const signs = { passed: ['green', '✓'], failed: ['red', '✗'], skipped: ['dim', '-'] } as const
const gradeWidth = 'interoperability'.length

/** Formats the head of a table whose rows come from {@link formatResult}. */
export const formatHead = ({ style }: Channel): string => style('dim', `  ${'grade'.padEnd(gradeWidth)}  case`)

/** Formats a result as one row. A failed result has a second line that says what the application did. */
export function formatResult({ outcome, id, title, grade, got }: ConformanceResult, { style }: Channel): string {
  const [color, sign] = signs[outcome]
  const failure = outcome === 'failed' ? `\n  ${' '.repeat(gradeWidth)}  ${style('red', got)}` : ''
  return `${style(color, sign)} ${grade.padEnd(gradeWidth)}  ${title} ${style('dim', `(${id})`)}${failure}`
}

function formatFailure(result: ConformanceResult, { style }: Channel): string {
  const { id, title, grade, requirement, reference, sends, wants, got } = result
  return [
    style('bold', `${grade}: ${title}`),
    `  case   ${id} (${requirement})`,
    `  sent   ${sends}`,
    `  wanted ${wants}`,
    `  got    ${got}`,
    `  why    ${reference}`,
  ].join('\n')
}

/** Formats a table with the number of passed, failed and skipped cases for each grade. */
function formatCounts(results: readonly ConformanceResult[]): string {
  const rows = Object.entries(sumUp(results)).map(([grade, { passed, failed, skipped }]) =>
    [grade, passed, failed, skipped].map(String),
  )
  const head = ['grade', 'passed', 'failed', 'skipped']
  return [head, ...rows]
    .map(([grade, ...counts]) => grade!.padEnd(gradeWidth) + counts.map((count) => count.padStart(9)).join(''))
    .join('\n')
}

/** Says in one sentence whether the MUST cases passed. */
export function formatVerdict(results: readonly ConformanceResult[]): string {
  const { passed, failed } = sumUp(results).MUST
  if (failed > 0) return `The endpoint breaks a standard: ${failed} of ${passed + failed} MUST cases failed.`
  return passed > 0 ? `The endpoint passed all ${passed} MUST cases.` : 'No MUST case was run.'
}

/** Writes what comes after the table of results: the failures in detail, the counts and the verdict. */
export function writeSummary(results: readonly ConformanceResult[], channel: Channel): void {
  const { write, style } = channel
  for (const result of results) if (result.outcome === 'failed') write(`\n${formatFailure(result, channel)}`)
  write(`\n${formatCounts(results)}\n`)
  const reasons = new Set(results.filter(({ outcome }) => outcome === 'skipped').map(({ got }) => got))
  for (const reason of reasons) write(style('dim', `Some cases were skipped: ${reason}.`))
  write(style('bold', formatVerdict(results)))
}
