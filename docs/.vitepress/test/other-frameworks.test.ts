// Builds and runs the applications of docs/guides/other-frameworks.md that need a bundler, with the code of the page. Only the
// issuer and the store are replaced. docs/test runs the other applications of the page.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { after, before, describe, test } from 'node:test'

import { sessionClaims } from '@bcl/core'
import { createBrowser, createTestIssuer, type FetchLike } from '@bcl/testing'
import { sealData } from 'iron-session'
import * as openid from 'openid-client'

import { codeBlocks, replaceOnce } from '../../../checks/scripts/code-blocks.ts'
import { passesCases, run, SECRET, settings, start, type Application } from '../../test/application.ts'
import { failingStore } from './failing-store.ts'

const site = resolve(import.meta.dirname, '..')
const bin = (path: string): string => join(site, 'node_modules', path)
const page = readFileSync(join(site, '../guides/other-frameworks.md'), 'utf8')
const blocks = codeBlocks(page)

/** Returns the code of the page for a file. */
function codeOf(file: string): string {
  const block = blocks.find(({ name }) => name === file)
  assert.ok(block, `the page has no code for ${file}`)
  return block.code
}

/** `logout.ts` with the provider of the test and with a store that can fail. */
const logoutCode = replaceOnce(
  replaceOnce(codeOf('logout.ts'), "'https://op.example.com'", 'process.env.ISSUER!'),
  'new MemoryStore()',
  failingStore,
)

interface Framework {
  /** The files that the page shows for this framework. */
  ofPage: string[]
  /** The files that an application of this framework also has. */
  others: Record<string, string>
  build: string[]
  serve: string[]
  /** The compiler settings that check the types of the page's code against the types of the framework. */
  types: string
}

const tsconfig = JSON.stringify({
  extends: '../../../tsconfig.json',
  compilerOptions: { noPropertyAccessFromIndexSignature: false }, // for the code that this test puts into `logout.ts`
  include: ['types.ts'],
})

const frameworks: Record<string, Framework> = {
  Nuxt: {
    ofPage: ['server/routes/backchannel-logout.ts', 'server/routes/me.ts'],
    others: { 'nuxt.config.ts': "export default defineNuxtConfig({ compatibilityDate: '2026-11-01' })" },
    build: [bin('nuxt/bin/nuxt.mjs'), 'build'],
    serve: ['.output/server/index.mjs'],
    types: '.nuxt/tsconfig.server.json',
  },
  'React Router': {
    ofPage: ['app/routes/backchannel-logout.ts', 'app/routes/me.ts'],
    others: {
      'vite.config.ts': `import { reactRouter } from '@react-router/dev/vite'
        export default { plugins: [reactRouter()] }`,
      'app/routes.ts': `import { route } from '@react-router/dev/routes'
        export default [${[...page.matchAll(/`(route\('.*?'\))`/g)].map(([, call]) => call).join()}]`,
      'app/root.tsx': 'export default () => null',
      // The applications have no pages. The usual file needs one more package.
      'app/entry.server.ts': 'export default () => new Response(null, { status: 500 })',
      'tsconfig.json': tsconfig,
      'types.ts': `import type { ActionFunction, LoaderFunction } from 'react-router'
        import { action, loader } from './app/routes/backchannel-logout.ts'
        import { loader as me } from './app/routes/me.ts'
        export const checked: [ActionFunction, LoaderFunction, LoaderFunction] = [action, loader, me]`,
    },
    build: [bin('@react-router/dev/bin.cjs'), 'build'],
    serve: [bin('@react-router/serve/bin.cjs'), 'build/server/index.js'],
    types: 'tsconfig.json',
  },
  Astro: {
    ofPage: ['astro.config.mjs', 'src/middleware.ts', 'src/pages/backchannel-logout.ts', 'src/pages/me.ts'],
    others: {
      'src/pages/about.ts': "export const GET = () => new Response('about us')",
      'tsconfig.json': tsconfig,
      'types.ts': `import type { APIRoute, MiddlewareHandler } from 'astro'
        import { onRequest } from './src/middleware.ts'
        import { ALL } from './src/pages/backchannel-logout.ts'
        import { GET } from './src/pages/me.ts'
        export const checked: [MiddlewareHandler, APIRoute, APIRoute] = [onRequest, ALL, GET]`,
    },
    build: [bin('astro/bin/astro.mjs'), 'build'],
    serve: ['dist/server/entry.mjs'],
    types: 'tsconfig.json',
  },
}

