// Runs the core's own cases on every runtime. Also runs the conformance cases on every runtime, against an application
// of each framework. Writes the results to docs/runtimes.md. With --check, compares the page with the results instead.
import { readFileSync, writeFileSync } from 'node:fs'
import { bundleForCommandLine, bundleForWorkerd } from './bundle.ts'
import { certify } from './conformance.ts'
import { document, resultTable, type Result } from './document.ts'
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

/** Writes docs/runtimes.md. With --check, compares the file with its new text instead. */
function keepPage(text: string): void {
  const page = new URL('../../../docs/runtimes.md', import.meta.url)
  if (readFileSync(page, 'utf8') === text) return
  if (process.argv.includes('--check')) {
    console.error('docs/runtimes.md is out of date: run `pnpm runtimes`')
    process.exitCode = 1
  } else {
    writeFileSync(page, text)
  }
}

await Promise.all([bundleForCommandLine(), bundleForWorkerd()])
// Checks two runtimes at the same time, because most cases only wait for the next second.
const results: Result[] = []
const entries = runtimes.entries()
const work = async (): Promise<void> => {
  for (const [index, runtime] of entries) results[index] = await resultOf(runtime)
}
await Promise.all([work(), work()])

console.log(resultTable(results))
for (const { runtime, failed, unsupported, applications } of results) {
  for (const { name, message } of unsupported) console.log(`${runtime} cannot: ${name} (${message})`)
  const wrong = [...failed, ...[...applications.values()].flatMap(({ failed, notRun }) => [...failed, ...notRun])]
  for (const { name, message } of wrong) console.error(`${runtime} FAILED: ${name}: ${message}`)
  if (wrong.length > 0) process.exitCode = 1
}

keepPage(document(results))
