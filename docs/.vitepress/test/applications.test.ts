// Tests the applications that need a bundler, with the code of their pages. Only the store is replaced, so that it can fail in a
// test. Each application also has the route /events of docs/guides/live.md. The tests in docs/test run the other applications.
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { before, describe, test } from 'node:test'

import { bulletCode, codeBlocks, replaceOnce } from '../../../checks/scripts/code-blocks.ts'
import { freePort } from '../../../checks/test-support/src/free-port.ts'
import {
  newDevice,
  passes,
  postLogout,
  run,
  SECRET,
  settings,
  start,
  statusOfMe,
  type Command,
} from '../../test/application.ts'
import { refusesInOutage } from '../../test/outage.ts'
import { keepsSession, refusesCancelledSignIn, signsInAgain, signsInBesideAnotherTab } from '../../test/sign-in.ts'
import { signsOut, signsOutWithoutProvider } from '../../test/sign-out.ts'
import { authjs, type Forge, ironSession } from '../../test/forged-cookies.ts'
import { failingStore } from './failing-store.ts'

const site = resolve(import.meta.dirname, '..')
const folderOf = (page: string): string => join(site, 'snippets', `docs-start-${page}-md`)
const bin = (path: string): string => join(site, 'node_modules', path)

const textOf = (page: string): string => readFileSync(join(site, '..', `${page}.md`), 'utf8')

const live = textOf('guides/live')
const inLive = (start: string, pattern: RegExp): string => bulletCode(live, start, pattern)[0]
const eventsFile = codeBlocks(live).find(({ name }) => name === 'events.ts')!.code

/** Returns the route `/events`. `claims` is the code that reads the claims, and `answer` is the code that makes the stream. */
const eventsRoute = (imports: string, head: string, claims: string, answer: string): string => `${imports}
  const events = createEvents(logout)
  ${head} {
    ${claims}
    return claims ? ${answer} : new Response('You are not signed in.', { status: 401 })
  }`
