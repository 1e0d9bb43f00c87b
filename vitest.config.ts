import { availableParallelism } from 'node:os'

import { defineConfig } from 'vitest/config'

const source = (name: string) => new URL(`./packages/${name}/src/index.ts`, import.meta.url).pathname

// Unit tests import the sources, in one module graph. Applications in other processes use the builds in `dist`.
export default defineConfig({
  resolve: {
    // The longer name comes first, because it also starts with `@bcl/core`.
    alias: {
      '@bcl/core/kit': new URL('./packages/core/src/kit.ts', import.meta.url).pathname,
      ...Object.fromEntries(
        ['core', 'node', 'testing', 'hono', 'koa', 'express', 'fastify', 'nestjs', 'redis', 'sql', 'ssf'].map(
          (name) => [`@bcl/${name}`, source(name)],
        ),
      ),
    },
  },
  test: {
    include: ['packages/*/test/**/*.test.ts', 'examples/*/test/**/*.test.ts'],
    // .ci/run reads this file, and adds its numbers to the totals.
    reporters: process.env['CI'] ? ['default', ['json', { outputFile: 'test-results.json' }]] : ['default'],
    // Most of these tests wait for servers or for the next second, so four workers keep two processors busy.
    maxWorkers: Math.max(4, availableParallelism() - 1),
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
})
