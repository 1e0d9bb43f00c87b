// The applications of the pages, exactly as the pages have them.
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
  /** A Worker gets its settings with a request. So it starts, and answers 500. */
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
  { page: 'sign-out-everywhere', args: [sources('sign-out-everywhere')], forge: ironSession },
  {
    page: 'migrating',
    args: [join(import.meta.dirname, 'migrated.ts')],
    forge: expressOpenidConnect,
    secret: 'SECRET',
  },
]

// The applications mostly wait for the next second, so several run at once.
describe('the application of', { concurrency: 4 }, () => {
  for (const { page, args, forge, secret = 'SESSION_SECRET', isWorker = false } of applications) {
    const command: Command = { args: () => args }

    test(`docs/${page}.md passes the conformance cases, and logs each logout`, async (t) => {
      await passes(await start(t, command))
    })

    test(`docs/${page}.md refuses a forged cookie`, async (t) => {
      const application = await start(t, command)
      const statusOf = async (guess: string) => statusOfMe(application, await forge(application, guess))
      assert.equal(await statusOf(SECRET), 200, 'the cookie is not forged well')
      assert.equal(await statusOf('another-secret-that-somebody-has-guessed'), 401)
      // iron-session and secure-session themselves make no cookie with an empty secret.
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
        const { child, output, ended } = run(command, { ...settings('http://127.0.0.1:1', base), [name]: value }, port)
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
        assert.match(output(), new RegExp(`^Error: ${name} is not set: .+\\.$`, 'm'))
      })
    }
  }
})

describe('the application of docs/sign-out-everywhere.md', () => {
  const args = [sources('sign-out-everywhere')]

  async function startSignedIn(t: { after(work: () => void): void }) {
    const application = await start(t, { args: () => args })
    const cookieOf = async () => `session=${(await signIn(application)).get('session')}`
    return {
      laptop: await cookieOf(),
      phone: await cookieOf(),
      statusOf: (cookie: string) => statusOfMe(application, cookie),
      /** One POST of a form. Does not follow the redirect to the provider, so no Logout Token helps. */
      post: (path: string, cookie: string, origin = application.base) =>
        fetch(application.base + path, {
          method: 'POST',
          headers: { cookie, origin },
          body: new URLSearchParams(),
          redirect: 'manual',
        }),
      endSession: `${application.issuer}/end_session?`,
    }
  }

  test('refuses a copied cookie after /logout. The other device stays signed in', async (t) => {
    const { laptop, phone, statusOf, post, endSession } = await startSignedIn(t)
    assert.deepEqual([await statusOf(laptop), await statusOf(phone)], [200, 200])

    const response = await post('/logout', laptop)

    assert.equal(response.status, 303)
    assert.ok(response.headers.get('location')!.startsWith(endSession))
    assert.match(new URL(response.headers.get('location')!).searchParams.get('id_token_hint')!, /^eyJ/)
    assert.match(response.headers.get('set-cookie')!, /^session=; Max-Age=0/)
    assert.deepEqual([await statusOf(laptop), await statusOf(phone)], [401, 200])
  })

  test('/logout-everywhere refuses a cookie that was signed out, and ends no session', async (t) => {
    const { laptop, phone, statusOf, post } = await startSignedIn(t)
    await post('/logout', laptop)
    assert.equal((await post('/logout-everywhere', laptop)).status, 401)
    assert.equal((await post('/logout-everywhere', '')).status, 401)
    assert.equal(await statusOf(phone), 200)
  })

  test('/logout-everywhere also ends the session of the other device', async (t) => {
    const { laptop, phone, statusOf, post, endSession } = await startSignedIn(t)
    const response = await post('/logout-everywhere', laptop)
    assert.equal(response.status, 303)
    assert.ok(response.headers.get('location')!.startsWith(endSession))
    assert.deepEqual([await statusOf(laptop), await statusOf(phone)], [401, 401])
  })

  for (const path of ['/logout', '/logout-everywhere']) {
    test(`refuses a form of another site at ${path}`, async (t) => {
      const { laptop, statusOf, post } = await startSignedIn(t)
      assert.equal((await post(path, laptop, 'https://elsewhere.example')).status, 403)
      assert.equal(await statusOf(laptop), 200)
    })
  }
})
