import { availableParallelism } from 'node:os'

import { defineConfig } from 'vitest/config'

const source = (name: string) => new URL(`./packages/${name}/src/index.ts`, import.meta.url).pathname

// Unit tests run against the sources, in one module graph; the examples, the runtimes and the packages against dist.
export default defineConfig({
  resolve: {
    // The longer name comes first, because `@bcl/core` also matches the start of it.
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
    // .ci/run adds up what this writes.
    reporters: process.env['CI'] ? ['default', ['json', { outputFile: 'test-results.json' }]] : ['default'],
    // Most of these tests wait, for servers and for the next second. Four workers keep two processors busy.
    maxWorkers: Math.max(4, availableParallelism() - 1),
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
})