/**
 * Returns a `fetch` that adds the routes `/login` and `/callback` to the application. The page shows only how an application reads
 * a session. So these routes write the cookie, as `signIn` on the page Session libraries does.
 */
async function withSignIn({ base, issuer }: Application): Promise<FetchLike> {
  const client = await openid.discovery(new URL(issuer), 'my-client', 'my-secret', undefined, {
    execute: [openid.allowInsecureRequests],
  })
  const verifiers = new Map<string, string>()
  const routes: Record<string, (url: URL) => Promise<Headers>> = {
    async '/login'() {
      const [state, verifier] = [openid.randomState(), openid.randomPKCECodeVerifier()]
      verifiers.set(state, verifier)
      const location = openid.buildAuthorizationUrl(client, {
        redirect_uri: `${base}/callback`,
        scope: 'openid',
        state,
        code_challenge: await openid.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      })
      return new Headers({ location: location.href })
    },
    async '/callback'(url) {
      const state = url.searchParams.get('state')!
      const checks = { expectedState: state, pkceCodeVerifier: verifiers.get(state)!, idTokenExpected: true }
      const tokens = await openid.authorizationCodeGrant(client, url, checks)
      const session = { claims: sessionClaims(tokens.claims()!) }
      const cookie = await sealData(session, { password: SECRET, ttl: 8 * 60 * 60 })
      return new Headers({ location: '/me', 'set-cookie': `session=${cookie}; Path=/; HttpOnly` })
    },
  }
  return async (url, init) => {
    const route = url.startsWith(base) ? routes[new URL(url).pathname] : undefined
    if (route) return new Response(null, { status: 302, headers: await route(new URL(url)) })
    return fetch(url, { ...init, redirect: 'manual' })
  }
}

