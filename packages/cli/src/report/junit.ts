import type { ConformanceResult } from '@bcl/testing'
import { escapeXml } from './escape-xml.js'

function formatCase({
  id,
  group,
  title,
  grade,
  reference,
  wants,
  got,
  outcome,
  durationMs,
}: ConformanceResult): string {
  const name = escapeXml(`${id}: ${title} [${grade}]`)
  const start = `  <testcase classname="${group}" name="${name}" time="${durationMs / 1000}"`
  if (outcome === 'skipped') return `${start}><skipped message="${escapeXml(got)}"/></testcase>`
  if (outcome === 'passed') return `${start}/>`
  const details = escapeXml(`wanted ${wants}\n${reference}`)
  return `${start}><failure type="${grade}" message="${escapeXml(got)}">${details}</failure></testcase>`
}

/** Formats the results of `runConformance` as JUnit XML, which CI systems read. */
export function formatJUnit(results: readonly ConformanceResult[]): string {
  const count = (wanted: string): number => results.filter(({ outcome }) => outcome === wanted).length
  const counts = `tests="${results.length}" failures="${count('failed')}" skipped="${count('skipped')}"`
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuite name="back-channel logout" ${counts}>`,
    ...results.map(formatCase),
    '</testsuite>',
    '',
  ].join('\n')
}
