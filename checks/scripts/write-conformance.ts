// Writes docs/conformance.md: what `bcl conformance` says of our examples and of express-openid-connect.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import type { ConformanceResult } from '@bcl/testing'
import { startApplication } from '../../packages/cli/test/start-application.ts'

const applications: Record<string, string> = {
  'examples/hono': 'examples/hono',
  'examples/koa': 'examples/koa',
  'examples/express': 'examples/express',
  'examples/nestjs': 'examples/nestjs',
  'express-openid-connect': 'packages/cli/test/express-openid-connect',
}
const grades = ['MUST', 'hardening', 'interoperability'] as const
const file = 'docs/conformance.md'

async function certify(folder: string): Promise<ConformanceResult[]> {
  const { endpoint, providerPort, stop } = await startApplication(folder)
  try {
    const args = ['packages/cli/dist/main.js', 'conformance', endpoint, '--port', String(providerPort), '--json']
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] })
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
const groups: Record<ConformanceResult['group'], string> = {
  oidf: 'the modules of the OpenID Foundation',
  request: 'how a token comes',
  accept: 'tokens to accept',
  refuse: 'tokens to refuse',
  provider: 'what providers send',
  answer: 'how answers look',
  session: 'what becomes of sessions',
}

/** A row of how many passed, of those that are meant. */
const counts = (title: string, isMeant: (result: ConformanceResult) => boolean): string[] => [
  title,
  ...names.map((name) => {
    const meant = results[name]!.filter(isMeant)
    return `${meant.filter(({ outcome }) => outcome === 'passed').length} of ${meant.length}`
  }),
]

const said = ({ outcome, got }: ConformanceResult): string =>
  outcome === 'failed' ? got.replaceAll('"', "'") : outcome

/** A row for a case that did not pass everywhere, with what each application did. */
const differences = results[names[0]!]!.flatMap(({ id, grade, wants }) => {
  const outcomes = names.map((name) => results[name]!.find((result) => result.id === id)!)
  return outcomes.every(({ outcome }) => outcome === 'passed')
    ? []
    : [[`\`${id}\``, grade, wants, ...outcomes.map(said)]]
})

const { version } = JSON.parse(
  readFileSync('packages/cli/node_modules/express-openid-connect/package.json', 'utf8'),
) as { version: string }

writeFileSync(
  file,
  `# Conformance

What \`bcl conformance\` says of the three examples of this repository, and of an application on
[express-openid-connect](https://github.com/auth0/express-openid-connect) ${version} with its back-channel logout switched on
and nothing else changed, \`packages/cli/test/express-openid-connect/main.ts\`: another library for Node.js that both signs in and takes
back-channel logouts. The page is written by \`pnpm check conformance\`, and a test fails when what it says of that library is no longer
true, or when an example does not pass all.

The grades: **MUST** is asked for by a standard, OpenID Connect Back-Channel Logout 1.0 with errata set 1 or what it refers to;
\`exp\` became required with those errata. **hardening** is asked for by none in so many words, and who lacks it can be attacked or loses logouts.
**interoperability** is what some provider or framework needs.

${table(
  ['cases passed', ...names],
  grades.map((grade) => counts(grade, (result) => result.grade === grade)),
)}

The same by what the cases are about:

${table(
  ['cases passed', ...names],
  Object.entries(groups).map(([group, title]) => counts(title, (result) => result.group === group)),
)}

The cases that did not pass everywhere, with what each application did; \`bcl conformance --list\` has all of them:

${table(['case', 'grade', 'wanted', ...names], differences)}

Some of these are choices that can be defended: a 204 is what many providers take for the 200 that the standard asks for, and a logout
that ends every session of its user errs on the safe side.
`,
)
execFileSync('oxfmt', ['--write', file], { stdio: 'inherit' })
console.log(`${file} written`)
