// Writes the tables of the docs from the data of the tests. With --check, it only reports differences.
import { readFileSync, writeFileSync } from 'node:fs'
import { failureCases, providerProfiles, requestCases, wrongTokens } from '@bcl/testing'

type Profile = (typeof providerProfiles)[number]
type Settings = NonNullable<Profile['settings']>

/** Escapes a text for a cell of a table. */
const cell = (text: string): string => text.replaceAll('|', '\\|')

/** Returns a Markdown table, aligned in the style of oxfmt. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [head, ...rows].map((row) => row.map(cell))
  const widths = head.map((_, column) => Math.max(3, ...cells.map((row) => row[column]!.length)))
  const line = (row: readonly string[]): string =>
    `| ${row.map((text, column) => text.padEnd(widths[column]!)).join(' | ')} |`
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`
  return [line(cells[0]!), rule, ...cells.slice(1).map(line)].join('\n')
}

/** Formats a value as TypeScript. Leaves out secrets and keys. */
function spell(settings: Settings): string[] {
  return Object.entries(settings).map(([name, value]) => {
    if (name === 'clientSecret') return name
    if (name === 'decryption') return `decryption: { keys, ${spell(omitKeys(value as object)).join(', ')} }`
    return `${name}: ${JSON.stringify(value).replaceAll('"', "'")}`
  })
}

const omitKeys = (decryption: object): Settings =>
  Object.fromEntries(Object.entries(decryption).filter(([name]) => name !== 'keys'))

const code = (text: string): string => `\`${text}\``

function named({ payload }: Profile): string {
  const names = ['sub', 'sid'].filter((name) => typeof payload[name] === 'string')
  return names.map(code).join(' and ')
}

function settingsOf({ settings, options }: Profile): string {
  if (settings === undefined) return 'none helps'
  const all = [...spell(settings), ...(options ? [`unavailableStatus: ${options.unavailableStatus}`] : [])]
  return all.map(code).join(', ') || 'none'
}

function without({ byDefault }: Profile): string {
  if (byDefault === 'accepted') return 'accepted'
  return code(byDefault.code) + (byDefault.claim === undefined ? '' : ` (${code(byDefault.claim)})`)
}

const settingsTable = (): string =>
  table(
    ['provider', 'signs with', 'names', 'settings', 'without them', 'delivered at', 'retries'],
    providerProfiles.map((profile) => [
      profile.provider,
      profile.header.alg,
      named(profile),
      settingsOf(profile),
      without(profile),
      profile.http.success,
      profile.http.retries,
    ]),
  )

interface Check {
  code?: string
  claim?: string
  name: string
  requirement: string
}

function checksTable(wanted: string): string {
  const checks: Check[] = [...requestCases, ...wrongTokens, ...failureCases].filter((check) => check.code === wanted)
  if (checks.length === 0) throw new Error(`no check gives ${wanted}`)
  const claims = checks.some(({ claim }) => claim !== undefined)
  return table(
    [...(claims ? ['`claim`'] : []), 'what', 'requirement'],
    checks.map(({ claim = '', name, requirement }) => [...(claims ? [code(claim)] : []), name, requirement]),
  )
}

/** The figures of docs/conformance.md. All examples share one row, because each example passes all cases. */
function conformanceTable(): string {
  const page = readFileSync('docs/conformance.md', 'utf8')
  const rows = [...page.matchAll(/^\| (.*) \|$/gm)].map(([, row]) => row!.split('|').map((text) => text.trim()))
  const head = rows.find(([name]) => name === 'application')
  const figures = rows.filter((cells) => cells.slice(1).every((text) => /^\d+ of \d+$/.test(text)))
  const versionOf = (name: string): string | undefined =>
    rows.find(([library]) => library!.startsWith(`[${name}]`))?.[1]
  const isExample = (name = ''): boolean => name.startsWith('examples/')
  const example = figures.find(([name]) => isExample(name))
  if (!head || !example) throw new Error('docs/conformance.md has no figures')
  const peers = figures
    .filter(([name]) => !isExample(name))
    .map(([name, ...counts]) => [`${name} ${/^\d+\.\d+(?:\.\d+)?/.exec(versionOf(name!)!)![0]}`, ...counts])
  return table(head, [['each of our examples', ...example.slice(1)], ...peers])
}

/** Returns the new text between `<!-- generated: NAME -->` and `<!-- end -->`. */
function contentOf(name: string): string {
  if (name === 'settings') return settingsTable()
  return name === 'conformance' ? conformanceTable() : checksTable(name)
}

const check = process.argv.includes('--check')
const stale: string[] = []
const used: string[] = []
for (const file of ['README.md', 'docs/providers.md', 'docs/errors.md']) {
  const text = readFileSync(file, 'utf8')
  const fresh = text.replace(
    /(<!-- generated: (\S+) -->\n)[\s\S]*?(<!-- end -->)/g,
    (_, open: string, name: string, close: string) => {
      used.push(name)
      return `${open}\n${contentOf(name)}\n\n${close}`
    },
  )
  if (fresh === text) continue
  stale.push(file)
  if (!check) writeFileSync(file, fresh)
}

const codes = new Set([...requestCases, ...wrongTokens, ...failureCases].flatMap(({ code }) => code ?? []))
const left = ['settings', 'conformance', ...codes].filter((name) => !used.includes(name))
if (left.length > 0) throw new Error(`the docs have no place for ${left.join(', ')}`)
if (check && stale.length > 0) {
  console.error(`${stale.join(', ')} differ from the data: run "pnpm generate"`)
  process.exit(1)
}
console.log(`${used.length} tables ${check ? 'agree with the data' : 'written'}`)
