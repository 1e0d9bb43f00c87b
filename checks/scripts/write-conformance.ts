// Writes docs/conformance.md: the results of `bcl conformance` for our examples and for other Relying Parties.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { findingsOf, type ConformanceGrade, type ConformanceResult } from '@bcl/testing'
import { startApplication } from '../../packages/cli/test/start-application.ts'
import { gradeRules } from './grade-rules.ts'

const applications: Record<string, string> = {
  'examples/hono': 'examples/hono',
  'examples/koa': 'examples/koa',
  'examples/express': 'examples/express',
  'examples/fastify': 'examples/fastify',
  'examples/nestjs': 'examples/nestjs',
  'examples/nextjs': 'examples/nextjs',
  'express-openid-connect': 'packages/cli/test/express-openid-connect',
}
const grades: readonly ConformanceGrade[] = ['MUST', 'SHOULD', 'hardening', 'interoperability']
const file = 'docs/conformance.md'

async function certify(folder: string): Promise<ConformanceResult[]> {
  const { endpoint, providerPort, stop } = await startApplication(folder)
  try {
    const args = ['packages/cli/dist/main.js', 'conformance', endpoint, '--port', String(providerPort), '--json']
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    const [out] = await Promise.all([text(child.stdout), once(child, 'close')])
    return (JSON.parse(out) as { results: ConformanceResult[] }).results
  } finally {
    await stop()
  }
}

const row = (cells: readonly string[]): string => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n')

const results: Record<string, ConformanceResult[]> = {}
for (const [name, folder] of Object.entries(applications)) {
  console.log(`${name} ...`)
  results[name] = await certify(folder)
}

const names = Object.keys(applications)
const peers = names.filter((name) => !name.startsWith('examples/'))

/** A row with the number of cases that passed, of the cases that were run. */
const counts = (title: string, isMeant: (result: ConformanceResult) => boolean): string[] => [
  title,
  ...names.map((name) => {
    const run = results[name]!.filter((result) => isMeant(result) && result.outcome !== 'skipped')
    return `${run.filter(({ outcome }) => outcome === 'passed').length} of ${run.length}`
  }),
]

const said = (id: string, name: string): string => {
  const { outcome, got } = results[name]!.find((result) => result.id === id)!
  return outcome === 'failed' ? got.replaceAll('"', "'") : outcome
}

/** The failed cases of a peer, by their cause. */
function describePeer(name: string): string {
  const rows = findingsOf(results[name]!).flatMap(({ what, results: cases }) =>
    cases.map(({ id, grade }, index) => [`\`${id}\``, grade, said(id, name), index === 0 ? what : '']),
  )
  const skipped = results[name]!.filter(({ outcome }) => outcome === 'skipped')
  const lines = skipped.map(({ id, got }) => `- \`${id}\`: ${got}.`)
  return [
    `### ${name}`,
    table(['case', 'grade', 'what the application did', 'finding'], rows),
    ...(lines.length > 0 ? ['These cases were skipped:', lines.join('\n')] : []),
  ].join('\n\n')
}

const versionOf = (name: string): string =>
  (JSON.parse(readFileSync(`packages/cli/node_modules/${name}/package.json`, 'utf8')) as { version: string }).version

writeFileSync(
  file,
  `# Conformance

This page shows the results of \`bcl conformance\` for the examples of this repository and for another library. It also explains the grade
of each case. \`pnpm check conformance\` writes the page. A test fails if an example does not pass all cases, or if the page is out of date.

The other library is [express-openid-connect](https://github.com/auth0/express-openid-connect) ${versionOf('express-openid-connect')}. The application under test is
\`packages/cli/test/express-openid-connect/main.ts\`. It turns on back-channel logout as the library's documentation says.
It changes no other setting.

## Results

Each cell has two numbers: the cases that passed, and the cases that were run.

${table(
  ['grade', ...names],
  grades.map((grade) => counts(grade, (result) => result.grade === grade)),
)}

## What failed

All examples pass all cases.

${peers.map(describePeer).join('\n\n')}

There are reasons for some of these choices. Many providers accept the answer 204. If a logout ends too many sessions, the user only has to
sign in again.

## Grades

- **MUST**: if the case fails, the endpoint breaks a standard.
- **SHOULD**: if the case fails, the endpoint does not follow a recommendation of a standard.
- **hardening**: no standard has the rule. If the case fails, the endpoint can be attacked, or it loses logouts.
- **interoperability**: if the case fails, the endpoint does not work with at least one provider or framework.

"BCL" is [OpenID Connect Back-Channel Logout 1.0](https://openid.net/specs/openid-connect-backchannel-1_0.html) with errata set 1. "Core"
is [OpenID Connect Core 1.0](https://openid.net/specs/openid-connect-core-1_0.html). \`bcl conformance --list\` lists all cases with their grades.

${table(
  ['rule', 'grade', 'section', 'a quotation from the standard, or our reason'],
  gradeRules.map(({ what, grade, section, words }) => [what, grade, section, words]),
)}
`,
)
execFileSync('oxfmt', ['--write', file], { stdio: 'inherit' })
console.log(`${file} written`)
