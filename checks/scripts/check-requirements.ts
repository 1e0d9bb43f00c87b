// Compares docs/requirements.md with the tests. Each requirement must be named by a test, or by a row of a table that tests use.
// A requirement that is marked as planned must not be named by a test.
import { globSync, readFileSync } from 'node:fs'

const rows = [
  ...readFileSync('docs/requirements.md', 'utf8').matchAll(/^\| ((?:RP|SE|T)-\d+[a-z]?) +\| (\*\*Planned\.\*\* )?/gm),
]
const requirements = rows.map(([, id, planned]) => ({ id: id!, isPlanned: planned !== undefined }))

const tests = globSync(
  ['{packages,examples}/*/test/**/*.ts', 'docs/{test,.vitepress/test}/*.ts', 'packages/testing/src/**/*.ts'],
  {
    exclude: ['**/node_modules/**'],
  },
)
const text = tests.map((file) => readFileSync(file, 'utf8')).join('\n')
const ranges = [...text.matchAll(/\b(RP|SE|T)-(\d+) to \1-(\d+)\b/g)]

function isNamed(id: string): boolean {
  if (new RegExp(`\\b${id}\\b`).test(text)) return true
  // "RP-40 to RP-44" also names the requirements in between, but no requirement with a letter, such as RP-41a.
  const [, kind, number] = /^(RP|SE|T)-(\d+)$/.exec(id) ?? []
  return ranges.some(
    ([, of, from, to]) => of === kind && Number(from) <= Number(number) && Number(number) <= Number(to),
  )
}

const complaints = [
  {
    what: 'requirements that no test names',
    of: requirements.filter(({ id, isPlanned }) => !isPlanned && !isNamed(id)),
  },
  {
    what: 'planned requirements that a test names',
    of: requirements.filter(({ id, isPlanned }) => isPlanned && isNamed(id)),
  },
  {
    what: 'requirements with the same number',
    of: requirements.filter(({ id }, index) => requirements.findIndex((other) => other.id === id) !== index),
  },
].filter(({ of }) => of.length > 0)

for (const { what, of } of complaints) console.error(`${what}: ${of.map(({ id }) => id).join(', ')}`)
if (requirements.length === 0) console.error('docs/requirements.md has no requirements')
if (complaints.length > 0 || requirements.length === 0) process.exit(1)
const planned = requirements.filter(({ isPlanned }) => isPlanned).length
console.log(`${requirements.length - planned} requirements, each named by a test; ${planned} planned`)
