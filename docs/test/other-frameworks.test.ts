// Starts the servers of docs/guides/other-frameworks.md that need no bundler. They are not in guides.test.ts, because `start` uses
// `@hono/node-server`, which replaces the global `Response`. With this `Response`, h3 answers 200 instead of an error.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { test } from 'node:test'

import { sealData } from 'iron-session'

import { codeBlocks, replaceOnce } from '../../checks/scripts/code-blocks.ts'
import { SECRET, start } from './application.ts'

const page = readFileSync(join(import.meta.dirname, '../guides/other-frameworks.md'), 'utf8')
const files = new Map(codeBlocks(page).map(({ name, code }) => [name, code]))

const bun = join(import.meta.dirname, '../../checks/runtimes/node_modules/.bin/bun')

for (const [framework, path, runtime] of [
  ['h3', '/me', process.execPath],
  ['elysia', '/me', process.execPath],
  ['elysia', '/me', bun],
  ['trpc', '/trpc/me', process.execPath],
] as const) {
  const skip = !existsSync(runtime) && !process.env['CI'] && 'run `pnpm --dir checks/runtimes install` first'
  const on = runtime === bun ? 'Bun' : 'Node.js'
  test(`start-${framework}.ts on ${on} starts a server that receives logouts`, { timeout: 60_000, skip }, async (t) => {
    const program = `start-${framework}.ts`
    const application: Record<string, string> = {
      'logout.ts': replaceOnce(files.get('logout.ts')!, "'https://op.example.com'", 'process.env.ISSUER!'),
      'session-of.ts': files.get('session-of.ts')!,
      [`${framework}.ts`]: files.get(`${framework}.ts`)!,
      [program]: replaceOnce(files.get(program)!, '3000', 'Number(process.env.PORT)'),
    }
    if (framework === 'elysia' && runtime !== bun) {
      assert.match(page, /^`node` from it, and write `new Elysia\(\{ adapter: node\(\) \}\)`:$/m)
      const code = replaceOnce(files.get('elysia.ts')!, 'new Elysia()', 'new Elysia({ adapter: node() })')
      application['elysia.ts'] = `import { node } from '@elysiajs/node'\n${code}`
    }
    const cwd = join(import.meta.dirname, '../snippets/other-frameworks', `${framework} on ${on}`)
    mkdirSync(cwd, { recursive: true })
    for (const [file, code] of Object.entries(application)) writeFileSync(join(cwd, file), code)

    const args = (port: number) => [`PORT=${port}`, runtime, program]
    const { base, provider } = await start(t, { program: 'env', args, cwd, env: { NODE_ENV: 'production' } })
    const statusOf = async (sid: string) => {
      const session = { claims: provider.op.session({ sid }) }
      const cookie = await sealData(session, { password: SECRET, ttl: 8 * 60 * 60 })
      return (await fetch(base + path, { headers: { cookie: `session=${cookie}` } })).status
    }
    assert.deepEqual([await statusOf('a'), await statusOf('b')], [200, 200])
    const body = new URLSearchParams({ logout_token: await provider.op.logoutToken({ sid: 'a' }) })
    assert.equal((await fetch(`${base}/backchannel-logout`, { method: 'POST', body })).status, 200)
    assert.deepEqual([await statusOf('a'), await statusOf('b')], [401, 200])

    // Like a proxy, this agent uses one connection for all requests. A large body of a stranger must not block it.
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    t.after(() => agent.destroy())
    const post = async (type: string, text: string) => {
      const request = httpRequest(`${base}/backchannel-logout`, {
        method: 'POST',
        agent,
        headers: { 'content-type': type },
      })
      request.end(text)
      const [response] = (await once(request, 'response')) as [IncomingMessage]
      response.resume()
      await once(response, 'end')
      return response.statusCode
    }
    const form = 'application/x-www-form-urlencoded'
    for (const type of [form, 'application/json']) {
      assert.equal(await post(type, 'x'.repeat(300_000)), 413)
      assert.equal(await post(form, `logout_token=${await provider.op.logoutToken()}`), 200)
    }
  })
}
