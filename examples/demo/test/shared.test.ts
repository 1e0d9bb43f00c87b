import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import { describe, expect, it } from 'vitest'

const read = (example: string) => {
  const cwd = fileURLToPath(new URL(`../../${example}/src/shared/`, import.meta.url))
  return Object.fromEntries(
    globSync('*', { cwd })
      .toSorted()
      .map((file) => [file, readFileSync(cwd + file, 'utf8')]),
  )
}

// In examples/nextjs, Auth.js signs users in, and React renders the pages.
it('examples/nextjs and examples/hono have the same shared files', () => {
  const { 'log.ts': log, ...files } = read('nextjs')
  expect(Object.keys(files)).toEqual(['environment.ts', 'look.ts', 'readiness.ts', 'streams.ts'])
  expect(read('hono')).toMatchObject(files)
  expect(log).toBeDefined()
})

it('examples/provider and examples/hono have the same look.ts', () => {
  expect(read('provider')).toEqual({ 'look.ts': read('hono')['look.ts'] })
})

// You can copy each example out alone, so each has a copy of these files.
describe.each(['koa', 'nestjs', 'express', 'fastify'])('examples/%s/src/shared', (example) => {
  it('is the same as examples/hono/src/shared', () => {
    expect(Object.keys(read('hono')).length).toBeGreaterThan(0)
    expect(read(example)).toEqual(read('hono'))
  })
})

// Only some examples have these files.
it.each([
  ['store.ts', 'fastify'],
  ['store.ts', 'nextjs'],
  ['security-events.ts', 'express'],
])('%s of examples/%s is the same as that of examples/hono', (file, example) => {
  const source = (of: string) => readFileSync(new URL(`../../${of}/src/${file}`, import.meta.url), 'utf8')
  expect(source(example)).toBe(source('hono'))
})
