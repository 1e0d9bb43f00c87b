// Runs the table of cases on every runtime; writes docs/runtimes.md, or with --check compares it.
import { readFileSync, writeFileSync } from 'node:fs'
import { document, resultTable, type Result } from './document.ts'
import { runtimes, type Runtime } from './runtimes.ts'

async function resultOf({ name, version, run }: Runtime): Promise<Result> {
  try {
    return { runtime: name, version: await version(), ...(await run()) }
  } catch (error) {
    const failed = [{ name: 'the run', message: String(error) }]
    return { runtime: name, version: 'missing', passed: 0, failed, unsupported: [] }
  }
}

const results: Result[] = []
for (const runtime of runtimes) results.push(await resultOf(runtime))

console.log(resultTable(results))
for (const { runtime, failed, unsupported } of results) {
  for (const { name, message } of unsupported) console.log(`${runtime} cannot: ${name} (${message})`)
  for (const { name, message } of failed) console.error(`${runtime} FAILED: ${name}: ${message}`)
}

const path = new URL('../../docs/runtimes.md', import.meta.url)
if (results.some(({ failed }) => failed.length > 0)) process.exitCode = 1
if (!process.argv.includes('--check')) {
  writeFileSync(path, document(results))
} else if (readFileSync(path, 'utf8') !== document(results)) {
  console.error('docs/runtimes.md says something else: run `pnpm runtimes`')
  process.exitCode = 1
}
