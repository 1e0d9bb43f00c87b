// The applications of the pages, as they stand there: each passes every conformance case, sessions included.
import assert from 'node:assert/strict'
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { describe, test } from 'node:test'

import { createTestProvider, runConformance } from '@bcl/testing'
import { serve } from '@hono/node-server'
import { codeBlocks } from '../../scripts/code-blocks.ts'

const docs = resolve(import.meta.dirname, '..')
const folderOf = (page: string): string => join(docs, 'snippets', `docs-${page.replace(/\W+/g, '-')}-md`)

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Resolves once it answers; rejects when it ends before. */
async function answering(url: string, child: ChildProcess, output: () => string): Promise<void> {
  while (true) {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}: ${output()}`)
    const response = await fetch(url).catch(() => undefined)
    await response?.body?.cancel()
    if (response) return
    await new Promise((again) => setTimeout(again, 50))
  }
}

/** Compiled as its page has it: Node cannot leave decorators out. */
function compile(page: string): string {
  const folder = folderOf(page)
  const blocks = codeBlocks(readFileSync(join(docs, `${page}.md`), 'utf8'))
  writeFileSync(join(folder, 'tsconfig.json'), blocks.find(({ name }) => name === 'tsconfig.json')!.code)
  execFileSync(join(docs, 'node_modules/.bin/tsc'), ['-p', folder], { stdio: 'inherit' })
  return join(folder, 'dist/app.js')
}

const host = join(import.meta.dirname, 'host.ts')
const applications: Record<string, () => string[]> = {
  'start/hono': () => [join(folderOf('start/hono'), 'app.ts')],
  'start/koa': () => [join(folderOf('start/koa'), 'app.ts')],
  'start/express': () => [join(folderOf('start/express'), 'app.ts')],
  'start/nestjs': () => [compile('start/nestjs')],
  'start/bun': () => [host, join(folderOf('start/bun'), 'app.ts')],
  'start/deno': () => [host, join(folderOf('start/deno'), 'app.ts')],
  'start/workers': () => [host, join(folderOf('start/workers'), 'app.ts')],
  migrating: () => [join(import.meta.dirname, 'migrated.ts')],
}

// Most of the time they wait for the next second, so several run at once.
describe('the application of', { concurrency: 4 }, () => {
  for (const [page, command] of Object.entries(applications)) {
    test(`docs/${page}.md passes the conformance cases`, async (t) => {
      const [port, providerPort] = [await freePort(), await freePort()]
      const issuer = `http://127.0.0.1:${providerPort}`
      const base = `http://127.0.0.1:${port}`
      const provider = await createTestProvider({ issuer, clientId: 'my-client', clientSecret: 'my-secret' })
      const server = serve({ fetch: (request) => provider.handle(request), port: providerPort, hostname: '127.0.0.1' })
      t.after(() => server.close())

      const child = spawn(process.execPath, command(), {
        env: {
          ...process.env,
          ISSUER: issuer,
          ISSUER_BASE_URL: issuer,
          CLIENT_ID: 'my-client',
          CLIENT_SECRET: 'my-secret',
          SESSION_SECRET: 'at-least-32-characters-that-nobody-can-guess',
          SECRET: 'at-least-32-characters-that-nobody-can-guess',
          BASE_URL: base,
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      t.after(() => child.kill())
      let output = ''
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text))

      await answering(`${base}/me`, child, () => output)
      const results = await runConformance((url, init) => fetch(url, { ...init, redirect: 'manual' }), {
        provider,
        endpoint: `${base}/backchannel-logout`,
        signIn: { login: `${base}/login`, me: `${base}/me` },
      })
      const others = results.filter(({ outcome }) => outcome !== 'passed')
      assert.deepEqual(
        others.map(({ id, outcome, got }) => `${id} ${outcome}: ${got}`),
        [],
        output,
      )
      assert.ok(results.some(({ id }) => id.startsWith('session/')))
    })
  }
})
