import { findingsOf, sumUp, type ConformanceGrade, type ConformanceResult } from '@bcl/testing'
import { gradeRules } from './grade-rules.ts'
import { peers, type Peer } from './peers.ts'

/** The results of each application, by its name. */
export type Results = Record<string, readonly ConformanceResult[]>

const grades: readonly ConformanceGrade[] = ['MUST', 'SHOULD', 'hardening', 'interoperability']

const row = (cells: readonly string[]): string => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n')

/** Returns a row of the table. For each grade, the row has the number of passed cases and the number of cases that ran. */
export function countsOf(name: string, results: readonly ConformanceResult[]): string[] {
  const sums = sumUp(results)
  return [name, ...grades.map((grade) => `${sums[grade].passed} of ${sums[grade].passed + sums[grade].failed}`)]
}

const code = (text: string): string => `\`${text}\``

/** Describes the behaviour of an application in one line. */
const said = ({ got }: ConformanceResult): string => got.replace(/ <[^]*$/, ' and an HTML page').replaceAll('|', '\\|')

/** Lists similar results on one line: the grade, the ids, and the behaviour of the application. */
function listAlike(results: readonly ConformanceResult[]): string {
  const lines = new Map<string, string[]>()
  for (const result of results) {
    const key = `${result.grade} | ${said(result)}`
    lines.set(key, [...(lines.get(key) ?? []), code(result.id)])
  }
  return [...lines]
    .map(([key, ids]) => {
      const [grade, got] = key.split(' | ')
      return `  - ${grade}: ${ids.join(', ')}: ${got}`
    })
    .join('\n')
}

/** The failed cases of a peer, by their cause. */
function describePeer({ name }: Peer, results: readonly ConformanceResult[]): string {
  const findings = findingsOf(results).map(({ what, results: cases }) => `- ${what}\n\n${listAlike(cases)}`)
  const skipped = results.filter(({ outcome }) => outcome === 'skipped')
  return [
    `### ${name}`,
    findings.join('\n\n'),
    ...(skipped.length > 0 ? [`- These cases were skipped.\n\n${listAlike(skipped)}`] : []),
  ].join('\n\n')
}

/** The text of docs/conformance.md. */
export const pageOf = (results: Results, date: Date): string => `# Conformance

This page shows the results of \`bcl conformance\` for the examples of this repository and for libraries of other projects. It also explains
the grade of each case. \`pnpm check conformance\` starts the applications, runs the cases and writes this page. A test fails if an example
does not pass all cases, or if the results of express-openid-connect are out of date.

The results are of ${date.toLocaleDateString('en-GB', { day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' })}. Each cell has two numbers: the cases that passed, and the cases that were run.

${table(
  ['application', ...grades],
  Object.entries(results).map(([name, all]) => countsOf(name, all)),
)}

## The applications of other projects

Each application turns on the back-channel logout of a library. The column "set-up" says what else the application needs.

${table(
  ['library', 'version', 'application', 'set-up'],
  peers.map(({ name, homepage, version, folder, setUp }) => [`[${name}](${homepage})`, version(), code(folder), setUp]),
)}

## What failed

All examples pass all cases. The lists below have the failed cases of the other applications, by their cause. Only a failed \`MUST\` case
means that an application breaks a standard. Some of these choices have good reasons: many providers accept the answer 204, and if a logout
ends too many sessions, the user only has to sign in again.

${peers.map((peer) => describePeer(peer, results[peer.name]!)).join('\n\n')}

## Grades

- **MUST**: if the case fails, the endpoint breaks a standard.
- **SHOULD**: if the case fails, the endpoint does not follow a recommendation of a standard.
- **hardening**: no standard requires this of an endpoint. Some of these rules are in a standard, but bind only the provider that makes
  the token. If the case fails, the endpoint can be attacked, loses logouts, or ends sessions that began after the logout.
- **interoperability**: no standard requires this of an endpoint. If the case fails, the endpoint does not work with at least one provider
  or framework.

"BCL" is [OpenID Connect Back-Channel Logout 1.0](https://openid.net/specs/openid-connect-backchannel-1_0.html) with errata set 1. "Core"
is [OpenID Connect Core 1.0](https://openid.net/specs/openid-connect-core-1_0.html). \`bcl conformance --list\` lists all cases with their grades.

${table(
  ['rule', 'grade', 'section', 'a quotation from the standard, or our reason'],
  gradeRules.map(({ what, grade, section, words }) => [what, grade, section, words]),
)}
`
