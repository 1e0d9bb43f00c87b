// Writes the page docs/benchmarks.md from the results of one run.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { chartFile, charts, drawChart } from './charts.ts'
import { readResults, type Figures, type Pair, type Ratio, type Results, type Row } from './results.ts'
import { full } from './scale.ts'
import type { SectionName } from './sections.ts'

interface Section {
  title: string
  /** What is measured and compared. */
  measured: string
  /** The meaning of the figures for a user. */
  meaning: (rows: Row[]) => string
  /** The column heads of the figures. A section of pairs has these two columns and the ratios. */
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
  'express-openid-connect checks less: it does not require `exp`, `iat` and `jti`, does not look for replays, and never removes old entries. Its store is a plain `Map`.'

const sections: Record<SectionName, Section> = {
  endpoint: {
    title: 'The endpoint over HTTP',
    measured: `Logouts with RS256 tokens at the endpoint of each adapter, with a \`MemoryStore\`, beside the back-channel logout of express-openid-connect. ${peerNote}`,
    meaning: (rows) =>
      `The endpoint answers ${range(rows)} times as many logouts as the peer. With 1 or more, the endpoint needs no more processors than the peer.`,
    columns: ['ours', 'peer'],
  },
  examples: {
    title: 'The example applications',
    measured:
      'The same logouts at the example applications of this repository, each started as its README says, beside the same peer. The examples also write a log line for each logout; here the log goes nowhere.',
    meaning: (rows) =>
      `A whole application, with its sessions, its log and its other routes, answers ${range(rows)} times as many logouts as the peer.`,
    columns: ['example', 'peer'],
  },
  receive: {
    title: 'Receiving a logout',
    measured:
      '`receive` with a `MemoryStore`, 32 tokens at a time, beside the bare `jwtVerify` of jose with the same keys, issuer, audience, algorithm, tolerance and required claims.',
    meaning: (rows) =>
      `\`jwtVerify\` only checks the token. \`receive\` also looks for replays, writes the markers and tells watchers. It handles ${range(rows)} times as many tokens.`,
    columns: ['receive', 'jwtVerify'],
  },
  refused: {
    title: 'The cost of a wrong token',
    measured: '`receive` of tokens that it refuses, beside good RS256 tokens, 32 at a time.',
    meaning: (rows) => {
      const garbage = (rows.find(({ name }) => name === 'garbage') as Pair).speed.median.toFixed(2)
      return `Anybody can send tokens to the endpoint. Wrong tokens take ${range(rows)} of the time of a good token. Garbage takes ${garbage}.`
    },
    columns: ['wrong', 'good'],
    isCost: true,
  },
  encrypted: {
    title: 'Encrypted tokens',
    measured: '`receive` of RS256 tokens inside a JWE, beside RS256 tokens that are only signed, 32 at a time.',
    meaning: (rows) =>
      `With encryption the receiver handles ${range(rows)} times as many tokens, because it also decrypts with a private key.`,
    columns: ['encrypted', 'signed'],
  },
  bodies: {
    title: 'Bodies that are too large',
    measured:
      '`handle` of a body of 10 MiB, beside a body of 80 KiB. Both come in chunks of 16 KiB. The limit is 64 KiB.',
    meaning: (rows) =>
      `A huge body takes ${range(rows)} of the time of a body just above the limit. The receiver reads 80 KiB of either.`,
    columns: ['10 MiB', '80 KiB'],
    isCost: true,
  },
  forms: {
    title: 'Forms with many parameters',
    measured:
      '`respond` to a form of 64 KiB with 32,768 parameters, beside a form of the same size with one parameter.',
    meaning: (rows) => `A form of many parameters takes ${range(rows)} of the time of a form with one parameter.`,
    columns: ['many', 'one'],
    isCost: true,
  },
  pages: {
    title: 'A page with the check of a session',
    measured: `A page that only says hello, behind \`activeSession\`, beside the same page behind a middleware that only reads the session. ${count(full.sessions)} sessions ask in random order. In memory the store is read for each page. The databases have \`recheckAfter: 10\`, so an "alive" answer is reused for 10 seconds. The drivers are node-redis, pg, mysql2 and node:sqlite. Each session has asked once or more before the measurement.`,
    meaning: (rows) => {
      const others = rows.filter((row) => !memory(row))
      const reads = others.map((row) => (row as Pair).store!.reads / (row as Pair).store!.checks)
      const [low, high] = [Math.min(...reads), Math.max(...reads)]
      return `The page keeps ${range(rows, memory)} of its requests per second with a check in memory, and ${range(others)} with a database and \`recheckAfter\`. This page does nothing else, so a real page loses less. The databases got one query for each session in 10 seconds at most: ${percent(low)} to ${percent(high)} of the checks caused a query. An "alive" answer is also reused while the store is down.`
    },
    columns: ['checked', 'not checked'],
  },
  checks: {
    title: 'Checking a session',
    measured: `\`isLoggedOut\` with a \`MemoryStore\` of ${count(full.remembered[0])} logouts, one check after the other, beside two \`Map.get\` calls and an \`await\`.`,
    meaning: (rows) => {
      const microseconds = Math.max(...rows.map((row) => 1e6 / (row as Pair).rates[0]))
      return `A check in memory takes ${microseconds.toFixed(1)} µs or less.`
    },
    columns: ['isLoggedOut', 'two Map.get, await'],
  },
  stores: {
    title: 'Checks, driver by driver',
    measured: `Checks of active sessions, 50 at once, with ${count(full.remembered[0] / 5)} logouts remembered, beside the driver's bare command for the same two keys. \`recheckAfter\` is 0. The servers run on the same machine: Redis, PostgreSQL, and MariaDB for mysql2 and mariadb.`,
    meaning: (rows) =>
      `\`store.values\` reaches ${range(rows, ({ name }) => name.includes('store.values'))} of the bare command, and a whole check ${range(rows, ({ name }) => name.includes('isLoggedOut'))}. The round trip to the database takes most of the time of a check.`,
    columns: ['ours', 'driver alone'],
  },
  remembered: {
    title: 'Many remembered logouts',
    measured: `A receiver that remembers ${count(full.remembered[1])} logouts, beside a receiver that remembers ${count(full.remembered[0])}. Logouts are \`receive\` of HS256 tokens, 32 at a time. Checks are \`isLoggedOut\`, one after the other; half of the sessions are logged out.`,
    meaning: (rows) =>
      `With a hundred times as many remembered logouts, \`MemoryStore\` keeps ${range(rows)} of its speed.`,
    columns: [`${count(full.remembered[1])}`, `${count(full.remembered[0])}`],
  },
  subject: {
    title: 'Many logouts of one subject',
    measured: `${count(full.ofOneSubject)} logouts of one subject, a second apart by the clock of the provider, one after the other (HS256). The last tenth is compared with the first tenth. ${full.slowRounds} rounds.`,
    meaning: (rows) =>
      `The last logouts reach ${range(rows)} of the speed of the first. A new marker replaces the older one, so one marker is left under the subject.`,
    columns: ['last tenth', 'first tenth'],
  },
  memory: {
    title: 'Memory',
    measured: `The growth of the heap by ${count(full.weighed)} logouts in a \`MemoryStore\`. Each logout is of another subject and session, with names of 36 characters. One logout is several entries.`,
    meaning: (rows) => {
      const [bytes] = (rows[0] as Figures).values
      return `100,000 remembered logouts take ${Math.round((bytes! * 100_000) / 1e6)} MB.`
    },
    columns: ['bytes'],
    format: count,
  },
  storeBytes: {
    title: 'Size in a database',
    measured: `The growth by ${count(full.weighed / 2)} logouts with \`sid\` and \`sub\`, names of 36 characters and an issuer of 43, indexes included.`,
    meaning: () =>
      'The markers stay for `sessionMaxAge`. The record that a token was carried out stays for some minutes.',
    columns: ['bytes of the markers', 'bytes of the record'],
    format: count,
  },
  manyAtOnce: {
    title: 'Many at once',
    measured:
      'How long `close()` takes if the store did not take markers before, and needs 2 ms for each of them now; and the longest time for which a poll of many watches of one session keeps the event loop busy.',
    meaning: () =>
      'The first figure is the time that a process needs to end after an outage of the store. The second figure is how long many live pages can delay other requests.',
    columns: ['milliseconds'],
    format: count,
  },
  costs: {
    title: 'Where the time goes',
    measured:
      'Microseconds of the main thread for one call, by the profiler: `receive` of RS256 tokens, 32 at a time, and `isLoggedOut` of active sessions. `core: …` is a folder of the sources of `@bcl/core`. Another thread checks the signature; its time is not included.',
    meaning: () => 'The figures show where further work on the speed would pay.',
    columns: ['receive', 'isLoggedOut'],
    format: (value) => value.toFixed(2),
  },
  imports: {
    title: 'Importing',
    measured: '`import` in a new process. The import of `@bcl/core` includes jose.',
    meaning: () => 'This is the part of a cold start that the library adds.',
    columns: ['milliseconds'],
    format: (value) => value.toFixed(1),
  },
  size: {
    title: 'Size of core',
    measured: '`@bcl/core` in a bundle, without jose.',
    meaning: () => 'This is what the library adds to a bundle for an edge runtime.',
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
- **Rounds**: both sides take turns in bursts of a fraction of a second. ${rounds} rounds count; ${full.warmUps} rounds before them do not.
- **Ratios** compare the two sides within a round. The tables show the median of all rounds, and in brackets the quartiles. So other work on the
  machine changes both sides alike.

"Speed" is operations per second, ours divided by the peer's: 1.20 means 20 % more than the peer. "Speed by CPU time" is the same for operations per
second of CPU time of the server's main thread. It shows how much work a busy server has left for the application. "Time" and "CPU time" are
ratios of the cost of one operation: less is better. Compare ratios, not operations per second, with other machines.

${texts.join('\n')}`
}

const docs = new URL('../../../docs/', import.meta.url)
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
