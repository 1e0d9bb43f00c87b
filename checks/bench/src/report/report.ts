// Writes the page docs/benchmarks.md from the results of one run.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { chartFile, charts, drawChart } from './charts.ts'
import { readResults, type Figures, type Pair, type Ratio, type Results, type Row } from './results.ts'
import { full } from '../measure/scale.ts'
import type { SectionName } from '../sections.ts'

interface Section {
  title: string
  /** The measured work, and the work to compare with. */
  measured: string
  /** The meaning of the figures for a user. */
  meaning: (rows: Row[]) => string
  /** The column heads of the figures. A section of pairs also has columns for the ratios. */
  columns: readonly string[]
  format?: (value: number) => string
  /** True if the ratios are ratios of the cost of one operation. */
  isCost?: boolean
}

const count = (value: number): string => Math.round(value).toLocaleString('en')
const isPair = (row: Row): row is Pair => 'speed' in row
/** Returns the lowest and the highest ratio of a section. */
function range(rows: Row[], ofOnly: (row: Row) => boolean = () => true): string {
  const ratios = rows.filter((row) => isPair(row) && ofOnly(row)).map((row) => (row as Pair).speed.median.toFixed(2))
  const [low, high] = [ratios.toSorted()[0], ratios.toSorted().at(-1)]
  return low === high ? `${low}` : `${low} to ${high}`
}
const memory = ({ name }: Row): boolean => name.endsWith('in memory')
const percent = (value: number): string => `${(100 * value).toFixed(1)} %`

const peerNote =
  'express-openid-connect does less work: it does not require `exp`, `iat` and `jti`, does not look for replays, and never removes old entries. Its store is a plain `Map`.'

