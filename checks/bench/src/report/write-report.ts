// Writes docs/benchmarks.md and its charts from checks/bench/results.json. With --check, it writes nothing, and only
// compares the page and the charts with the results.
import { pageIsCurrent, writePage } from './report.ts'

if (!process.argv.includes('--check')) writePage()
else if (!pageIsCurrent()) {
  console.error(
    'docs/benchmarks.md or its charts differ from checks/bench/results.json: run "node checks/bench/src/report/write-report.ts"',
  )
  process.exitCode = 1
}
