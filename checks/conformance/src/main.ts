// Writes docs/conformance.md: the results of `bcl conformance` for our examples and for other Relying Parties. With names, runs only these
// applications, and prints their figures.
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { conformanceCases } from '@bcl/testing'
import { certify } from './certify.ts'
import { rulesThatDoNotFit } from './grade-rules.ts'
import { countsOf, pageOf, type Results } from './page.ts'
import { examples, peers, withSkips, type Peer, type RelyingParty } from './peers.ts'

const file = 'docs/conformance.md'
const names = process.argv.slice(2)
const all: readonly (RelyingParty & Partial<Peer>)[] = [...examples, ...peers]
const unknown = names.find((name) => !all.some((one) => one.name === name))
if (unknown !== undefined) throw new Error(`${unknown} is none of ${all.map(({ name }) => name).join(', ')}`)

const wrongRules = rulesThatDoNotFit(conformanceCases)
if (wrongRules.length > 0) throw new Error(`src/grade-rules.ts: ${wrongRules.join('; ')}`)

const results: Results = {}
for (const one of all.filter(({ name }) => names.length === 0 || names.includes(name))) {
  results[one.name] = withSkips(one, await certify(one))
  console.log(countsOf(one.name, results[one.name]!).join('  '))
}
for (const { name } of examples) {
  const wrong = results[name]?.find(({ outcome }) => outcome !== 'passed')
  if (wrong) throw new Error(`${name} does not pass ${wrong.id}: ${wrong.got}`)
}
if (names.length === 0) {
  writeFileSync(file, pageOf(results, new Date()))
  execFileSync('oxfmt', ['--write', file], { stdio: 'inherit' })
  console.log(`${file} written`)
}
