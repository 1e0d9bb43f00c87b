import { cp, mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Stryker } from '@stryker-mutator/core'

const { values: options } = parseArgs({
  options: {
    package: { type: 'string', default: 'core' },
    files: { type: 'string', multiple: true },
    tests: { type: 'string' },
    short: { type: 'boolean', default: false },
    concurrency: { type: 'string' },
  },
})

/** The percentage of mutants that the tests must kill. */
const goal = ['core', 'ssf'].includes(options.package) ? 95 : 90
/** The sources that `--short` mutates, and the fast tests that it runs. */
const short = {
  files: ['token/logout-token.ts', 'token/compact.ts'],
  tests: 'verify-logout-token,exactness,session-claims,limits',
}

const root = fileURLToPath(new URL('../../../', import.meta.url))
const here = fileURLToPath(new URL('../', import.meta.url))
const copy = `${here}.mutation/${options.package}${options.short ? '-short' : ''}`
const files = options.short ? short.files : (options.files ?? ['**/*.ts', '!index.ts'])

/** Copies the package. Stryker changes only the copy. */
async function makeCopy(): Promise<void> {
  await rm(copy, { recursive: true, force: true })
  for (const name of ['core', 'node', 'testing', 'redis', options.package]) {
    const from = `${root}packages/${name}`
    const to = `${copy}/packages/${name}`
    if (existsSync(to)) continue
    await mkdir(to, { recursive: true })
    for (const part of ['src', 'test', 'package.json', 'tsconfig.json', 'tsconfig.test.json']) {
      if (!existsSync(`${from}/${part}`)) continue
      await cp(`${from}/${part}`, `${to}/${part}`, {
        recursive: true,
        filter: (path) => basename(path) !== 'node_modules',
      })
    }
    await symlink(`${from}/node_modules`, `${to}/node_modules`)
  }
  for (const name of ['tsconfig.base.json', 'checks/test-support/tsconfig.json']) {
    await cp(`${root}${name}`, `${copy}/${name}`, { recursive: true })
  }
  await writeFile(`${copy}/package.json`, '{ "private": true, "type": "module" }\n')
}

await makeCopy()
process.chdir(copy)
process.env['MUTATED_PACKAGE'] = options.package
const tests = options.short ? short.tests : options.tests
if (tests) process.env['MUTATION_TESTS'] = tests
const name = basename(copy)
const src = `packages/${options.package}/src`
const results = await new Stryker({
  inPlace: true,
  mutate: files.map((file) => (file.startsWith('!') ? `!${src}/${file.slice(1)}` : `${src}/${file}`)),
  plugins: ['@stryker-mutator/vitest-runner', `${here}mutation/ignore-messages.ts`],
  ignorers: ['messages'],
  testRunner: 'vitest',
  vitest: { configFile: `${here}mutation/vitest.config.ts`, related: false },
  coverageAnalysis: 'perTest',
  concurrency: Number(options.concurrency ?? availableParallelism()),
  // Another program can slow down the tests. A slow test must not count as a killed mutant.
  timeoutMS: 30_000,
  incremental: !options.short,
  incrementalFile: `${here}.mutation/${name}-incremental.json`,
  reporters: ['clear-text', 'progress-append-only', 'json'],
  clearTextReporter: { allowColor: false, logTests: false },
  jsonReporter: { fileName: `${here}.mutation/${name}.json` },
  allowConsoleColors: false,
  cleanTempDir: 'always',
}).runMutationTest()

const count = (...statuses: string[]): number => results.filter(({ status }) => statuses.includes(status)).length
const killed = count('Killed', 'Timeout')
const all = killed + count('Survived', 'NoCoverage')
const score = (100 * killed) / all
console.log(`${options.package}: ${killed} of ${all} mutants killed, ${score.toFixed(1)} % (goal ${goal} %)`)
if (!(score >= goal)) process.exitCode = 1