describe('other-frameworks.md: the application of', { concurrency: 3 }, () => {
  for (const [name, { ofPage, others, build, serve, types }] of Object.entries(frameworks)) {
    // One after the other, because all tests use one application.
    describe(name, { concurrency: 1, timeout: 300_000 }, () => {
      const cwd = join(site, 'snippets/other-frameworks', name.replace(' ', '-').toLowerCase())
      const folder = mkdtempSync(join(tmpdir(), 'outage-'))
      const outage = join(folder, 'outage')
      const ends: (() => void)[] = []
      let application: Application

      before(async () => {
        const files: Record<string, string> = {
          'package.json': '{ "private": true, "type": "module" }',
          'logout.ts': logoutCode,
          ...Object.fromEntries(['session-of.ts', 'signed-in.ts', ...ofPage].map((file) => [file, codeOf(file)])),
          ...others,
        }
        rmSync(cwd, { recursive: true, force: true })
        for (const [file, content] of Object.entries(files)) {
          mkdirSync(dirname(join(cwd, file)), { recursive: true })
          writeFileSync(join(cwd, file), content)
        }
        const elsewhere = settings('http://127.0.0.1:1', 'http://127.0.0.1:2')
        const { output, ended } = run({ args: () => build, cwd }, elsewhere, 0)
        assert.deepEqual(await ended, [0, null], output())
        const args = (port: number) => [`PORT=${port}`, 'HOST=127.0.0.1', process.execPath, ...serve]
        application = await start(
          { after: (end) => ends.push(end) },
          { program: 'env', args, cwd, env: { OUTAGE: outage } },
        )
      })
      after(() => {
        for (const end of ends) end()
        rmSync(folder, { recursive: true })
      })

      test('fits the types of the framework', async () => {
        const args = [bin('typescript/bin/tsc'), '--noEmit', '-p', types]
        const { output, ended } = run({ args: () => args, cwd }, {}, 0)
        assert.deepEqual(await ended, [0, null], output())
      })

      test('passes the conformance cases', async () => {
        await passesCases(application, await withSignIn(application))
      })

      test('ends the session that the provider names, and refuses a forged token', { timeout: 20_000 }, async (t) => {
        const { base, issuer, provider, output } = application
        const withRoutes = await withSignIn(application)
        const signIn = async (sid: string) => {
          const browser = createBrowser(withRoutes, provider)
          provider.signInNext({ sub: 'alice', sid })
          assert.deepEqual(await browser.visit(`${base}/login`), { status: 200, url: `${base}/me` })
          return browser
        }
        const devices = [await signIn('laptop'), await signIn('phone')]
        const statuses = () => Promise.all(devices.map((device) => device.look(`${base}/me`)))
        const post = async (token: string) => {
          const body = new URLSearchParams({ logout_token: token })
          return (await fetch(`${base}/backchannel-logout`, { method: 'POST', body })).status
        }
        // The answer can arrive before the output.
        const logs = async (line: RegExp) => {
          while (!line.test(output())) {
            t.signal.throwIfAborted()
            await new Promise(setImmediate)
          }
        }

        for (const method of ['GET', 'PUT']) {
          assert.equal((await fetch(`${base}/backchannel-logout`, { method })).status, 405, method)
        }
        const forger = await createTestIssuer({ issuer, clientId: 'my-client' })
        assert.equal(await post(await forger.logoutToken({ sid: 'laptop' })), 400)
        await logs(/^logout: refused ERR_LOGOUT_TOKEN_SIGNATURE$/m)
        assert.deepEqual(await statuses(), [200, 200])
        assert.equal(await post(await provider.op.logoutToken({ sid: 'laptop' })), 200)
        await logs(/^logout: logged_out *$/m)
        assert.deepEqual(await statuses(), [401, 200])

        const cookie = devices[1]!.cookiesFor(base).join('; ')
        const show = async () => {
          const response = await fetch(`${base}/me`, { headers: { cookie } })
          return { status: response.status, text: await response.text() }
        }
        assert.deepEqual(await show(), { status: 200, text: '{"user":"alice"}' })
        writeFileSync(outage, '')
        assert.deepEqual(await show(), { status: 503, text: 'Sessions cannot be checked at the moment.' })
        rmSync(outage)
        assert.equal((await show()).status, 200)
      })

      if (name === 'Astro')
        test('checks the origin of forms, and the session on all paths except the public ones', async () => {
          const { base } = application
          const statusOf = async (path: string, init?: RequestInit) => (await fetch(base + path, init)).status
          const statusOfForm = (path: string, headers = {}) =>
            statusOf(path, { method: 'POST', headers, body: new URLSearchParams({ a: 'b' }) })
          const own = { origin: 'https://app.example.com' }
          assert.equal(await statusOfForm('/logout'), 403)
          assert.equal(await statusOfForm('/logout', { origin: 'https://evil.example.com' }), 403)
          assert.equal(await statusOfForm('/logout', { origin: 'null', 'sec-fetch-site': 'cross-site' }), 403)
          assert.equal(await statusOfForm('/other', { origin: 'null', 'sec-fetch-site': 'same-origin' }), 401)
          assert.equal(await statusOfForm('/logout', own), 404, 'the application of this test has no such route')
          assert.equal(await statusOfForm('/other', own), 401)
          assert.equal(await statusOfForm('/?_action=remove', own), 401, 'an action through a public page')
          const action = '/backchannel-logout?_action=remove'
          assert.equal(await statusOfForm(action), 403, 'an action of another site, through the endpoint')
          assert.equal(await statusOfForm(action, own), 401, 'an action through the endpoint')
          assert.equal(
            await statusOf('/_image'),
            400,
            'Astro answers itself, because the address of the image is missing',
          )
          assert.deepEqual(
            await Promise.all(['/', '/other', '/me', '/%6de', '/login/../me'].map((path) => statusOf(path))),
            [404, 401, 401, 401, 401],
          )
          assert.equal(await statusOf('/about'), 200, 'this page is rendered during the build')
        })
    })
  }
})
