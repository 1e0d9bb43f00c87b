// Tests the applications that need a bundler, with the code of their pages. Only the store is replaced, so that it can fail in a
// test. The tests in docs/test run the other applications.
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { before, describe, test } from 'node:test'

import { freePort } from '../../../checks/test-support/src/free-port.ts'
import { passes, run, SECRET, settings, start, statusOfMe, type Command } from '../../test/application.ts'
import { refusesInOutage } from '../../test/outage.ts'
import { keepsSession, refusesCancelledSignIn, signsInAgain, signsInBesideAnotherTab } from '../../test/sign-in.ts'
import { signsOut, signsOutWithoutProvider } from '../../test/sign-out.ts'
import { authjs, type Forge, ironSession } from '../../test/forged-cookies.ts'
import { failingStore } from './failing-store.ts'

const site = resolve(import.meta.dirname, '..')
const folderOf = (page: string): string => join(site, 'snippets', `docs-start-${page}-md`)
const bin = (path: string): string => join(site, 'node_modules', path)

interface Built {
  page: string
  /** The file with the store. */
  source: string
  /** The files that the application needs and that the first command of the page makes. */
  files: Record<string, string>
  build: string[]
  serve: (port: number) => string[]
  forge?: Forge
}

/** The settings that `create-next-app` makes. The compiler of the site has checked the types. */
const nextConfig = 'cacheComponents: true, partialPrefetching: true, typescript: { ignoreBuildErrors: true }'

const built: Built[] = [
  {
    page: 'nextjs',
    source: 'lib/auth.ts',
    files: {
      'package.json': '{ "private": true }',
      'next.config.mjs': `export default { ${nextConfig} }`,
      'app/layout.tsx':
        'export default ({ children }: { children: React.ReactNode }) => <html><body>{children}</body></html>',
    },
    build: [bin('next/dist/bin/next'), 'build'],
    serve: (port) => [bin('next/dist/bin/next'), 'start', '--hostname', '127.0.0.1', '--port', String(port)],
  },
  {
    page: 'nextjs-authjs',
    source: 'auth.ts',
    files: {
      'package.json': '{ "private": true }',
      // Next.js uses this file instead of the file of the page.
      'next.config.mjs': `export default { skipProxyUrlNormalize: true, ${nextConfig} }`,
      'app/layout.tsx':
        'export default ({ children }: { children: React.ReactNode }) => <html><body>{children}</body></html>',
    },
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
    },
    build: [bin('vite/bin/vite.js'), 'build'],
    serve: (port) => [bin('vite/bin/vite.js'), 'preview', '--host', '127.0.0.1', '--port', String(port)],
  },
]

describe('the application of', { concurrency: 3 }, () => {
  for (const { page, source, files, build, serve, forge = ironSession } of built) {
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
        const code = readFileSync(join(cwd, source), 'utf8')
        assert.ok(code.includes('new MemoryStore()'))
        writeFileSync(join(cwd, source), code.replace('new MemoryStore()', failingStore))
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
