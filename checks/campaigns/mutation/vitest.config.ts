import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

const names = ['core', 'node', 'testing', 'hono', 'koa', 'express', 'fastify', 'nestjs', 'redis', 'sql', 'ssf']
const source = (file: string): string => `${process.cwd()}/packages/${file}.ts`

/**
 * Test files that wait for timers, the slowest file last. They run last, because the other tests are faster and kill
 * most mutants.
 */
const waiting = 'respond,handle,issuers,memory-store,watch,keys,receive,keys-under-fire,slow-clients'.split(',')

class QuickFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification): number =>
      waiting.indexOf(/([\w-]+)\.test\.ts$/.exec(moduleId)?.[1] ?? '')
    return [...files].sort((one, other) => place(one) - place(other))
  }
}

const tests = process.env['MUTATION_TESTS']?.split(',') ?? ['**/*']

// src/mutation.ts makes a copy of the repository. Vitest runs in this copy. As in the root config, tests import the sources of a package.
export default defineConfig({
  resolve: {
    // The longer name comes first, because it also starts with `@bcl/core`.
    alias: {
      '@bcl/core/kit': source('core/src/kit'),
      ...Object.fromEntries(names.map((name) => [`@bcl/${name}`, source(`${name}/src/index`)])),
    },
  },
  test: {
    include: tests.map((name) => `packages/${process.env['MUTATED_PACKAGE']}/test/${name}.test.ts`),
    // Too slow to run for each mutant, because these tests explore thousands of states.
    exclude: ['**/two-instances-model.test.ts', '**/issuer-function-model.test.ts'],
    setupFiles: [new URL('setup.ts', import.meta.url).pathname],
    sequence: { sequencer: QuickFirst },
    // No test needs more than 5 s. The rest is for a computer that does other work, too.
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
})
