// Runs the table of cases on every runtime, and the conformance cases against the applications that each serves; writes
// the tables of docs/runtimes.md and README.md, or with --check compares them.
import { readFileSync, writeFileSync } from 'node:fs'
import { bundleForCommandLine, bundleForWorkerd } from './bundle.ts'
import { certify } from './conformance.ts'
import { document, readmeTable, resultTable, type Result } from './document.ts'
import { runtimes, type Runtime } from './runtimes.ts'

async function resultOf(runtime: Runtime): Promise<Result> {
  try {
    const version = await runtime.version()
    return { runtime: runtime.name, version, ...(await runtime.run()), applications: await certify(runtime) }
  } catch (error) {
    const failed = [{ name: 'the run', message: String(error) }]
    return { runtime: runtime.name, version: 'missing', passed: 0, failed, unsupported: [], applications: new Map() }
  }
}

/** Puts a file's new text in its place, or only says that it is another. */
function keep(name: string, text: (old: string) => string): void {
  const path = new URL(`../../../${name}`, import.meta.url)
  const old = readFileSync(path, 'utf8')
  if (old === text(old)) return
  if (process.argv.includes('--check')) {
    console.error(`${name} says something else: run \`pnpm runtimes\``)
    process.exitCode = 1
  } else {
    writeFileSync(path, text(old))
  }
}

await Promise.all([bundleForCommandLine(), bundleForWorkerd()])
const results: Result[] = []
for (const runtime of runtimes) results.push(await resultOf(runtime))

console.log(resultTable(results))
for (const { runtime, failed, unsupported, applications } of results) {
  for (const { name, message } of unsupported) console.log(`${runtime} cannot: ${name} (${message})`)
  const wrong = [...failed, ...[...applications.values()].flatMap(({ failed, notRun }) => [...failed, ...notRun])]
  for (const { name, message } of wrong) console.error(`${runtime} FAILED: ${name}: ${message}`)
  if (wrong.length > 0) process.exitCode = 1
}

keep('docs/runtimes.md', () => document(results))
keep('README.md', (old) => readmeTable(old, results))
