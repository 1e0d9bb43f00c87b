// Runs the applications of the pages, with their code unchanged.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, test } from 'node:test'

import { codeBlocks } from '../../checks/scripts/code-blocks.ts'
import { freePort, passes, run, SECRET, settings, signIn, start, statusOfMe, type Command } from './application.ts'
import {
  expressOpenidConnect,
  expressSession,
  type Forge,
  ironSession,
  koaSession,
  secureSession,
} from './forged-cookies.ts'
import { signsOut } from './sign-out.ts'

const docs = resolve(import.meta.dirname, '..')
const folderOf = (page: string): string => join(docs, 'snippets', `docs-${page.replace(/\W+/g, '-')}-md`)
const host = join(import.meta.dirname, 'host.ts')

/** Compiles the application as its page says, because Node.js cannot strip decorators. */
function compile(page: string): string {
  const folder = folderOf(page)
  const blocks = codeBlocks(readFileSync(join(docs, `${page}.md`), 'utf8'))
  writeFileSync(join(folder, 'tsconfig.json'), blocks.find(({ name }) => name === 'tsconfig.json')!.code)
  execFileSync(join(docs, 'node_modules/.bin/tsc'), ['-p', folder], { stdio: 'inherit' })
  return join(folder, 'dist/app.js')
}

interface Documented {
  page: string
  args: string[]
  forge: Forge
  secret?: string
  /** True for a Worker. A Worker gets its settings with a request. So if a setting is missing, it still starts, but answers 500. */
  isWorker?: boolean
}

const sources = (page: string): string => join(folderOf(page), 'app.ts')
const applications: Documented[] = [
  { page: 'start/hono', args: [sources('start/hono')], forge: ironSession },
  { page: 'start/koa', args: [sources('start/koa')], forge: koaSession },
  { page: 'start/express', args: [sources('start/express')], forge: expressSession },
  { page: 'start/fastify', args: [sources('start/fastify')], forge: secureSession },
  { page: 'start/nestjs', args: [compile('start/nestjs')], forge: expressSession },
  { page: 'start/bun', args: [host, sources('start/bun')], forge: ironSession },
  { page: 'start/deno', args: [host, sources('start/deno')], forge: ironSession },
  { page: 'start/workers', args: [host, sources('start/workers')], forge: ironSession, isWorker: true },
  {
    page: 'migrating',
    args: [join(import.meta.dirname, 'migrated.ts')],
    forge: expressOpenidConnect,
    secret: 'SECRET',
  },
]

test('docs/guides/passport.md passes the conformance cases, and signs out', async (t) => {
  const application = await start(t, { args: () => [sources('guides/passport')] })
  await passes(application)
  const cookie = [...(await signIn(application))].map((pair) => pair.join('=')).join('; ')
  assert.equal(await statusOfMe(application, cookie), 200)
  const { base, issuer } = application
  const post = (origin: string) =>
    fetch(`${base}/logout`, { method: 'POST', headers: { cookie, origin }, redirect: 'manual' })
  assert.equal((await post('https://elsewhere.example')).status, 403)
  const { status, headers } = await post(base)
  assert.equal(status, 303)
  assert.match(headers.get('location')!, new RegExp(`^${issuer}/end_session\\?.*id_token_hint=eyJ`))
  assert.equal(await statusOfMe(application, cookie), 401)
})

// Several tests run at the same time, because each application mostly waits for the next second.
describe('the application of', { concurrency: 4 }, () => {
  for (const { page, args, forge, secret = 'SESSION_SECRET', isWorker = false } of applications) {
    const command: Command = { args: () => args }

    test(`docs/${page}.md passes the conformance cases, and logs each logout`, async (t) => {
      await passes(await start(t, command))
    })

    if (page.startsWith('start/')) {
      test(`docs/${page}.md has buttons that sign out here, at the provider, and everywhere`, async (t) => {
        await signsOut(await start(t, command))
      })
    }

    test(`docs/${page}.md refuses a forged cookie`, async (t) => {
      const application = await start(t, command)
      const statusOf = async (guess: string) => statusOfMe(application, await forge(application, guess))
      assert.equal(await statusOf(SECRET), 200, 'the forged cookie has the wrong form')
      assert.equal(await statusOf('another-secret-that-somebody-has-guessed'), 401)
      // With an empty secret, iron-session and secure-session refuse to create a cookie.
      if (forge !== ironSession && forge !== secureSession) assert.equal(await statusOf(''), 401)
    })

    for (const [name, value] of [
      [secret, undefined],
      [secret, ''],
      ['CLIENT_SECRET', undefined],
      ['CLIENT_SECRET', ''],
    ] as const) {
      test(`docs/${page}.md refuses to start if ${name} is ${value === '' ? 'empty' : 'unset'}`, async (t) => {
        const port = await freePort()
        const base = `http://127.0.0.1:${port}`
        const { child, output, ended, printed } = run(
          command,
          { ...settings('http://127.0.0.1:1', base), [name]: value },
          port,
        )
        t.after(() => child.kill())
        if (!isWorker) {
          assert.deepEqual(await ended, [1, null])
          assert.match(output(), new RegExp(`^${name} is not set: .+\\.\n$`))
          return
        }
        const ask = () => fetch(`${base}/me`).catch(() => undefined)
        let answer = await ask()
        while (!answer) answer = await ask()
        assert.equal(answer.status, 500)
        await printed(new RegExp(`^Error: ${name} is not set: .+\\.$`, 'm'))
      })
    }
  }
})