const sections: Record<SectionName, Section> = {
  endpoint: {
    title: 'The endpoint over HTTP',
    measured: `The endpoint of each adapter gets logouts with RS256 tokens. The store is a \`MemoryStore\`. The back-channel logout of express-openid-connect gets the same logouts. ${peerNote}`,
    meaning: (rows) =>
      `The endpoint answers ${range(rows)} times as many logouts as express-openid-connect. If this number is 1 or more, a server does not need more processors than with express-openid-connect.`,
    columns: ['this library', 'express-openid-connect'],
  },
  examples: {
    title: 'The example applications',
    measured:
      'The example applications of this repository get the same logouts as express-openid-connect. Each example is started as its README says. The examples also write a log line for each logout, which this test ignores.',
    meaning: (rows) =>
      `A whole application, with its sessions, its log and its other routes, answers ${range(rows)} times as many logouts as express-openid-connect.`,
    columns: ['example', 'express-openid-connect'],
  },
  receive: {
    title: 'Receiving a logout',
    measured:
      '`receive` is compared with `jwtVerify` of jose. Both get 32 tokens at a time. `jwtVerify` has the same keys, issuer, audience, algorithm, tolerance and required claims. `receive` has a `MemoryStore`.',
    meaning: (rows) =>
      `\`jwtVerify\` only checks the token. \`receive\` also looks for replays, writes the markers and tells watchers. \`receive\` handles ${range(rows)} times as many tokens as \`jwtVerify\`.`,
    columns: ['receive', 'jwtVerify'],
  },
  refused: {
    title: 'The cost of a wrong token',
    measured:
      '`receive` gets wrong tokens, and refuses them. For comparison, `receive` gets valid RS256 tokens. Both come 32 at a time.',
    meaning: (rows) => {
      const garbage = (rows.find(({ name }) => name === 'garbage') as Pair).speed.median.toFixed(2)
      return `Anybody can send tokens to the endpoint. A wrong token takes ${range(rows)} of the time of a valid token. Garbage takes ${garbage} of this time.`
    },
    columns: ['wrong', 'valid'],
    isCost: true,
  },
  encrypted: {
    title: 'Encrypted tokens',
    measured:
      '`receive` gets RS256 tokens inside a JWE. For comparison, `receive` gets RS256 tokens that are only signed. Both come 32 at a time.',
    meaning: (rows) =>
      `The receiver handles ${range(rows)} times as many encrypted tokens as signed tokens, because it must also decrypt the encrypted tokens with a private key.`,
    columns: ['encrypted', 'signed'],
  },
  bodies: {
    title: 'Bodies that are too large',
    measured:
      '`handle` gets a body of 10 MiB. For comparison, `handle` gets a body of 80 KiB. Both bodies arrive in chunks of 16 KiB. The limit is 64 KiB. The time includes the rest of the body, which is discarded.',
    meaning: (rows) =>
      `A huge body takes ${range(rows)} times as long as a body just above the limit. The receiver answers after 80 KiB, and then reads and discards the rest.`,
    columns: ['10 MiB', '80 KiB'],
    isCost: true,
  },
  forms: {
    title: 'Forms with many parameters',
    measured:
      '`respond` gets a form of 64 KiB with 32,768 parameters. For comparison, `respond` gets a form of the same size with one parameter.',
    meaning: (rows) => `A form with many parameters takes ${range(rows)} of the time of a form with one parameter.`,
    columns: ['many', 'one'],
    isCost: true,
  },
  pages: {
    title: 'A page with the check of a session',
    measured: `A page only says hello. With the check, the page is behind \`activeSession\`. Without the check, the page is behind a middleware that only reads the session. ${count(full.sessions)} sessions request the page in random order. The store in memory is read for each page. The databases have \`recheckAfter: 10\`, so an "alive" answer is reused for 10 seconds. The drivers are node-redis, pg, mysql2 and node:sqlite. When the answers are too old, each session is checked again, outside of the measured time. So each measured page reuses an answer. The column "queries" counts only the queries of the measured pages.`,
    meaning: (rows) => {
      const others = rows.filter((row) => !memory(row))
      const reads = others.map((row) => (row as Pair).store!.reads / (row as Pair).store!.checks)
      const [low, high] = [Math.min(...reads), Math.max(...reads)]
      return `With a check in memory, the page reaches ${range(rows, memory)} of its speed without the check. With a database and \`recheckAfter\`, it reaches ${range(others)}. This page does nothing else, so a real page loses less. In this test, ${low === high ? percent(low) : `${percent(low)} to ${percent(high)}`} of the measured pages caused a query. In production, a database gets one query for each session in 10 seconds: ${count(full.sessions)} active sessions cause ${count(full.sessions / 10)} queries per second. The table of the drivers shows the cost of such a check. An "alive" answer is also reused while the store is down.`
    },
    columns: ['checked', 'not checked'],
  },
  checks: {
    title: 'Checking a session',
    measured: `\`isLoggedOut\` is compared with two \`Map.get\` calls and an \`await\`. The \`MemoryStore\` has ${count(full.remembered[0])} logouts. One check runs after the other.`,
    meaning: (rows) => {
      const microseconds = Math.max(...rows.map((row) => 1e6 / (row as Pair).rates[0]))
      return `A check in memory takes ${microseconds.toFixed(1)} µs or less.`
    },
    columns: ['isLoggedOut', 'two Map.get, await'],
  },
  stores: {
    title: 'Checks, driver by driver',
    measured: `50 active sessions are checked at the same time. The store has ${count(full.remembered[0] / 5)} logouts. Each check is compared with the driver's own command for the same two keys. \`recheckAfter\` is 0. Redis, PostgreSQL and MariaDB run on the same machine. MariaDB is used for the drivers mysql2 and mariadb.`,
    meaning: (rows) =>
      `\`store.values\` reaches ${range(rows, ({ name }) => name.includes('store.values'))} of the speed of the driver's command. A whole check reaches ${range(rows, ({ name }) => name.includes('isLoggedOut'))}. The round trip to the database takes most of the time of a check.`,
    columns: ['this library', 'driver alone'],
  },
  remembered: {
    title: 'Many remembered logouts',
    measured: `A receiver with ${count(full.remembered[1])} remembered logouts is compared with a receiver with ${count(full.remembered[0])} remembered logouts. For "logouts", \`receive\` gets 32 HS256 tokens at a time. For "checks", one \`isLoggedOut\` runs after the other, and half of the sessions are logged out.`,
    meaning: (rows) =>
      `With a hundred times as many remembered logouts, \`MemoryStore\` reaches ${range(rows)} of its speed.`,
    columns: [`${count(full.remembered[1])}`, `${count(full.remembered[0])}`],
  },
  subject: {
    title: 'Many logouts of one subject',
    measured: `One subject is logged out ${count(full.ofOneSubject)} times, with HS256 tokens, one logout after the other. The \`iat\` of each token is one second later than the \`iat\` before. The last tenth of the logouts is compared with the first tenth. There are ${full.slowRounds} rounds.`,
    meaning: (rows) =>
      `The last logouts reach ${range(rows)} of the speed of the first logouts. A new marker replaces the older marker, so the subject always has only one marker.`,
    columns: ['last tenth', 'first tenth'],
  },
  memory: {
    title: 'Memory',
    measured: `A \`MemoryStore\` gets ${count(full.weighed)} logouts, and the growth of the heap is measured. Each logout has a new \`sub\` and a new \`sid\`, of 36 characters each. Each logout writes several entries.`,
    meaning: (rows) => {
      const [bytes] = (rows[0] as Figures).values
      return `100,000 remembered logouts take ${Math.round((bytes! * 100_000) / 1e6)} MB.`
    },
    columns: ['bytes'],
    format: count,
  },
  storeBytes: {
    title: 'Size in a database',
    measured: `A database gets ${count(full.weighed / 2)} logouts, and its growth with all indexes is measured. Each logout has a \`sid\` and a \`sub\` of 36 characters, and an issuer of 43 characters.`,
    meaning: () =>
      'The markers stay for `sessionMaxAge` plus five minutes. The record of a token stays for some minutes. Because of this record, a token is not carried out twice.',
    columns: ['bytes of the markers', 'bytes of the record'],
    format: count,
  },
  manyAtOnce: {
    title: 'Many at once',
    measured:
      'The first row is the time of `close()` after the store was down. `close()` then writes the pending markers. The store of this test needs 2 ms for each marker. The second row is for many watches of one session. The figure is the longest time for which one poll keeps the event loop busy.',
    meaning: () =>
      'The first row shows how long a process needs to end if many logouts wait for the store. The second row shows how long many live pages can delay other requests.',
    columns: ['milliseconds'],
    format: count,
  },
  costs: {
    title: 'Where the time goes',
    measured:
      'The profiler measures the time of the main thread for one call, in microseconds. `receive` gets 32 RS256 tokens at a time. `isLoggedOut` gets active sessions. `core: …` is a folder in the source code of `@bcl/core`. Another thread checks the signature. The time of that thread is not included.',
    meaning: () => 'The figures show which parts of the code are worth making faster.',
    columns: ['receive', 'isLoggedOut'],
    format: (value) => value.toFixed(2),
  },
  imports: {
    title: 'Importing',
    measured: 'A new process imports the package. The import of `@bcl/core` includes jose.',
    meaning: () => 'The library adds this time to a cold start.',
    columns: ['milliseconds'],
    format: (value) => value.toFixed(1),
  },
  size: {
    title: 'Size of core',
    measured: 'This is the size of `@bcl/core` in a bundle, without jose.',
    meaning: () => 'The library adds this size to a bundle for an edge runtime.',
    columns: ['bytes, minified', 'bytes, minified and gzipped'],
    format: count,
  },
}

