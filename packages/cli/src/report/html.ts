import { findingsOf, sumUp, type ConformanceFinding, type ConformanceResult } from '@bcl/testing'
import { escapeXml } from './escape-xml.js'
import { formatVerdict } from './text.js'

const style = `
:root { color-scheme: light dark; --passed: light-dark(#17703a, #6bd08f); --failed: light-dark(#b3261e, #ff8a80); --skipped: light-dark(#666, #aaa) }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100%; margin: 0 0 2rem }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid #8884 }
.sums { width: auto } .cases td:first-child { width: 5rem } .count { text-align: right; font-variant-numeric: tabular-nums }
.passed { color: var(--passed) } .failed { color: var(--failed); font-weight: 600 } .skipped { color: var(--skipped) }
code { font-size: .9em; overflow-wrap: anywhere } summary { cursor: pointer }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 1rem; margin: .3rem 0 .6rem 1rem } dt { opacity: .7 } dd { margin: 0; overflow-wrap: anywhere }
`

function formatRow({
  id,
  title,
  grade,
  requirement,
  reference,
  sends,
  wants,
  got,
  outcome,
}: ConformanceResult): string {
  const details = Object.entries({ sent: sends, wanted: wants, got, why: reference })
    .map(([name, text]) => `<dt>${name}</dt><dd>${escapeXml(text)}</dd>`)
    .join('')
  const open = outcome === 'failed' ? ' open' : ''
  const description = `<details${open}><summary>${escapeXml(title)}</summary><dl>${details}</dl></details>`
  return `<tr><td class="${outcome}">${outcome}</td><td>${description}<code>${escapeXml(id)}</code>, ${grade}, ${requirement}</td></tr>`
}

function formatSection(title: string, results: readonly ConformanceResult[], heading = 'h2'): string {
  if (results.length === 0) return ''
  return `<${heading}>${title}</${heading}>
<table class="cases">
${results.map(formatRow).join('\n')}
</table>`
}

const formatFinding = ({ what, results }: ConformanceFinding): string => formatSection(escapeXml(what), results, 'h3')

function formatCounts(results: readonly ConformanceResult[]): string {
  const rows = Object.entries(sumUp(results)).map(([grade, counts]) => {
    const cells = Object.entries(counts).map(
      ([outcome, count]) => `<td class="count ${count && outcome}">${count}</td>`,
    )
    return `<tr><td>${grade}</td>${cells.join('')}</tr>`
  })
  const head = ['passed', 'failed', 'skipped'].map((outcome) => `<th class="count">${outcome}</th>`).join('')
  return `<table class="sums"><tr><th>Grade</th>${head}</tr>${rows.join('')}</table>`
}

/**
 * Formats the results of `runConformance` as one HTML page. The page needs no other file and no script.
 *
 * @param about `endpoint` is the address of the endpoint. `date` is the time of the run, by default now.
 */
export function formatHtml(results: readonly ConformanceResult[], about: { endpoint: string; date?: Date }): string {
  const { endpoint, date = new Date() } = about
  const failed = results.filter(({ outcome }) => outcome === 'failed')
  const others = results.filter(({ outcome }) => outcome !== 'failed')
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Back-channel logout conformance</title><style>${style}</style></head>
<body>
<h1>Back-channel logout conformance</h1>
<p><code>${escapeXml(endpoint)}</code>, ${date.toISOString()}</p>
<p><strong>${formatVerdict(results)}</strong></p>
${formatCounts(results)}
<p>MUST: a standard requires the rule. SHOULD: a standard recommends the rule. hardening: no standard requires this of an endpoint, but an endpoint that fails can be attacked, can lose logouts, or can end newer sessions. interoperability: no standard requires this of an endpoint, but an endpoint that fails does not work with some providers or frameworks.</p>
${failed.length > 0 ? '<h2>Failed cases, by cause</h2>' : ''}
${findingsOf(failed).map(formatFinding).join('\n')}
${formatSection(failed.length > 0 ? 'Other cases' : 'All cases', others)}
</body>
</html>
`
}
