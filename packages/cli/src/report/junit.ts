import type { ConformanceResult } from '@bcl/testing'
import { escapeXml } from './escape-xml.js'

/** Tells whether a result makes a build fail. Only a failed `MUST` case makes a build fail. */
const isFailure = ({ outcome, grade }: ConformanceResult): boolean => outcome === 'failed' && grade === 'MUST'

function formatOutcome(result: ConformanceResult): string {
  const { grade, reference, wants, got, outcome } = result
  if (outcome === 'passed') return ''
  if (outcome === 'skipped') return `<skipped message="${escapeXml(got)}"/>`
  if (!isFailure(result)) return `<skipped message="${escapeXml(`failed, but is not a MUST (${grade}): ${got}`)}"/>`
  return `<failure type="${grade}" message="${escapeXml(got)}">${escapeXml(`wanted ${wants}\n${reference}`)}</failure>`
}

function formatCase(result: ConformanceResult): string {
  const { id, group, title, grade, outcome, fault, durationMs } = result
  const name = escapeXml(`${id}: ${title} [${grade}]`)
  const properties = Object.entries({ grade, outcome, ...(fault && { fault }) })
    .map(([property, value]) => `<property name="${property}" value="${value}"/>`)
    .join('')
  return `  <testcase classname="${group}" name="${name}" time="${durationMs / 1000}"><properties>${properties}</properties>${formatOutcome(result)}</testcase>`
}

/**
 * Formats the results of `runConformance` as JUnit XML for CI systems. A failed `MUST` case is a failure. A failed case of
 * another grade is reported as skipped, with a message. The properties of each case contain its grade and its real outcome.
 */
export function formatJUnit(results: readonly ConformanceResult[]): string {
  const failures = results.filter(isFailure).length
  const skipped = results.filter((result) => result.outcome !== 'passed' && !isFailure(result)).length
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuite name="back-channel logout" tests="${results.length}" failures="${failures}" skipped="${skipped}">`,
    ...results.map(formatCase),
    '</testsuite>',
    '',
  ].join('\n')
}
