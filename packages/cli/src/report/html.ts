import { sumUp, type ConformanceResult } from '@bcl/testing'
import { escapeXml } from './junit.js'
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

const escape = escapeXml

function row({ id, title, grade, requirement, reference, sends, wants, got, outcome }: ConformanceResult): string {
  const said = Object.entries({ sent: sends, wanted: wants, got, by: reference })
    .map(([name, text]) => `<dt>${name}</dt><dd>${escape(text)}</dd>`)
    .join('')
  const details = `<details${outcome === 'failed' ? ' open' : ''}><summary>${escape(title)}</summary><dl>${said}</dl></details>`
  return `<tr><td class="${outcome}">${outcome}</td><td>${details}<code>${escape(id)}</code>, ${grade}, ${requirement}</td></tr>`
}

function section(title: string, results: readonly ConformanceResult[]): string {
  if (results.length === 0) return ''
  return `<h2>${title}</h2>
<table class="cases">
${results.map(row).join('\n')}
</table>`
}

function sums(results: readonly ConformanceResult[]): string {
  const rows = Object.entries(sumUp(results)).map(([grade, counts]) => {
    const cells = Object.entries(counts).map(
      ([outcome, count]) => `<td class="count ${count && outcome}">${count}</td>`,
    )
    return `<tr><td>${grade}</td>${cells.join('')}</tr>`
  })
  const head = ['passed', 'failed', 'skipped'].map((outcome) => `<th class="count">${outcome}</th>`).join('')
  return `<table class="sums"><tr><th>Grade</th>${head}</tr>${rows.join('')}</table>`
}

/** Results of `runConformance` as one page that needs nothing else. */
export function formatHtml(results: readonly ConformanceResult[], about: { endpoint: string; date?: Date }): string {
  const { endpoint, date = new Date() } = about
  const failed = results.filter(({ outcome }) => outcome === 'failed')
  const others = results.filter(({ outcome }) => outcome !== 'failed')
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Back-channel logout conformance</title><style>${style}</style></head>
<body>
<h1>Back-channel logout conformance</h1>
<p><code>${escape(endpoint)}</code>, ${date.toISOString()}</p>
<p><strong>${formatVerdict(results)}</strong></p>
${sums(results)}
<p>MUST: a standard asks for it. hardening: none does in so many words, and who lacks it can be attacked or loses logouts. interoperability: some provider or framework needs it.</p>
${section('What failed', failed)}
${section(failed.length > 0 ? 'What did not' : 'The cases', others)}
</body>
</html>
`
}
