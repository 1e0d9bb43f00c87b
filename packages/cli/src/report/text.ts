import { findingsOf, sumUp, type ConformanceFinding, type ConformanceResult } from '@bcl/testing'
import type { Channel } from '../terminal/output.js'

const signs = { passed: ['green', '✓'], failed: ['red', '✗'], skipped: ['dim', '-'] } as const
const gradeWidth = 'interoperability'.length

/** Formats the head of a table whose rows come from {@link formatResult}. */
export const formatHead = ({ style }: Channel): string => style('dim', `  ${'grade'.padEnd(gradeWidth)}  case`)

/** Formats a result as one row. A failed result has a second line with the behaviour of the application. */
export function formatResult({ outcome, id, title, grade, got }: ConformanceResult, { style }: Channel): string {
  const [color, sign] = signs[outcome]
  const failure = outcome === 'failed' ? `\n  ${' '.repeat(gradeWidth)}  ${style('red', got)}` : ''
  return `${style(color, sign)} ${grade.padEnd(gradeWidth)}  ${title} ${style('dim', `(${id})`)}${failure}`
}

/** The largest number of cases that the summary lists for one finding. The table of results has all cases. */
const maxCases = 8

function formatFinding({ what, results }: ConformanceFinding, { style }: Channel): string {
  const [{ sends, wants, reference }] = results as [ConformanceResult]
  const cases = results.slice(0, maxCases).map(({ id, grade, got }) => `  ${grade.padEnd(gradeWidth)}  ${id}: ${got}`)
  const more = results.length > maxCases ? [`  and ${results.length - maxCases} more`] : []
  return [
    style('bold', what),
    `  sent   ${sends}`,
    `  wanted ${wants}`,
    ...(what.includes(reference) ? [] : [`  why    ${reference}`]),
    ...cases,
    ...more,
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

/** Counts the skipped cases by their reason. */
function countReasons(results: readonly ConformanceResult[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { outcome, got } of results) if (outcome === 'skipped') counts.set(got, (counts.get(got) ?? 0) + 1)
  return counts
}

/** Prints the findings, the counts and the verdict after the table of results. */
export function writeSummary(results: readonly ConformanceResult[], channel: Channel): void {
  const { write, style } = channel
  for (const finding of findingsOf(results)) write(`\n${formatFinding(finding, channel)}`)
  write(`\n${formatCounts(results)}\n`)
  for (const [reason, count] of countReasons(results)) write(style('dim', `Skipped: ${count}, because ${reason}.`))
  write(style('bold', formatVerdict(results)))
}
