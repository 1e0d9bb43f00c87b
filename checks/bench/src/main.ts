// Measures everything, and writes checks/bench/results.json and docs/benchmarks.md. With --quick, it measures little and writes
// nothing. With names of sections, it measures only these sections and writes nothing.
import { execFileSync, fork } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os'
import { parseArgs } from 'node:util'
import { atOnce } from './measure/measure.ts'
import { pageFile, tableOf, writePage } from './report/report.ts'
import { resultsFile, writeResults, type Row } from './report/results.ts'
import { full } from './measure/scale.ts'
import { sections, type SectionName } from './sections.ts'

async function measure(name: string, size: string): Promise<Row[]> {
  const child = fork(new URL('section-child.ts', import.meta.url), [name, size])
  let rows: Row[] | undefined
  child.once('message', (message) => {
    rows = message as Row[]
  })
  const [code] = (await once(child, 'exit')) as [number | null]
  if (code !== 0 || !rows) throw new Error(`the section ${name} failed`)
  return rows
}

const { values, positionals } = parseArgs({ options: { quick: { type: 'boolean' } }, allowPositionals: true })
const names = Object.keys(sections) as SectionName[]
const unknown = positionals.filter((name) => !(name in sections))
if (unknown.length > 0) throw new Error(`no section ${unknown.join(', ')}. The sections are ${names.join(', ')}`)

const machine = {
  cpu: cpus()[0]!.model.trim(),
  cores: availableParallelism(),
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  system: `${process.platform} ${process.arch}`,
  load: loadavg()[1]!,
}
const startedAt = performance.now()
const found: Record<string, Row[]> = {}
const chosen = positionals.length > 0 ? (positionals as SectionName[]) : names
// In a quick run, two sections run at the same time, because nobody uses the figures.
await atOnce(values.quick ? 2 : 1, chosen, async (name) => {
  const since = performance.now()
  found[name] = await measure(name, values.quick ? 'quick' : 'full')
  console.log(`${tableOf(name, found[name])}\n${name}: ${Math.round((performance.now() - since) / 1000)} s\n`)
})
if (!values.quick && positionals.length === 0) {
  writeResults({
    date: new Date().toISOString().slice(0, 10),
    commit: execFileSync('git', ['rev-parse', '--short=12', 'HEAD'], { encoding: 'utf8' }).trim(),
    node: process.versions.node,
    machine,
    rounds: full.rounds,
    minutes: Math.round((performance.now() - startedAt) / 60_000),
    sections: found,
  })
  writePage()
  execFileSync('oxfmt', [resultsFile, pageFile], { stdio: 'inherit' })
}