const ratio = ({ median, low, high }: Ratio): string => `${median.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`
const rate = (value: number): string => `${count(value)}/s`

/** Returns the table of a section, padded in the style of the formatter. */
export function tableOf(name: SectionName, rows: Row[]): string {
  const { columns, format = String, isCost } = sections[name]
  const hasCpu = rows.some((row) => isPair(row) && row.cpu)
  const hasStore = rows.some((row) => isPair(row) && row.store)
  const head = rows.some(isPair)
    ? [
        '',
        ...columns,
        isCost ? 'time' : 'speed',
        ...(hasCpu ? [isCost ? 'CPU time' : 'speed by CPU time'] : []),
        ...(hasStore ? ['queries'] : []),
      ]
    : ['', ...columns]
  const cells = rows.map((row) =>
    isPair(row)
      ? [
          row.name,
          ...row.rates.map(rate),
          ratio(row.speed),
          ...(hasCpu ? [row.cpu ? ratio(row.cpu) : ''] : []),
          ...(hasStore ? [row.store ? `${count(row.store.reads)} for ${count(row.store.checks)} pages` : ''] : []),
        ]
      : [row.name, ...row.values.map(format)],
  )
  const widths = head.map((cell, column) => Math.max(3, cell.length, ...cells.map((row) => row[column]!.length)))
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...cells.map(line)].join('\n')
}

