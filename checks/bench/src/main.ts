// Measures everything and writes docs/benchmarks.md; with --quick it only sees that all of it runs.
import { writeFileSync } from 'node:fs'
import { availableParallelism, loadavg } from 'node:os'
import { measureChecks } from './checks.ts'
import { measureCosts } from './costs.ts'
import { measureEncrypted } from './encrypted.ts'
import { measureEndpoint } from './endpoint.ts'
import { measureGreeting } from './greeting.ts'
import { measureImports } from './imports.ts'
import { measureLarge } from './large.ts'
import { measureManyAtOnce } from './many-at-once.ts'
import { measureMemory } from './memory.ts'
import { measureParameters } from './parameters.ts'
import { measureReceive } from './receive.ts'
import { measureRefused } from './refused.ts'
import { measureRemembered } from './remembered.ts'
import { full, quick } from './scale.ts'
import { measureStoreBytes, measureStores } from './stores.ts'
import { measureSubject } from './subject.ts'
import { table, type Section } from './table.ts'

const isQuick = process.argv.includes('--quick')
const scale = isQuick ? quick : full
const sections: Section[] = []
const measures = [
  measureReceive,
  measureCosts,
  measureEndpoint,
  measureRefused,
  measureEncrypted,
  measureLarge,
  measureParameters,
  measureChecks,
  measureGreeting,
  measureRemembered,
  measureSubject,
  measureMemory,
  measureManyAtOnce,
  measureStores,
  measureStoreBytes,
  measureImports,
]
for (const measure of measures) {
  const section = await measure(scale)
  sections.push(section)
  console.log(`${section.title}\n${table(section)}\n`)
}

const date = new Date().toISOString().slice(0, 10)
const load = loadavg()[2]!.toFixed(1)
const document = `# Benchmarks

By \`pnpm bench\` on ${date}, on Node.js ${process.versions.node}, ${process.platform} ${process.arch}, with ${availableParallelism()} processors and what else ran
(load average over 15 minutes: ${load}). All in one run. Contenders take turns, ${scale.rounds} rounds after three that do
not count; rates are medians, ratios are medians of the ratios within a round, by the clock
and by the processor time used, which other work changes less. "Wanted" is what we aim at, met or not.

${sections.map((section) => `## ${section.title}\n\n${section.note}\n\n${table(section)}\n`).join('\n')}`
if (!isQuick) writeFileSync(new URL('../../../docs/benchmarks.md', import.meta.url), document)
