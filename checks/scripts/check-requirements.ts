// Each requirement of docs/requirements.md must be named by a test, or by a row of the tables that tests run.
import { globSync, readFileSync } from 'node:fs'

const requirements = [...readFileSync('docs/requirements.md', 'utf8').matchAll(/^\| ((?:RP|T)-\d+a?) +\|/gm)].map(
  (match) => match[1]!,
)
const tests = globSync(['{packages,examples}/*/test/**/*.ts', 'packages/testing/src/**/*.ts'], {
  exclude: ['**/node_modules/**'],
})
const text = tests.map((file) => readFileSync(file, 'utf8')).join('\n')

const named = (id: string): boolean => {
  if (new RegExp(`\\b${id}\\b`).test(text)) return true
  // "RP-40 to RP-44" names those between.
  const number = Number(/\d+/.exec(id)![0])
  return [...text.matchAll(/\b(RP|T)-(\d+) to \1-(\d+)\b/g)].some(
    ([, kind, from, to]) => id.startsWith(`${kind}-`) && Number(from) <= number && number <= Number(to),
  )
}
const missing = requirements.filter((id) => !named(id))
if (requirements.length === 0 || missing.length > 0) {
  console.error(`requirements that no test names: ${missing.join(', ') || 'all, for none was found'}`)
  process.exit(1)
}
console.log(`${requirements.length} requirements, each named by a test`)
