import { sumUp, type ConformanceResult } from '@bcl/testing'
import { escapeXml } from './format-junit.js'

const style = `
:root { color-scheme: light dark; --passed: #17803d; --failed: #c2271d; --skipped: #777 }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100%; margin: 0 0 2rem }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid #8884 }
td.count { text-align: right; font-variant-numeric: tabular-nums }
.passed { color: var(--passed) } .failed { color: var(--failed); font-weight: 600 } .skipped { color: var(--skipped) }
code { font-size: .9em } summary { cursor: pointer } dl { margin: .3rem 0 .6rem 1rem } dt { float: left; clear: left; width: 5rem; opacity: .7 } dd { margin-left: 5.5rem }
`

const escape = escapeXml

function row({ id, title, grade, requirement, reference, sends, wants, got, outcome }: ConformanceResult): string {
  const said = Object.entries({ sent: sends, wanted: wants, got, by: reference })
    .map(([name, text]) => `<dt>${name}</dt><dd>${escape(text)}</dd>`)
    .join('')
  const details = `<details${outcome === 'failed' ? ' open' : ''}><summary>${escape(title)}</summary><dl>${said}</dl></details>`
  return `<tr><td class="${outcome}">${outcome}</td><td>${details}<code>${escape(id)}</code></td><td>${grade}</td><td>${requirement}</td></tr>`
}

/** Results of `runConformance` as one page that needs nothing else. */
export function formatHtml(results: readonly ConformanceResult[], about: { endpoint: string; date?: Date }): string {
  const sums = Object.entries(sumUp(results)).map(
    ([grade, { passed, failed, skipped }]) =>
      `<tr><td>${grade}</td><td class="count passed">${passed}</td><td class="count failed">${failed}</td><td class="count skipped">${skipped}</td></tr>`,
  )
  const { endpoint, date = new Date() } = about
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Back-channel logout conformance</title><style>${style}</style></head>
<body>
<h1>Back-channel logout conformance</h1>
<p><code>${escape(endpoint)}</code>, ${date.toISOString()}</p>
<table><tr><th>Grade</th><th>passed</th><th>failed</th><th>skipped</th></tr>${sums.join('')}</table>
<table><tr><th>Outcome</th><th>Case</th><th>Grade</th><th>Requirement</th></tr>
${results.map(row).join('\n')}
</table>
</body>
</html>
`
}
