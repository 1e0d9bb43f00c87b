import type { Outcome, Report } from './cases/case.ts'
import type { Conformance } from './conformance.ts'
import type { Application } from './runtimes.ts'

export interface Result extends Report {
  runtime: string
  version: string
  applications: ReadonlyMap<string, Conformance>
}

const titles: Record<Application, string> = {
  handle: '`handle`',
  hono: 'Hono',
  koa: 'Koa',
  express: 'Express',
  fastify: 'Fastify',
  'nestjs-express': 'Nest/Express',
  'nestjs-fastify': 'Nest/Fastify',
}

/** Returns a Markdown table. Its columns are padded in the style of the formatter. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((cell, column) => Math.max(cell.length, ...rows.map((row) => row[column]!.length)))
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n')
}

const names = (outcomes: readonly Outcome[]): string => outcomes.map(({ name }) => name.split(':')[0]!).join('; ')

/** Returns the number of passed cases and of all cases, or a dash if the framework does not run on this runtime. */
function passedOf(conformance: Conformance | undefined): string {
  if (conformance === undefined) return '-'
  const { passed, failed, notRun } = conformance
  return `${passed} of ${passed + failed.length + notRun.length}`
}

export const resultTable = (results: readonly Result[]): string =>
  table(
    ['runtime', 'version', 'passed', 'failed', 'not supported', ...Object.values(titles)],
    results.map(({ runtime, version, passed, failed, unsupported, applications }) => [
      runtime,
      version,
      ...[passed, failed.length, unsupported.length].map(String),
      ...Object.keys(titles).map((name) => passedOf(applications.get(name))),
    ]),
  )

const conformanceTable = (results: readonly Result[]): string =>
  table(
    ['conformance cases passed', ...Object.values(titles)],
    results.map(({ runtime, version, applications }) => [
      `${runtime.replace(/ \d+$/, '')} ${version}`,
      ...Object.keys(titles).map((name) => passedOf(applications.get(name))),
    ]),
  )

/** Returns the text of docs/runtimes.md. */
export function document(results: readonly Result[]): string {
  const missing = results.filter(({ unsupported }) => unsupported.length > 0)
  return `# Runtimes

This page shows on which runtimes the packages work. The tested versions of Node.js 20 and 22 are the oldest versions that the packages allow.
Cloudflare Workers are tested with workerd, without compatibility flags. Deno has only two permissions: to serve on loopback, and to reach the provider
on loopback.

## The conformance cases

Each framework has a small application that signs users in at a provider. The application gets every case of
[\`bcl conformance\`](conformance.md) over HTTP. The cases check requests, tokens, answers and sessions. A dash means that the framework was not
made for this runtime, or does not run on it.

${conformanceTable(results)}

## Cases inside each runtime

A second set of cases calls the built packages directly, inside each runtime. These cases cover the requests and tokens of
\`@bcl/testing\`, every algorithm, encrypted tokens, sessions, discovery, and security events by push and by poll. Deno has no
permission at all here. On workerd, the receiver is created in the scope of a module, as in a Worker. There, background work can end together with its
request. So additional cases check that a later request starts this work again. They also check that a logout is carried out although its sender
disconnects, and that a listener finishes after its time-out.

${table(
  ['runtime', 'version', 'passed', 'failed', 'not supported'],
  results.map(({ runtime, version, passed, failed, unsupported }) => [
    runtime,
    version,
    ...[passed, failed.length, unsupported.length].map(String),
  ]),
)}

"Not supported" counts the cases for an algorithm that the runtime's own cryptography does not have. jose alone also fails at these cases.

${
  missing.length === 0
    ? 'There are none.'
    : table(
        ['runtime', 'algorithms'],
        missing.map(({ runtime, unsupported }) => [runtime, names(unsupported)]),
      )
}

\`pnpm runtimes\` writes this page. CI checks it with \`pnpm runtimes --check\`.
`
}