const nextEvents = (imports: string, claims: RegExp): Record<string, string> => ({
  'lib/events.ts': eventsFile,
  'app/events/route.ts': eventsRoute(
    `import { createEvents } from '../../lib/events'\n${imports}`,
    'export async function GET(request: Request)',
    inLive('In Next.js', claims),
    inLive('In Next.js', /^events\(/),
  ),
})

/** What the Notes of docs/start/nextjs.md say about the Pages Router. */
const inPagesRouter = (pattern: RegExp): string => bulletCode(textOf('start/nextjs'), 'In the Pages Router', pattern)[0]
const pagesRouter: Record<string, string> = {
  'pages/api/backchannel-logout.ts': `import { backchannelLogout } from '@bcl/node'
    import { logout } from '../../lib/logout'
    ${inPagesRouter(/^export default /)}`,
  'pages/account.tsx': `import { getIronSession } from 'iron-session'
    import type { GetServerSideProps } from 'next'
    import { logout, sessionOptions, type Session } from '../lib/logout'

    export const getServerSideProps: GetServerSideProps = async ({ req, res }) => {
      const { claims } = await ${inPagesRouter(/^getIronSession/)}
      if (!claims || (await logout.isLoggedOut(claims))) return { redirect: { destination: '/login', permanent: false } }
      return { props: { sub: claims.sub } }
    }
    export default function Account({ sub }: { sub: string }) {
      return <p>{sub}</p>
    }`,
}

interface Built {
  page: string
  /** The file with the store. */
  source: string
  /** The files that the application needs and that the first command of the page makes. Also the files of other pages. */
  files: Record<string, string>
  /** Changes of the page's files that the notes or another page describe. */
  edits: { file: string; old: string; by: string }[]
  build: string[]
  serve: (port: number) => string[]
  forge?: Forge
}

/** The settings that `create-next-app` makes. The compiler of the site has checked the types. */
const nextConfig = 'cacheComponents: true, partialPrefetching: true, typescript: { ignoreBuildErrors: true }'

const built: Built[] = [
  {
    page: 'nextjs',
    source: 'lib/logout.ts',
    files: {
      ...nextEvents(
        "import { getSession } from '../../lib/auth'\nimport { logout } from '../../lib/logout'",
        /^const \{ claims \} = /,
      ),
      ...pagesRouter,
      'package.json': '{ "private": true }',
      'next.config.mjs': `export default { ${nextConfig} }`,
      'app/layout.tsx':
        'export default ({ children }: { children: React.ReactNode }) => <html><body>{children}</body></html>',
    },
    edits: [{ file: 'proxy.ts', old: inPagesRouter(/^\(\?!backchannel-logout/), by: inPagesRouter(/^\(\?!api\//) }],
    build: [bin('next/dist/bin/next'), 'build'],
    serve: (port) => [bin('next/dist/bin/next'), 'start', '--hostname', '127.0.0.1', '--port', String(port)],
  },
  {
    page: 'nextjs-authjs',
    source: 'auth.ts',
    files: {
      ...nextEvents("import { logout, readCookie } from '../../auth'", /^const claims = /),
      'package.json': '{ "private": true }',
      // Next.js uses this file instead of the file of the page.
      'next.config.mjs': `export default { skipProxyUrlNormalize: true, ${nextConfig} }`,
      'app/layout.tsx':
        'export default ({ children }: { children: React.ReactNode }) => <html><body>{children}</body></html>',
    },
    edits: [
      { file: 'auth.ts', old: 'function readCookie', by: 'export function readCookie' },
      { file: 'proxy.ts', old: inLive('In Next.js', /^\(\?!$/), by: `(?!${inLive('In Next.js', /^events\$/)}` },
    ],
    build: [bin('next/dist/bin/next'), 'build'],
    serve: (port) => [bin('next/dist/bin/next'), 'start', '--hostname', '127.0.0.1', '--port', String(port)],
    forge: authjs,
  },
  {
    page: 'sveltekit',
    source: 'src/lib/server/auth.ts',
    files: {
      'package.json': '{ "private": true, "type": "module" }',
      'tsconfig.json': '{ "extends": "./.svelte-kit/tsconfig.json" }',
      'src/app.html': '<!doctype html><html><head>%sveltekit.head%</head><body>%sveltekit.body%</body></html>',
      'src/lib/server/events.ts': eventsFile,
      'src/routes/events/+server.ts': eventsRoute(
        `import { kept, logout, sessionMaxAge, type Session } from '../../lib/server/auth'
         import { createEvents } from '../../lib/server/events'`,
        'export async function GET({ cookies, request })',
        inLive('In SvelteKit', /^const \{ claims \} = /),
        inLive('In SvelteKit', /^events\(/),
      ),
    },
    edits: [
      {
        file: 'src/hooks.server.ts',
        old: "['/login', '/callback', '/logout']",
        by: inLive('In SvelteKit', /^\['\/login'/),
      },
    ],
    build: [bin('vite/bin/vite.js'), 'build'],
    serve: (port) => [bin('vite/bin/vite.js'), 'preview', '--host', '127.0.0.1', '--port', String(port)],
  },
]

describe('the application of', { concurrency: 3 }, () => {
  for (const { page, source, files, edits, build, serve, forge = ironSession } of built) {
    const cwd = folderOf(page)
    const command: Command = { args: serve, cwd }
    const elsewhere = settings('http://127.0.0.1:1', 'http://127.0.0.1:2')

    // One test at a time, because the last test builds the application again.
    describe(`docs/start/${page}.md`, { concurrency: 1, timeout: 300_000 }, () => {
      before(async () => {
        for (const [file, content] of Object.entries(files)) {
          mkdirSync(dirname(join(cwd, file)), { recursive: true })
          writeFileSync(join(cwd, file), content)
        }
        for (const { file, old, by } of [...edits, { file: source, old: 'new MemoryStore()', by: failingStore }]) {
          const path = join(cwd, file)
          writeFileSync(path, replaceOnce(readFileSync(path, 'utf8'), old, by))
        }
        const { output, ended } = run({ args: () => build, cwd }, elsewhere, 0)
        assert.deepEqual(await ended, [0, null], output())
      })

      test('passes the conformance cases, and logs each logout', async (t) => passes(await start(t, command)))

      test('has buttons that sign out here, at the provider, and everywhere, and logs no error', async (t) => {
        const application = await start(t, command)
        await signsOut(application)
        assert.doesNotMatch(application.output(), /error/i)
      })

      test('signs out everywhere while the provider fails', async (t) => {
        await signsOutWithoutProvider(await start(t, command))
      })

      test('keeps a session if another site opens /login or /callback', async (t) => {
        await keepsSession(await start(t, command))
      })

      test('finishes a sign-in beside another tab whose session has ended', async (t) => {
        await signsInBesideAnotherTab(await start(t, command))
      })

      // Auth.js has a page of its own for this case.
      if (page !== 'nextjs-authjs')
        test('refuses a sign-in that the user cancels, and lets the user try again', async (t) => {
          await refusesCancelledSignIn(await start(t, command))
        })

      test('lets users with long ID Tokens sign in again after a logout', async (t) => {
        await signsInAgain(await start(t, command))
      })

      test('sends the logout to an open page, and to a page that was loaded before the logout', async (t) => {
        const application = await start(t, command)
        const events = (cookie: string) =>
          fetch(`${application.base}/events`, { headers: { cookie }, signal: AbortSignal.timeout(10_000) })
        const cookie = await newDevice(application)
        assert.equal((await events('')).status, 401)
        const open = await events(cookie)
        assert.equal(open.status, 200)
        assert.equal(await postLogout(application, { sub: 'alice', sid: undefined }), 200)
        assert.match(await open.text(), /^event: logged-out$/m)
        assert.match(await (await events(cookie)).text(), /^event: logged-out$/m)
      })

      if (page === 'nextjs')
        test('ends the session in the Pages Router', async (t) => {
          const application = await start(t, command)
          const headers = { cookie: await newDevice(application) }
          const statusOf = async () =>
            (await fetch(`${application.base}/account`, { headers, redirect: 'manual' })).status
          assert.equal(await statusOf(), 200)
          assert.equal(await postLogout(application, { sub: 'alice', sid: undefined }, '/api/backchannel-logout'), 200)
          assert.equal(await statusOf(), 307)
        })

      test('answers 503 while the store is down', async (t) => refusesInOutage(t, command))

      test('refuses a forged cookie', async (t) => {
        const application = await start(t, command)
        const statusOf = async (guess: string) => statusOfMe(application, await forge(application, guess))
        assert.equal(await statusOf(SECRET), 200, 'the forged cookie has the wrong form')
        assert.equal(await statusOf('another-secret-that-somebody-has-guessed'), 401)
      })

      for (const value of [undefined, '']) {
        test(`answers nothing if SESSION_SECRET is ${value === '' ? 'empty' : 'unset'}`, async (t) => {
          const port = await freePort()
          const { child, output, printed } = run(command, { ...elsewhere, SESSION_SECRET: value }, port)
          t.after(() => child.kill())
          const ask = () => fetch(`http://127.0.0.1:${port}/me`).catch(() => undefined)
          let answer = await ask()
          while (!answer && child.exitCode === null) answer = await ask()
          // SvelteKit ends, and Next.js answers every request with an error.
          assert.equal(answer?.status ?? 500, 500, output())
          await printed(/SESSION_SECRET is not set: put it into \.env(?:\.local)?\./)
        })
      }

      test('is not built if SESSION_SECRET is empty', async () => {
        const { output, ended } = run({ args: () => build, cwd }, { ...elsewhere, SESSION_SECRET: '' }, 0)
        assert.deepEqual(await ended, [1, null])
        assert.match(output(), /SESSION_SECRET is not set: put it into \.env(?:\.local)?\./)
      })
    })
  }
})
