// Runs the applications of the pages, with their code unchanged.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, test, type TestContext } from 'node:test'

import { codeBlocks } from '../../checks/scripts/code-blocks.ts'
import { freePort } from '../../checks/test-support/src/free-port.ts'
import {
  headerOf,
  newDevice,
  passes,
  postLogout,
  run,
  SECRET,
  settings,
  signIn,
  start,
  statusOfMe,
  visit,
  type Command,
} from './application.ts'
import {
  expressOpenidConnect,
  expressSession,
  type Forge,
  ironSession,
  koaSession,
  secureSession,
} from './forged-cookies.ts'
import { refusesInOutage } from './outage.ts'
import {
  keepsSession,
  refusesCancelledSignIn,
  refusesWrongAnswers,
  signsInAgain,
  signsInBesideAnotherTab,
} from './sign-in.ts'
import { signsOut, signsOutWithoutProvider } from './sign-out.ts'

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

/** Returns the arguments for an application whose `MemoryStore` fails while the file `OUTAGE` exists. */
const withOutage = (...args: string[]): Command['args'] => {
  const preloaded = [`--import=${join(import.meta.dirname, 'outage-preload.ts')}`, ...args]
  return () => preloaded
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
  { page: 'start/bun', args: [host, sources('start/bun'), 'bun'], forge: ironSession },
  { page: 'start/deno', args: [host, sources('start/deno')], forge: ironSession },
  { page: 'start/workers', args: [host, sources('start/workers')], forge: ironSession, isWorker: true },
  {
    page: 'migrating',
    args: [join(import.meta.dirname, 'migrated.ts')],
    forge: expressOpenidConnect,
    secret: 'SECRET',
  },
]

test('docs/migrating.md: after a sign-out, also while the store is down, a copy of the cookie is refused', async (t) => {
  const outage = join(mkdtempSync(join(tmpdir(), 'outage-')), 'outage')
  t.after(() => rmSync(join(outage, '..'), { recursive: true, force: true }))
  const application = await start(t, {
    args: withOutage(join(import.meta.dirname, 'migrated.ts')),
    env: { OUTAGE: outage },
  })
  for (const isDown of [false, true]) {
    const cookie = await newDevice(application)
    assert.equal(await statusOfMe(application, cookie), 200)
    if (isDown) writeFileSync(outage, '')
    const { status, headers } = await fetch(`${application.base}/logout`, { headers: { cookie }, redirect: 'manual' })
    assert.equal(status, 302)
    assert.match(headers.getSetCookie().join(), /(?:^|,)appSession=;/)
    rmSync(outage, { force: true })
    assert.equal(await statusOfMe(application, cookie), 401)
  }
})

test('docs/start/koa.md refuses a sign-in whose cookie the application has not signed', async (t) => {
  const { base } = await start(t, { args: () => [sources('start/koa')] })
  const signIn = { state: 'x', nonce: 'x', codeVerifier: 'x'.repeat(43) }
  const cookie = `sign-in=${Buffer.from(JSON.stringify(signIn)).toString('base64url')}`
  const { status } = await fetch(`${base}/callback?code=x&state=x`, { headers: { cookie }, redirect: 'manual' })
  assert.equal(status, 400)
})