function sectionOf(name: SectionName, rows: Row[]): string {
  const { title, measured, meaning } = sections[name]
  const { [name]: chart } = charts
  const picture = chart ? `![${chart.alternative}](images/${chartFile(name)})\n\n` : ''
  return `## ${title}\n\n${measured}\n\n${picture}${tableOf(name, rows)}\n\n${meaning(rows)}\n`
}

function pageOf({ date, commit, node, machine, rounds, minutes, sections: found }: Results): string {
  const { cpu, cores, memoryGiB, system, load } = machine
  const texts = Object.entries(found).map(([name, rows]) => sectionOf(name as SectionName, rows))
  return `# Benchmarks

All figures come from one run of \`pnpm bench\` on ${date}, at commit ${commit}. The run took ${minutes} minutes.

- **Machine**: one machine with ${cores} cores (${cpu}, ${memoryGiB} GiB, ${system}). It sends the requests, answers them and runs the databases. The
  load average before the run was ${load.toFixed(1)}.
- **Node.js**: ${node}, for both sides of each comparison.
- **Requests** come from a separate process, over 16 connections that stay open. Each answer must have the expected status. Otherwise the run fails.
- **Rounds**: both sides take turns in bursts of a fraction of a second. The results come from ${rounds} rounds.
  Before that, at least ${full.warmUps} rounds warm up both sides.
- **Servers** of the endpoint, the examples and the pages are started ${full.processes} times, because Node.js optimizes the same code differently in
  each process. Each start has its own warm-up, and a part of the rounds.
- **Ratios** compare the two sides within a round. So other work on the machine affects both sides in the same way. The tables show the
  median of all rounds, and the quartiles in brackets.

The columns with ratios compare the first column with the second column:

- **speed**: operations per second. 1.20 means 20 % more operations. More is better.
- **speed by CPU time**: operations per second of CPU time in the main thread of the server. More is better, because a busy server then has more time
  for the application.
- **time** and **CPU time**: the cost of one operation. Less is better.

On another machine, the operations per second differ. Compare only the ratios.

${texts.join('\n')}`
}

const docs = new URL('../../../../docs/', import.meta.url)
export const pageFile = fileURLToPath(new URL('benchmarks.md', docs))

/** The page and its charts, by their paths in docs. */
function currentFiles(): [path: string, content: string][] {
  const results = readResults()
  if (!results) {
    return [
      ['benchmarks.md', '# Benchmarks\n\nThere are no results yet. `pnpm bench` measures and writes this page.\n'],
    ]
  }
  const drawn = Object.entries(charts).flatMap(([name, chart]): [string, string][] => {
    const { [name]: rows } = results.sections
    return rows ? [[`images/${chartFile(name)}`, drawChart(chart, rows)]] : []
  })
  return [['benchmarks.md', pageOf(results)], ...drawn]
}

export function writePage(): void {
  for (const [path, content] of currentFiles()) writeFileSync(new URL(path, docs), content)
}

export const pageIsCurrent = (): boolean =>
  currentFiles().every(([path, content]) => {
    const file = new URL(path, docs)
    return existsSync(file) && readFileSync(file, 'utf8') === content
  })
