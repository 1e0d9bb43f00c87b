import type { ConformanceResult } from '@bcl/testing'

const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

/** Text for XML and HTML; characters that XML knows no spelling of are left out. */
export const escapeXml = (text: string): string =>
  text
    .replaceAll(/[^\t\n\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu, '')
    .replaceAll(/[&<>"']/g, (c) => escapes[c]!)

function testcase({ id, group, title, grade, reference, wants, got, outcome, durationMs }: ConformanceResult): string {
  const open = `  <testcase classname="${group}" name="${escapeXml(`${id}: ${title} [${grade}]`)}" time="${durationMs / 1000}"`
  if (outcome === 'skipped') return `${open}><skipped message="${escapeXml(got)}"/></testcase>`
  if (outcome === 'passed') return `${open}/>`
  const said = escapeXml(`wanted ${wants}\n${reference}`)
  return `${open}><failure type="${grade}" message="${escapeXml(got)}">${said}</failure></testcase>`
}

/** Results of `runConformance` in the XML that CI systems read. */
export function formatJUnit(results: readonly ConformanceResult[]): string {
  const count = (wanted: string): number => results.filter(({ outcome }) => outcome === wanted).length
  const counts = `tests="${results.length}" failures="${count('failed')}" skipped="${count('skipped')}"`
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuite name="back-channel logout" ${counts}>`,
    ...results.map(testcase),
    '</testsuite>',
    '',
  ].join('\n')
}