for (const runtime of ['bun', 'deno']) {
  test(`docs/start/${runtime}.md: the application of the Hono page passes the conformance cases on this runtime`, async (t) => {
    const page = readFileSync(join(docs, `start/${runtime}.md`), 'utf8')
    const [, exported] =
      /^- If you use Hono on [^`]+`app\.ts`[^`]+`@hono\/node-server`[^`]+`serve`[^`]+`(export default [^`]+)`/m.exec(
        page,
      )!
    const code = readFileSync(sources('start/hono'), 'utf8')
      .replace(/^import .* from '@hono\/node-server'$/m, '')
      .replace(/^serve\(.*\)$/m, exported!)
    const file = join(folderOf('start/hono'), `${runtime}.ts`)
    writeFileSync(file, code)
    await passes(await start(t, { args: () => [host, file, runtime] }))
  })
}

test('docs/guides/passport.md passes the conformance cases, and signs out here and everywhere', async (t) => {
  const application = await start(t, { args: () => [sources('guides/passport')] })
  await passes(application)
  await signsOut(application)
})

describe('docs/guides/passport.md', { concurrency: 2 }, () => {
  const command: Command = { args: () => [sources('guides/passport')] }

  test('signs out everywhere while the provider fails', async (t) => {
    await signsOutWithoutProvider(await start(t, command))
  })

  test('keeps a session if another site opens /login or /callback', async (t) => {
    await keepsSession(await start(t, command))
  })

  test('finishes a sign-in beside another tab whose session has ended', async (t) => {
    // At each request to /callback, the strategy deletes the data of the sign-in.
    await signsInBesideAnotherTab(await start(t, command), ['/me'])
  })

  test('refuses a sign-in that the user cancels, and lets the user try again', async (t) => {
    // Passport does not pass the reason on.
    await refusesCancelledSignIn(await start(t, command), 'Unauthorized')
  })

  test('answers 400 to wrong answers of a sign-in', async (t) => {
    const application = await start(t, command)
    await refusesWrongAnswers(application)
    // The strategy also takes an answer at /login.
    assert.equal((await fetch(`${application.base}/login?error=x`)).status, 400)
  })
})

test('docs/guides/passport.md keeps the claims in a session that stores only the id of the user', async (t) => {
  const page = readFileSync(join(docs, 'guides/passport.md'), 'utf8')
  const [, callback] = /`(app\.get\('\/callback'.+?keepClaims, signInFailed\))`/.exec(page)!
  const [, ...deletions] = /In `onLoggedOut`, call `(delete [\w.]+)` and `(delete [\w.]+)`/.exec(page)!
  const changes: Record<string, string> = {
    'import express,': "import { keepClaims } from './keep-claims.ts'\nimport express,",
    'serializeUser((user, done) => done(null, user))': "serializeUser((_user, done) => done(null, 'an id'))",
    'deserializeUser((user: Express.User, done) => done(null, user))':
      'deserializeUser((id: string, done) => done(null, { id } as never))',
    "app.get('/callback', passport.authenticate('oidc', { successRedirect: '/me', failWithError: true }), signInFailed)":
      callback!,
    'await signOutHere(request, { keepSessionInfo: true })': `$&;${deletions.join(';')}`,
    'const { user } = request': 'const user: Partial<Express.User> = { ...(request.session as Express.User) }',
    'if (user) await': 'if (user.claims) await',
    '...(user && {': '...(user.idToken && {',
    'request.user?.claims': 'request.session.claims',
    'if (!request.user) return': 'if (!request.session.claims) return',
    'if (request.user) response.json(request.user.claims)':
      'if (request.session.claims) response.json(request.session.claims)',
  }
  let code = readFileSync(sources('guides/passport'), 'utf8')
  for (const [before, after] of Object.entries(changes)) {
    assert.ok(code.includes(before), before)
    code = code.replace(before, after)
  }
  const file = join(folderOf('guides/passport'), 'only-id.ts')
  writeFileSync(file, code)
  const application = await start(t, { args: () => [file] })
  await passes(application)
  await signsOut(application)
  await signsInBesideAnotherTab(application, ['/me'])
  // The first request after a logout removes the claims and the ID Token from the session.
  const cookies = await signIn(application)
  assert.equal(await postLogout(application, { sub: 'alice', sid: undefined }), 200)
  await visit(application, cookies, `${application.base}/me`)
  const cookie = headerOf(cookies)
  const me = await fetch(`${application.base}/me`, { headers: { cookie } })
  assert.match(await me.text(), /^You are not signed in/)
  const { headers } = await fetch(`${application.base}/logout`, {
    method: 'POST',
    headers: { cookie, origin: application.base },
    redirect: 'manual',
  })
  assert.doesNotMatch(headers.get('location')!, /id_token_hint/)
})

test('docs/guides/passport.md answers 503 while the store is down', async (t) => {
  await refusesInOutage(t, { args: withOutage(sources('guides/passport')) })
})

describe('docs/guides/better-auth.md', () => {
  const rows = (folder: string): number => {
    const database = new DatabaseSync(join(folder, 'app.db'))
    const { count } = database.prepare('SELECT count(*) AS count FROM session').get()!
    database.close()
    return Number(count)
  }

  function emptyFolder(t: TestContext): string {
    const folder = mkdtempSync(join(tmpdir(), 'better-auth-'))
    t.after(() => rmSync(folder, { recursive: true, force: true }))
    return folder
  }

  /** Starts the application with an empty database. */
  async function startEmpty(t: TestContext) {
    const folder = emptyFolder(t)
    const application = await start(t, { args: () => [sources('guides/better-auth')], cwd: folder })
    return { application, folder }
  }

  test('answers 503 while the store is down', async (t) => {
    await refusesInOutage(t, { args: withOutage(sources('guides/better-auth')), cwd: emptyFolder(t) })
  })

  test('a session ends on the routes of Better Auth, too, if its logout arrived during an outage', async (t) => {
    const cwd = emptyFolder(t)
    const outage = join(cwd, 'outage')
    const application = await start(t, {
      args: withOutage(sources('guides/better-auth')),
      cwd,
      env: { OUTAGE: outage },
    })
    const { base, provider } = application
    provider.signInNext({ sub: 'alice', sid: 'laptop' })
    const cookie = await newDevice(application)
    const ask = async () => {
      const response = await fetch(`${base}/api/auth/get-session`, { headers: { cookie } })
      return response.status === 200 ? ((await response.json()) as object | null) : response.status
    }
    assert.ok(await ask())

    writeFileSync(outage, '')
    assert.equal(await postLogout(application, { sub: 'alice', sid: 'laptop' }), 400)
    assert.equal(await ask(), 503)
    rmSync(outage)
    assert.equal(await ask(), null)
    assert.equal(rows(cwd), 0)
  })

  test('passes the conformance cases, and logs each logout', async (t) => {
    await passes((await startEmpty(t)).application)
  })

  test('has buttons that sign out here, at the provider, and everywhere', async (t) => {
    await signsOut((await startEmpty(t)).application)
  })

  test('signs out everywhere while the provider fails', async (t) => {
    await signsOutWithoutProvider((await startEmpty(t)).application)
  })

  test('finishes a sign-in beside another tab whose session has ended', async (t) => {
    const { application } = await startEmpty(t)
    await signsInBesideAnotherTab(application, ['/me', '/api/auth/callback/oidc?code=x&state=x'])
  })

  test('deletes the rows of the sessions that a logout names, and no others', async (t) => {
    const { application, folder } = await startEmpty(t)
    const { base, provider } = application
    const deviceWith = async (sid: string | null) => {
      provider.signInNext({ sub: 'alice', sid })
      return newDevice(application)
    }
    const asksBetterAuth = async (cookie: string) =>
      (await fetch(`${base}/api/auth/get-session`, { headers: { cookie } })).json() as Promise<object | null>
    const [laptop, phone, tablet] = [await deviceWith('laptop'), await deviceWith('phone'), await deviceWith(null)]
    assert.equal(rows(folder), 3)
    assert.ok(await asksBetterAuth(laptop))

    const send = async (claims: object) => {
      assert.equal(await postLogout(application, claims), 200)
    }
    await send({ sub: undefined, sid: 'laptop' })
    assert.equal(rows(folder), 2)
    assert.equal(await asksBetterAuth(laptop), null)
    assert.deepEqual(await Promise.all([phone, tablet].map((cookie) => statusOfMe(application, cookie))), [200, 200])

    await send({ sub: 'alice', sid: 'phone' }) // also ends the sessions whose sid is unknown
    assert.equal(rows(folder), 0)
    assert.equal(await asksBetterAuth(phone), null)
    assert.equal(await asksBetterAuth(tablet), null)

    // The logout arrives before the sign-in has finished.
    const beforeAnswer = () => send({ sub: 'alice', sid: 'late' })
    provider.signInNext({ sub: 'alice', sid: 'late', beforeAnswer })
    await signIn(application)
    assert.equal(rows(folder), 0)
  })

  test('deletes the row of an ended session, too, if the user has hundreds of rows', async (t) => {
    const { application, folder } = await startEmpty(t)
    const { provider } = application
    provider.signInNext({ sub: 'alice', sid: 'laptop' })
    await signIn(application)
    const database = new DatabaseSync(join(folder, 'app.db'))
    t.after(() => database.close())
    const row = database.prepare('SELECT * FROM session').get()!
    const columns = Object.keys(row)
    const insert = database.prepare(`INSERT INTO session (${columns.join()}) VALUES (${columns.map(() => '?').join()})`)
    const add = (id: string, signedInAt: number) =>
      insert.run(...columns.map((column) => ({ ...row, id, token: id, sid: id, signedInAt })[column] ?? null))
    database.exec('DELETE FROM session')
    for (let index = 0; index < 150; index += 1) {
      add(`tablet ${index}`, Number(row.signedInAt))
      add(`expired ${index}`, Number(row.signedInAt) - 100_000)
    }
    add('laptop', Number(row.signedInAt))

    assert.equal(await postLogout(application, { sub: 'alice', sid: 'laptop' }), 200)
    assert.equal(rows(folder), 300)
    assert.equal(database.prepare("SELECT * FROM session WHERE sid = 'laptop'").get(), undefined)
  })

  test('deletes the row of an ended session, too, if another row of the user has a wrong date', async (t) => {
    const { application, folder } = await startEmpty(t)
    const { provider } = application
    const { now } = provider.op
    provider.op.now = () => now() + 3600 // the clock of the provider is wrong for a short time
    provider.signInNext({ sub: 'alice', sid: 'future' })
    await signIn(application)
    provider.op.now = now
    provider.signInNext({ sub: 'alice', sid: 'laptop' })
    await signIn(application)
    assert.equal(rows(folder), 2)

    // The answer says that one row could not be checked.
    assert.equal(await postLogout(application, { sub: 'alice', sid: 'laptop' }), 400)
    assert.equal(rows(folder), 1)
  })

  test('a user cannot keep another user from signing in', async (t) => {
    const { application } = await startEmpty(t)
    const { op, signInNext } = application.provider
    const { sign } = op
    const signsIn = async (sub: string, email: object) => {
      op.sign = (payload, header, key) => sign({ ...(payload as object), ...email }, header, key)
      signInNext({ sub, sid: sub })
      const cookie = await newDevice(application)
      return statusOfMe(application, cookie)
    }
    assert.equal(await signsIn('Alice', {}), 200)
    assert.equal(await signsIn('alice', {}), 200)
    assert.equal(await signsIn('mallory', { email: 'bob@example.com' }), 200)
    assert.equal(await signsIn('bob', { email: 'bob@example.com', email_verified: true }), 200)
  })

  test('with Drizzle, starts without the statements that the page removes', async (t) => {
    const page = readFileSync(join(docs, 'guides/better-auth.md'), 'utf8')
    assert.match(
      page,
      /With Drizzle or Prisma, `getMigrations` ends the process\.\s+So remove the last two statements of `auth\.ts`/,
    )
    const lines = codeBlocks(page)
      .find(({ name }) => name === 'auth.ts')!
      .code.trimEnd()
      .replace("new DatabaseSync('app.db')", "drizzleAdapter(drizzle(new pg.Pool()), { provider: 'pg' })")
      .split('\n')
    const imports = [
      "import { drizzleAdapter } from 'better-auth/adapters/drizzle'",
      "import { drizzle } from 'drizzle-orm/node-postgres'",
      "import pg from 'pg'",
    ]
    const folder = join(docs, 'snippets/better-auth-with-drizzle')
    const startWith = (statements: string[]) => {
      writeFileSync(join(folder, 'auth.ts'), [...imports, ...statements].join('\n'))
      return start(t, { args: () => [join(folder, 'app.ts')] })
    }
    mkdirSync(folder, { recursive: true })
    copyFileSync(sources('guides/better-auth'), join(folder, 'app.ts'))
    await assert.rejects(startWith(lines), /it ended with 1/)
    await startWith(lines.slice(0, -2))
  })

  test('an ID Token alone starts no session', async (t) => {
    const { application, folder } = await startEmpty(t)
    const { base } = application
    const cookie = await newDevice(application)
    const database = new DatabaseSync(join(folder, 'app.db'))
    const { idToken } = database.prepare('SELECT idToken FROM session').get()!
    database.close()
    const body = JSON.stringify({ provider: 'oidc', idToken: { token: idToken } })
    const statusOf = async (path: string, headers: object) => {
      const all = { origin: base, 'content-type': 'application/json', ...headers }
      return (await fetch(`${base}/api/auth${path}`, { method: 'POST', headers: all, body })).status
    }
    assert.deepEqual([await statusOf('/sign-in/social', {}), await statusOf('/link-social', { cookie })], [404, 404])
    assert.equal(rows(folder), 1)
  })

  test('a user cannot change the claims of a session', async (t) => {
    const { application } = await startEmpty(t)
    const { base } = application
    const cookie = await newDevice(application)
    const headers = { cookie, origin: base, 'content-type': 'application/json' }
    const body = JSON.stringify({ sid: 'another', iss: 'https://elsewhere.example', signedInAt: 4_000_000_000 })
    const before = await (await fetch(`${base}/me`, { headers })).json()
    const response = await fetch(`${base}/api/auth/update-session`, { method: 'POST', headers, body })
    assert.equal(response.status, 400)
    assert.deepEqual(await (await fetch(`${base}/me`, { headers })).json(), before)
  })
})

for (const page of ['start/express', 'start/nestjs', 'guides/passport'])
  test(`docs/${page}.md: a sign-out ends the session, even if the session store cannot delete it`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'read-only-'))
    t.after(() => rmSync(folder, { recursive: true }))
    const readOnly = join(folder, 'read-only')
    const args = applications.find((application) => application.page === page)?.args ?? [sources(page)]
    const preloaded = [`--import=${join(import.meta.dirname, 'read-only-preload.ts')}`, ...args]
    const application = await start(t, { args: () => preloaded, env: { READ_ONLY: readOnly } })
    const { base, output } = application
    const cookie = await newDevice(application)
    assert.equal(await statusOfMe(application, cookie), 200)
    writeFileSync(readOnly, '')
    await fetch(`${base}/logout`, { method: 'POST', headers: { cookie, origin: base }, redirect: 'manual' })
    rmSync(readOnly)
    assert.equal(await statusOfMe(application, cookie), 401, output())
  })

describe('a short SESSION_SECRET', () => {
  // The session libraries of the other pages refuse it themselves.
  const pages = ['start/koa', 'start/express', 'start/nestjs', 'guides/passport', 'guides/better-auth']
  for (const page of pages) {
    test(`ends the application of docs/${page}.md at its start`, async (t) => {
      const args = applications.find((application) => application.page === page)?.args ?? [sources(page)]
      const port = await freePort()
      const env = { ...settings('http://127.0.0.1:1', `http://127.0.0.1:${port}`), SESSION_SECRET: 'x'.repeat(31) }
      const { child, output, ended } = run({ args: () => args }, env, port)
      t.after(() => child.kill())
      assert.deepEqual(await ended, [1, null])
      assert.match(output(), /^Error: SESSION_SECRET needs at least 32 characters\.$/m)
    })
  }
})

describe('the other guides', { concurrency: 2 }, () => {
  for (const page of ['guides/passport', 'guides/better-auth'])
    for (const name of ['SESSION_SECRET', 'CLIENT_SECRET'])
      for (const value of [undefined, ''])
        test(`docs/${page}.md refuses to start if ${name} is ${value === '' ? 'empty' : 'unset'}`, async (t) => {
          const port = await freePort()
          const env = { ...settings('http://127.0.0.1:1', `http://127.0.0.1:${port}`), [name]: value }
          const { child, output, ended } = run({ args: () => [sources(page)] }, env, port)
          t.after(() => child.kill())
          assert.deepEqual(await ended, [1, null])
          assert.equal(output(), `${name} is not set: put it into .env.\n`)
        })
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

      test(`docs/${page}.md signs out everywhere while the provider fails`, async (t) => {
        await signsOutWithoutProvider(await start(t, command))
      })

      test(`docs/${page}.md keeps a session if another site opens /login or /callback`, async (t) => {
        await keepsSession(await start(t, command))
      })

      test(`docs/${page}.md refuses a sign-in that the user cancels, and lets the user try again`, async (t) => {
        await refusesCancelledSignIn(await start(t, command))
      })

      test(`docs/${page}.md answers 400 to wrong answers of a sign-in`, async (t) => {
        await refusesWrongAnswers(await start(t, command))
      })

      test(`docs/${page}.md lets users with long ID Tokens sign in again after a logout`, async (t) => {
        await signsInAgain(await start(t, command))
      })
    }

    test(`docs/${page}.md finishes a sign-in beside another tab whose session has ended`, async (t) => {
      // At each request to /callback, express-openid-connect deletes the data of the sign-in.
      const paths = page === 'migrating' ? ['/me'] : undefined
      await signsInBesideAnotherTab(await start(t, command), paths)
    })

    test(`docs/${page}.md answers 503 while the store is down`, async (t) => {
      await refusesInOutage(t, { args: withOutage(...args) }, page.startsWith('start/'))
    })

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
