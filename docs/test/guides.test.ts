// Tests the code of the guides unchanged. All code runs in this process.
import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { readFileSync } from 'node:fs'
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type RequestListener,
  type Server,
} from 'node:http'
import { connect as connectTcp, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, test, type TestContext } from 'node:test'

import { createBackchannelLogout, MemoryStore, type BackchannelLogout, type SessionClaims } from '@bcl/core'
import { backchannelLogout } from '@bcl/node'
import { createTestIssuer } from '@bcl/testing'
import { metrics, type MeterProvider } from '@opentelemetry/api'
import fastifySecureSession from '@fastify/secure-session'
import Fastify from 'fastify'
import * as h3version1 from 'h3-1'
import { Hono } from 'hono'
import { sealData } from 'iron-session'
import { createLocalJWKSet, createRemoteJWKSet, customFetch, UnsecuredJWT, type JWTVerifyGetKey } from 'jose'
import * as openid from 'openid-client'
import { Pool } from 'pg'

import { freePort } from '../../checks/test-support/src/free-port.ts'
import { startProxy } from '../../checks/test-support/src/proxy.ts'
import { run } from './application.ts'
import { codeBlocks } from '../../checks/scripts/code-blocks.ts'
import { compileNest } from './nest.ts'
import { writeCode } from './page-code.ts'
import { createApp as createShop } from '../snippets/docs-deploying-docker-md/server.ts'
import { createApp as createLimitedApp } from '../snippets/docs-guides-rate-limits-md/app.ts'
import { createApp as createApi } from '../snippets/docs-guides-access-tokens-md/app.ts'
import { createAuthenticate } from '../snippets/docs-guides-access-tokens-md/authenticate.ts'
import { createIsActive } from '../snippets/docs-guides-access-tokens-md/introspection.ts'
import { createProvider, lazily } from '../snippets/docs-guides-provider-down-md/provider.ts'
import { startWarming } from '../snippets/docs-guides-provider-down-md/readiness.ts'
import { createCheck } from '../snippets/docs-guides-refresh-tokens-md/check.ts'
import { revokeOfflineTokens } from '../snippets/docs-guides-refresh-tokens-md/offline.ts'
import { createSessions, type Row } from '../snippets/docs-guides-refresh-tokens-md/sessions.ts'
import { createActiveSession, createProxy, keepClaims } from '../snippets/docs-migrating-md/auth0-logout.ts'
import { createApp as createMigrated } from '../snippets/docs-migrating-md/after.ts'
import { rolesOf } from '../snippets/docs-migrating-md/protect.ts'
import { createMetrics } from '../snippets/docs-guides-metrics-md/metrics.ts'
import { createApp as createElysia } from '../snippets/docs-guides-other-frameworks-md/elysia.ts'
import { createApp as createH3 } from '../snippets/docs-guides-other-frameworks-md/h3.ts'
import { createHandler as createTrpc } from '../snippets/docs-guides-other-frameworks-md/trpc.ts'
import { createLogout as createTenantsLogout } from '../snippets/docs-guides-tenants-md/tenants.ts'
import { signOutEverywhere } from '../snippets/docs-sign-out-everywhere-md/sign-out.ts'

const op = await createTestIssuer()
const createLogout = (options = {}) =>
  createBackchannelLogout({ issuers: [op.trusted], sessionMaxAge: 3600, store: new MemoryStore(), ...options })
const now = () => Math.floor(Date.now() / 1000)

async function listen(t: TestContext, listener: RequestListener | Server): Promise<string> {
  const server = typeof listener === 'function' ? createServer(listener) : listener
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const post = async (url: string, claims: object = {}) =>
  (await fetch(url, { method: 'POST', body: new URLSearchParams({ logout_token: await op.logoutToken(claims) }) }))
    .status

test('rate-limits.md: a burst of logouts passes, and other requests are limited', async (t) => {
  const base = await listen(t, createLimitedApp(createLogout()))
  const statuses = await Promise.all(
    Array.from({ length: 150 }, (_, index) => post(`${base}/backchannel-logout`, { sid: `s-${index}` })),
  )
  assert.deepEqual(new Set(statuses), new Set([200]))
  const others = await Promise.all(Array.from({ length: 150 }, async () => (await fetch(base)).status))
  assert.equal(others.filter((status) => status === 429).length, 50)
})

test('rate-limits.md: behind a proxy, the setting of the page gives each user a limit', async (t) => {
  const page = readFileSync(join(import.meta.dirname, '../guides/rate-limits.md'), 'utf8')
  assert.match(page, /^Behind a proxy, also set `app\.set\('trust proxy', 1\)`\./m)
  const app = createLimitedApp(createLogout())
  app.set('trust proxy', 1)
  const base = await listen(t, app)
  const statusFor = async (address: string) => {
    const response = await fetch(base, { headers: { 'x-forwarded-for': address } })
    await response.body?.cancel()
    return response.status
  }
  const statuses = await Promise.all(Array.from({ length: 101 }, () => statusFor('203.0.113.1')))
  assert.equal(statuses.filter((status) => status === 429).length, 1)
  assert.equal(await statusFor('203.0.113.2'), 200)
})

test('access-tokens.md: a token that was refreshed after the logout is refused', async (t) => {
  t.mock.method(console, 'error', () => {})
  const logout = createLogout()
  const signedInAt = now() - 60
  const tokenOf = (sid: string, claims = {}) => {
    const payload = {
      iss: op.issuer,
      aud: 'api',
      sub: 'alice',
      sid,
      auth_time: signedInAt,
      exp: now() + 300,
      ...claims,
    }
    return op.sign(payload, { alg: 'RS256', kid: op.key.kid, typ: 'at+jwt' })
  }
  const ask = async (accessToken?: string, receiver = logout, keys: JWTVerifyGetKey = createLocalJWKSet(op.jwks)) => {
    const api = createApi(receiver, createAuthenticate(receiver, { issuer: op.issuer, audience: 'api', keys }))
    const headers: Record<string, string> = accessToken === undefined ? {} : { authorization: `Bearer ${accessToken}` }
    return api.request('/me', { headers })
  }
  const statusOf = async (...request: Parameters<typeof ask>) => (await ask(...request)).status

  const token = await tokenOf('s-1', { iat: signedInAt })
  assert.deepEqual(await (await ask(token)).json(), { sub: 'alice', sid: 's-1' })
  const body = new URLSearchParams({ logout_token: await op.logoutToken({ sub: 'alice', sid: 's-1' }) })
  const api = createApi(logout, () => assert.fail('the endpoint needs no access token'))
  assert.equal((await api.request('/backchannel-logout', { method: 'POST', body })).status, 200)
  assert.equal(await statusOf(token), 401)
  assert.equal(await statusOf(await tokenOf('s-1', { iat: now() + 5 })), 401)
  const other = await tokenOf('s-2')
  assert.equal(await statusOf(other), 200)

  assert.equal(await statusOf(await tokenOf('s-2', { auth_time: undefined })), 401)
  assert.equal(await statusOf(await tokenOf('s-2', { sid: undefined })), 401)
  assert.equal(await statusOf(await tokenOf('s-2', { aud: 'another' })), 401)
  assert.equal(await statusOf(await tokenOf('s-2', { exp: now() - 5 })), 401)
  assert.equal(await statusOf(), 401)
  assert.equal((await ask('no-token')).headers.get('www-authenticate'), 'Bearer')

  const isLoggedOut = async () => assert.fail('the store is down')
  assert.equal(await statusOf(other, { ...logout, isLoggedOut }), 503)
  const answers: Record<string, () => Promise<Response>> = {
    'no answer': async () => Promise.reject(new TypeError('fetch failed')),
    'an error': async () => new Response(null, { status: 500 }),
    'no JSON': async () => new Response('<html>'),
    'no keys': async () => Response.json({}),
  }
  for (const [name, answer] of Object.entries(answers)) {
    const keys = createRemoteJWKSet(new URL(`${op.issuer}/jwks`), { [customFetch]: answer })
    assert.equal(await statusOf(other, logout, keys), 503, name)
  }
})

test('access-tokens.md: an attacker cannot write text to the log', async (t) => {
  const log = t.mock.method(console, 'error', () => {})
  const logout = createLogout()
  const keys = createLocalJWKSet(op.jwks)
  const api = createApi(logout, createAuthenticate(logout, { issuer: op.issuer, audience: 'api', keys }))
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
  const text = 'x\nlogout: logged_out'
  for (const header of [{ crit: [text] }, { typ: text }, { kid: text }, { alg: text }]) {
    const token = `${encode({ alg: 'RS256', ...header })}.${encode({ iss: text, aud: 'api' })}.AAAA`
    assert.equal((await api.request('/me', { headers: { authorization: `Bearer ${token}` } })).status, 401)
  }
  for (const { arguments: line } of log.mock.calls) assert.doesNotMatch(line.join(' '), /logged_out/)
})

/** Starts an authorization server that answers introspection, revocation and refresh requests. */
function createAuthorizationServer(answers: Record<string, () => object | null | Promise<object>>) {
  const requests: string[] = []
  const metadata = { issuer: op.issuer, token_endpoint: `${op.issuer}/token`, jwks_uri: `${op.issuer}/jwks` }
  const configuration = new openid.Configuration(
    {
      ...metadata,
      introspection_endpoint: `${op.issuer}/introspect`,
      revocation_endpoint: `${op.issuer}/revoke`,
    },
    'test-client',
    'secret',
  )
  configuration[openid.customFetch] = async (url, { body }) => {
    const { pathname } = new URL(url)
    const form = new URLSearchParams(String(body))
    requests.push(`${pathname} ${form.get('token') ?? form.get('refresh_token')}`)
    const answer = await answers[pathname]!()
    if (answer instanceof Response) return answer
    return answer === null ? new Response(null) : Response.json(answer)
  }
  return { configuration, requests }
}

test('access-tokens.md: an answer of the provider is reused for some seconds', async () => {
  let active = true
  let aud: string | string[] = 'api'
  const { configuration, requests } = createAuthorizationServer({ '/introspect': () => ({ active, aud }) })
  let time = 1000
  const isActive = createIsActive(configuration, 'api', 10, () => time)
  assert.equal(await isActive('a'), true)
  active = false
  time += 9
  assert.equal(await isActive('a'), true)
  time += 2
  assert.equal(await isActive('a'), false)
  assert.deepEqual(requests, ['/introspect a', '/introspect a'])

  active = true
  assert.equal(await isActive('b'), true)
  aud = ['another', 'api']
  assert.equal(await isActive('c'), true)
  aud = 'another'
  assert.equal(await isActive('d'), false, 'the token is for another API')
})

test('access-tokens.md: a slow answer does not replace the answer to a later question', async () => {
  let isSlow = true
  let answerFirst = (): void => {}
  const { configuration, requests } = createAuthorizationServer({
    '/introspect': async () => {
      if (!isSlow) return { active: false, aud: 'api' }
      await new Promise<void>((resolve) => (answerFirst = resolve))
      return { active: true, aud: 'api' }
    },
  })
  let time = 1000
  const isActive = createIsActive(configuration, 'api', 10, () => time)
  const first = isActive('a')
  while (requests.length === 0) await new Promise((resolve) => setImmediate(resolve))
  isSlow = false
  time += 1
  assert.equal(await isActive('a'), false)
  answerFirst()
  await first
  assert.equal(await isActive('a'), false)
})

test('access-tokens.md: a request without a token gets 401, and causes no request to the provider', async () => {
  const { configuration, requests } = createAuthorizationServer({})
  assert.equal(await createIsActive(configuration, 'api')(''), false)
  assert.deepEqual(requests, [])
})

function createRows() {
  const rows = new Map<string, Row>()
  const table = {
    get: async (id: string) => rows.get(id),
    set: async (id: string, row: Row) => void rows.set(id, row),
    delete: async (id: string) => void rows.delete(id),
  }
  return { rows, table }
}

test('refresh-tokens.md: a token whose revocation failed is revoked at the next request', async () => {
  let isUp = false
  const { configuration, requests } = createAuthorizationServer({
    '/revoke': () => (isUp ? null : assert.fail('the provider is down')),
  })
  const { rows, table } = createRows()
  const sessions = createSessions(op.trusted, configuration, table, new MemoryStore())
  await sessions.start('row-1', { ...op.session({ sid: 's-1' }), aud: 'test-client', exp: now() + 60 }, 'r-1')
  await assert.rejects(sessions.logout.receive(await op.logoutToken({ sid: 's-1' })))
  assert.equal(rows.size, 1)
  isUp = true
  assert.equal(await sessions.accessToken('row-1'), undefined)
  assert.deepEqual(requests, ['/revoke r-1', '/revoke r-1'])
  assert.equal(rows.size, 0)
})

test('refresh-tokens.md: a logout revokes the token, and no refresh works after the logout', async () => {
  let duringRefresh = async (): Promise<unknown> => undefined
  const { configuration, requests } = createAuthorizationServer({
    '/revoke': () => null,
    '/token': async () => {
      await duringRefresh()
      return { access_token: 'new', token_type: 'bearer', refresh_token: 'r-2' }
    },
  })
  const { rows, table } = createRows()
  const sessions = createSessions(op.trusted, configuration, table, new MemoryStore())
  const signIn = (sid: string, id: string) =>
    sessions.start(id, { ...op.session({ sid }), aud: 'test-client', exp: now() + 60 }, 'r-1')
  const logOut = async (sid: string) => sessions.logout.receive(await op.logoutToken({ sid }))

  assert.equal(await signIn('s-1', 'row-1'), true)
  assert.equal(await sessions.accessToken('row-1'), 'new')
  assert.equal(rows.get('row-1')!.refreshToken, 'r-2')
  await logOut('s-1')
  assert.deepEqual(requests, ['/token r-1', '/revoke r-2'])
  assert.equal(rows.size, 0)
  assert.equal(await sessions.accessToken('row-1'), undefined)
  assert.equal(await signIn('s-1', 'row-1'), false, 'the logout arrived before the sign-in')
  assert.equal(rows.size, 0)
  assert.deepEqual(requests.slice(2), ['/revoke r-1'])

  // If a logout arrives during a refresh, only the newest token still has to be revoked.
  await signIn('s-2', 'row-2')
  let loggedOut: Promise<unknown> | undefined
  duringRefresh = async () => {
    loggedOut = logOut('s-2')
    await isOver(sessions.logout, 's-2')
  }
  assert.equal(await sessions.accessToken('row-2'), undefined)
  await loggedOut
  assert.equal(rows.size, 0)
  assert.deepEqual(requests.slice(-2), ['/token r-1', '/revoke r-2'])
})

/** Waits until the logout of a session is stored. */
async function isOver(logout: BackchannelLogout, sid: string): Promise<void> {
  while (!(await logout.isLoggedOut(op.session({ sid })))) await new Promise(setImmediate)
}

test('refresh-tokens.md: if the session cannot be tracked, its token is revoked', async () => {
  const { configuration, requests } = createAuthorizationServer({ '/revoke': () => null })
  const { rows, table } = createRows()
  const down = async () => assert.fail('the store is down')
  const sessions = createSessions(op.trusted, configuration, table, { add: down, values: down, remove: down })
  const claims = { ...op.session({ sid: 's-1' }), aud: 'test-client', exp: now() + 60 }
  await assert.rejects(sessions.start('row-1', claims, 'r-1'), { code: 'ERR_LOGOUT_FAILED' })
  assert.deepEqual(requests, ['/revoke r-1'])
  assert.equal(rows.size, 0)
})

test('refresh-tokens.md: if the session cannot start and its token cannot be revoked, no row stays', async (t) => {
  t.mock.method(console, 'error', () => {})
  const { configuration } = createAuthorizationServer({ '/revoke': () => assert.fail('the provider is down') })
  const { rows, table } = createRows()
  const down = async () => assert.fail('the store is down')
  const claims = { ...op.session({ sid: 's-1' }), aud: 'test-client', exp: now() + 60 }
  const failing = createSessions(op.trusted, configuration, table, { add: down, values: down, remove: down })
  await assert.rejects(failing.start('row-1', claims, 'r-1'), { code: 'ERR_LOGOUT_FAILED' })
  assert.equal(rows.size, 0)

  const ended = createSessions(op.trusted, configuration, table, new MemoryStore())
  await ended.logout.receive(await op.logoutToken({ sid: 's-1' }))
  await assert.rejects(ended.start('row-1', claims, 'r-1'), { code: undefined }) // the error of the revocation
  assert.equal(rows.size, 0)
})

test('refresh-tokens.md: a logout during a refresh revokes the new token, even if the first revocation fails', async () => {
  const steps = new EventEmitter()
  const failed = once(steps, 'failed')
  let isUp = false
  const { configuration, requests } = createAuthorizationServer({
    async '/revoke'() {
      if (requests.at(-1) === '/revoke r-1') await failed
      else if (!isUp) {
        isUp = true
        steps.emit('failed')
        assert.fail('the provider is down')
      }
      return null
    },
    async '/token'() {
      await isOver(sessions.logout, 's-1')
      return { access_token: 'new', token_type: 'bearer', refresh_token: 'r-2' }
    },
  })
  const { rows, table } = createRows()
  const sessions = createSessions(op.trusted, configuration, table, new MemoryStore())
  await sessions.start('row-1', { ...op.session({ sid: 's-1' }), aud: 'test-client', exp: now() + 60 }, 'r-1')
  const refused = assert.rejects(sessions.accessToken('row-1'))
  await sessions.logout.receive(await op.logoutToken({ sid: 's-1' }))
  await refused
  assert.deepEqual(requests, ['/token r-1', '/revoke r-2', '/revoke r-2'])
  assert.equal(rows.size, 0)
})

test('refresh-tokens.md: two requests at once refresh the token only once', async () => {
  let last = 1
  const { configuration, requests } = createAuthorizationServer({
    '/revoke': () => null,
    '/token': async () => {
      await Promise.resolve()
      last += 1
      return { access_token: `a-${last}`, token_type: 'bearer', refresh_token: `r-${last}` }
    },
  })
  const { rows, table } = createRows()
  const sessions = createSessions(op.trusted, configuration, table, new MemoryStore())
  await sessions.start('row-1', { ...op.session({ sid: 's-1' }), aud: 'test-client', exp: now() + 60 }, 'r-1')
  const ask = () => sessions.accessToken('row-1')
  assert.deepEqual(await Promise.all([ask(), ask()]), ['a-2', 'a-2'])
  assert.equal(await ask(), 'a-3')
  await sessions.logout.receive(await op.logoutToken({ sid: 's-1' }))
  assert.deepEqual(requests, ['/token r-1', '/token r-2', '/revoke r-3'])
  assert.equal(rows.size, 0)
})

test('refresh-tokens.md: if the provider refuses the refresh token, the error has the member of the page', async () => {
  const page = readFileSync(join(import.meta.dirname, '../guides/refresh-tokens.md'), 'utf8')
  const [, member, value] = /If `error\.(\w+)` is `'(\w+)'`/.exec(page)!
  const { configuration } = createAuthorizationServer({
    '/token': () => Response.json({ error: 'invalid_grant' }, { status: 400 }),
  })
  const { table } = createRows()
  const sessions = createSessions(op.trusted, configuration, table, new MemoryStore())
  await sessions.start('row-1', { ...op.session(), aud: 'test-client', exp: now() + 60 }, 'r-1')
  await assert.rejects(sessions.accessToken('row-1'), { [member!]: value })
})

test(
  'refresh-tokens.md: if the revocation fails or hangs, the sign-out rejects, but the session has ended',
  { timeout: 20_000 },
  async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const steps = new EventEmitter()
    const { configuration, requests } = createAuthorizationServer({
      async '/revoke'() {
        if (requests.at(-1) === '/revoke fails') assert.fail('the provider is down')
        steps.emit('revoking')
        await once(steps, 'revoked')
        return null
      },
    })
    const { rows, table } = createRows()
    const sessions = createSessions(op.trusted, configuration, table, new MemoryStore())
    const signOut = async (id: string) => {
      const session = op.session({ sid: id })
      await sessions.start(id, { ...session, aud: 'test-client', exp: now() + 60 }, id)
      let hasEnded = false
      const revoking = once(steps, 'revoking')
      const signedOut = sessions.logout.endSession(session).finally(() => (hasEnded = true))
      const rejected = assert.rejects(signedOut, { code: 'ERR_LOGOUT_FAILED' })
      if (id === 'hangs') {
        await revoking
        await new Promise(setImmediate) // now the time-out has started
        t.mock.timers.tick(1999)
        await new Promise(setImmediate)
        assert.equal(hasEnded, false)
        t.mock.timers.tick(1)
      }
      await rejected
      assert.equal(await sessions.logout.isLoggedOut(session), true)
      assert.equal(rows.has(id), true)
    }
    await signOut('fails')
    await signOut('hangs')
    steps.emit('revoked')
    while (rows.has('hangs')) await new Promise(setImmediate)
    assert.deepEqual([...rows.keys()], ['fails'])
  },
)

test('refresh-tokens.md: a token for use after the logout is revoked only if the Logout Token asks for it', async () => {
  let isUp = true
  const { configuration, requests } = createAuthorizationServer({
    '/revoke': () => (isUp ? null : assert.fail('the provider is down')),
  })
  const rows = new Map(['1', '2', '3', '4', '5', '6'].map((n) => [`r-${n}`, { sub: 'alice', sid: `s-${n}` }]))
  rows.set('r-7', { sub: 'bob', sid: 's-7' })
  const logout = createLogout()
  revokeOfflineTokens(logout, configuration, {
    find: async ({ sub, sid }) =>
      [...rows].filter(([, row]) => (sid === undefined ? row.sub === sub : row.sid === sid)).map(([token]) => token),
    delete: async (token) => void rows.delete(token),
  })
  const events = { 'http://schemas.openid.net/event/backchannel-logout': {}, revoke_offline_access: true }
  const revoke = async (sid: string) => logout.receive(await op.logoutToken({ sub: 'alice', sid, events }))

  await logout.receive(await op.logoutToken({ sub: 'alice', sid: 's-1' }))
  await logout.endSession(op.session({ sub: 'alice', sid: 's-2' }))
  assert.deepEqual(requests, [])
  // These two sessions have already ended, so the library would not call `destroySession` for them.
  await revoke('s-1')
  await revoke('s-2')
  await revoke('s-3')
  assert.deepEqual(requests.splice(0), ['/revoke r-1', '/revoke r-2', '/revoke r-3'])

  isUp = false
  const again = await op.logoutToken({ sub: 'alice', sid: 's-4', events })
  await assert.rejects(logout.receive(again))
  isUp = true
  await logout.receive(again)
  assert.deepEqual(requests.splice(0), ['/revoke r-4', '/revoke r-4'])

  await logout.receive(await op.logoutToken({ sub: 'alice', sid: undefined, events }))
  assert.deepEqual(requests, ['/revoke r-5', '/revoke r-6'])
  assert.deepEqual([...rows.keys()], ['r-7'])
})

test('refresh-tokens.md: the check revokes the token of the cookie, and tries again if this fails', async (t) => {
  t.mock.method(console, 'error', () => {})
  let isUp = false
  const { configuration, requests } = createAuthorizationServer({
    '/revoke': () => (isUp ? null : assert.fail('the provider is down')),
  })
  const logout = createLogout()
  const app = new Hono()
  app.use(createCheck(logout, configuration, () => ({ claims: op.session(), refreshToken: 'r-1' })))
  app.get('/me', (c) => c.text('me'))
  const ask = async () => {
    const { status, headers } = await app.request('/me')
    return [status, headers.get('location'), headers.get('set-cookie')]
  }
  assert.deepEqual(await ask(), [200, null, null])
  await logout.receive(await op.logoutToken())
  assert.deepEqual(await ask(), [302, '/login', null])
  isUp = true
  assert.deepEqual(await ask(), [302, '/login', 'session=; Max-Age=0; Path=/'])
  assert.deepEqual(requests, ['/revoke r-1', '/revoke r-1'])
})

test('refresh-tokens.md, access-tokens.md: with the two changes, the code takes a `provider` that is a function', async (t) => {
  const importChanged = async (page: string, name: string) => {
    const { code } = codeBlocks(readFileSync(join(import.meta.dirname, `../guides/${page}.md`), 'utf8')).find(
      (block) => block.name === name,
    )!
    const changed = code
      .replace('provider: openid.Configuration', 'provider: () => Promise<openid.Configuration>')
      .replaceAll('(provider, ', '(await provider(), ')
    return import(writeCode(`docs-guides-${page}-md`, `function-${name}`, changed, []))
  }
  const { configuration, requests } = createAuthorizationServer({
    '/revoke': () => null,
    '/token': () => ({ access_token: 'new', token_type: 'bearer' }),
    '/introspect': () => ({ active: true, aud: 'api' }),
  })
  const provider = t.mock.fn(async () => configuration)
  const [sessionsModule, offline, check, introspection] = await Promise.all([
    importChanged('refresh-tokens', 'sessions.ts'),
    importChanged('refresh-tokens', 'offline.ts'),
    importChanged('refresh-tokens', 'check.ts'),
    importChanged('access-tokens', 'introspection.ts'),
  ])
  const sessions = sessionsModule.createSessions(op.trusted, provider, createRows().table, new MemoryStore())
  await sessions.start('row-1', { ...op.session(), aud: 'test-client', exp: now() + 60 }, 'r-1')
  assert.equal(await sessions.accessToken('row-1'), 'new')
  offline.revokeOfflineTokens(sessions.logout, provider, { find: async () => ['r-2'], delete: async () => {} })
  const app = new Hono()
  app.use(check.createCheck(sessions.logout, provider, () => ({ claims: op.session(), refreshToken: 'r-3' })))
  assert.equal(provider.mock.callCount(), 1, 'the provider is asked only if it is needed')
  const events = { 'http://schemas.openid.net/event/backchannel-logout': {}, revoke_offline_access: true }
  await sessions.logout.receive(await op.logoutToken({ events }))
  assert.equal((await app.request('/me')).status, 302)
  assert.equal(await introspection.createIsActive(provider, 'api')('a'), true)
  assert.deepEqual(requests.toSorted(), ['/introspect a', '/revoke r-1', '/revoke r-2', '/revoke r-3', '/token r-1'])
})

test('provider-down.md: the sign-in works as soon as the provider is back', async (t) => {
  let calls = 0
  const load = lazily(async () => {
    calls += 1
    if (calls === 1) throw new Error('down')
    return calls
  })
  await assert.rejects(load(), /down/)
  assert.deepEqual([await load(), await load()], [2, 2])

  await assert.rejects(createProvider('http://127.0.0.1:1', 'my-client', 'secret')())
  const base = await listen(t, (request, response) => {
    const issuer = `http://${request.headers.host}`
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ issuer, jwks_uri: `${issuer}/jwks` }))
  })
  assert.equal((await createProvider(base, 'my-client', 'secret')()).serverMetadata().issuer, base)
})

test('provider-down.md: the application is ready when it has the keys', async (t) => {
  t.mock.method(console, 'error', () => {})
  let isUp = false
  let resolve = () => {}
  const fetched = new Promise<void>((done) => (resolve = done))
  const keysFetch: typeof fetch = async (...request) => {
    if (!isUp) throw new Error('down')
    const response = await op.fetch(...request)
    if (String(request[0]).includes('jwks')) resolve()
    return response
  }
  const logout = createLogout({ issuers: [{ issuer: op.issuer, clientId: op.clientId }], fetch: keysFetch })
  const { isReady, stop } = startWarming(logout, 10)
  t.after(stop)
  assert.equal(isReady(), false)
  isUp = true
  await fetched
  await logout.warm()
  await new Promise(setImmediate)
  assert.equal(isReady(), true)
})

test('provider-down.md: after stop, no attempt to get the keys is planned', async (t) => {
  t.mock.method(console, 'error', () => {})
  let fail = () => {}
  const warm = () => new Promise<void>((_resolve, reject) => (fail = () => reject(new Error('down'))))
  const { stop } = startWarming({ ...createLogout(), warm }, 10)
  stop()
  const timers = t.mock.method(globalThis, 'setTimeout', () => {})
  fail()
  await new Promise(setImmediate)
  assert.equal(timers.mock.callCount(), 0)
})

test('metrics.md: outcomes, codes and issuers are counted', async () => {
  const { register, onDelivery, onError } = createMetrics()
  // Prometheus does not see the first increase of a counter that did not exist before.
  const rules = readFileSync(join(import.meta.dirname, '../guides/metrics.md'), 'utf8').match(
    /backchannel_\w+(\{[^}]+\})?(?=\[)/g,
  )!
  assert.equal(rules.length, 4)
  const atStart = await register.metrics()
  for (const series of rules) assert.ok(atStart.includes(`\n${series} 0\n`), series)

  const { respond } = createLogout({ onDelivery, onError })
  const contentType = 'application/x-www-form-urlencoded'
  const send = (token: string) => respond({ method: 'POST', contentType, body: `logout_token=${token}` })
  await send(await op.logoutToken())
  await send(await op.logoutToken({ iss: 'https://stranger.example.com' }))
  const text = await register.metrics()
  assert.match(text, /deliveries_total\{outcome="logged_out",code="",iss="https:\/\/op.example.com"\} 1/)
  assert.match(text, /deliveries_total\{outcome="refused",code="ERR_LOGOUT_TOKEN_CLAIM",iss=""\} 1/)
  assert.match(text, /duration_seconds_count\{outcome="logged_out"\} 1/)
})

test('operating.md: the counters of OpenTelemetry for alerts exist from the start', async () => {
  const counts: Record<string, number> = {}
  const instrument = (name: string) => {
    const add = (count: number, attributes: object = {}) => {
      const series = [name, ...Object.values(attributes)].join(' ')
      counts[series] = (counts[series] ?? 0) + count
    }
    return { add, record: (_duration: number, attributes: object) => add(1, attributes) }
  }
  const provider = { getMeter: () => ({ createCounter: instrument, createHistogram: instrument }) }
  metrics.setGlobalMeterProvider(provider as unknown as MeterProvider)
  const { onDelivery, onError } = await import('../snippets/docs-operating-md/telemetry.ts')
  const outcomes = ['logged_out', 'replayed', 'refused', 'failed'].map((name) => `backchannel_logout.outcomes ${name}`)
  const background = 'backchannel_logout.background_errors'
  assert.deepEqual(counts, Object.fromEntries([...outcomes, background].map((name) => [name, 0])))

  const { respond } = createLogout({ onDelivery, onError })
  await respond({
    method: 'POST',
    contentType: 'application/x-www-form-urlencoded',
    body: `logout_token=${await op.logoutToken()}`,
  })
  assert.equal(counts['backchannel_logout.outcomes logged_out'], 1)
  assert.equal(counts['backchannel_logout.duration logged_out'], 1)
  assert.equal(counts['backchannel_logout.deliveries logged_out https://op.example.com test-client'], 1)
})

test('other-frameworks.md: the endpoints and the checks', async (t) => {
  t.mock.method(console, 'error', () => {})
  /** In this test, the session is in a header, not in a cookie. */
  const sessionOf = async ({ headers }: Request) =>
    headers.has('x-sid') ? op.session({ sid: headers.get('x-sid')! }) : undefined
  type Create = (logout: ReturnType<typeof createLogout>) => (request: Request) => Response | Promise<Response>
  const frameworks: Record<string, [create: Create, page: string]> = {
    h3: [(logout) => createH3(logout, sessionOf).fetch, '/me'],
    Elysia: [(logout) => createElysia(logout, sessionOf).handle, '/me'],
    tRPC: [(logout) => createTrpc(logout, sessionOf), '/trpc/me'],
  }
  for (const [name, [create, page]] of Object.entries(frameworks)) {
    const logout = createLogout()
    const statusOf = async (path: string, init?: RequestInit, receiver = logout) =>
      (await create(receiver)(new Request(`https://app.example.com${path}`, init))).status
    const pageStatus = (sid?: string, receiver = logout) =>
      statusOf(page, { headers: sid ? { 'x-sid': sid } : {} }, receiver)
    const pageStatuses = () => Promise.all([pageStatus('a'), pageStatus('b'), pageStatus()])
    assert.deepEqual(await pageStatuses(), [200, 200, 401], name)
    const body = new URLSearchParams({ logout_token: await op.logoutToken({ sid: 'a' }) })
    assert.equal(await statusOf('/backchannel-logout', { method: 'POST', body }), 200, name)
    assert.equal(await statusOf('/backchannel-logout'), 405, name)
    assert.equal(await statusOf('/backchannel-logout', { method: 'PUT' }), 405, name)
    assert.deepEqual(await pageStatuses(), [401, 200, 401], name)
    const isLoggedOut = async () => assert.fail('the store is down')
    assert.equal(await pageStatus('b', { ...logout, isLoggedOut }), 503, name)
  }
})

test('other-frameworks.md: if the session cannot be read or checked, the answer contains no message of the error', async (t) => {
  t.mock.method(console, 'error', () => {})
  const fails = async () => {
    throw new Error('the session store at 10.0.0.5 is down')
  }
  const readable = async () => op.session()
  const request = (path: string) => new Request(`https://app.example.com${path}`)
  for (const [receiver, sessionOf] of [
    [createLogout(), fails],
    [{ ...createLogout(), isLoggedOut: fails }, readable],
  ] as const) {
    const answers: Record<string, Response> = {
      h3: await createH3(receiver, sessionOf).fetch(request('/me')),
      Elysia: await createElysia(receiver, sessionOf).handle(request('/me')),
      tRPC: await createTrpc(receiver, sessionOf)(request('/trpc/me')),
    }
    for (const [name, answer] of Object.entries(answers)) {
      assert.equal(answer.status, 503, name)
      assert.doesNotMatch(await answer.text(), /10\.0\.0\.5/, name)
    }
  }
})

test('other-frameworks.md: with version 1 of h3, a large body of an attacker does not end the process', async (t) => {
  const page = readFileSync(join(import.meta.dirname, '../guides/other-frameworks.md'), 'utf8')
  const { code } = codeBlocks(page).find(({ name }) => name === 'server/routes/backchannel-logout.ts')!
  const [, handler] = /^export default (.*)$/m.exec(code)!
  const logout = createLogout()
  // Runs the line of the page with version 1 of h3.
  const names = { ...h3version1, logout, backchannelLogout }
  const route = new Function(...Object.keys(names), `return ${handler}`)(...Object.values(names)) as never
  const app = h3version1.createApp().use('/backchannel-logout', route)
  const base = await listen(t, h3version1.toNodeListener(app))
  const url = `${base}/backchannel-logout`
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  assert.equal((await fetch(url, { method: 'POST', headers, body: 'a'.repeat(3_000_000) })).status, 413)
  assert.equal(await post(url, { sid: 's-1' }), 200)
  assert.equal(await logout.isLoggedOut(op.session({ sid: 's-1' })), true)
})

test('other-frameworks.md: sessionOf reads the cookie of iron-session', async () => {
  const password = 'at-least-32-characters-that-nobody-can-guess'
  process.env.SESSION_SECRET = password
  const { sessionOf } = await import('../snippets/docs-guides-other-frameworks-md/session-of.ts')
  const claims = op.session()
  const cookie = `session=${await sealData({ claims }, { password, ttl: 3600 })}`
  assert.deepEqual(await sessionOf(new Request('https://app.example.com', { headers: { cookie } })), claims)
  assert.equal(await sessionOf(new Request('https://app.example.com')), undefined)
})

test('migrating.md: nextjs-auth0 keeps the claims of the first ID Token, and checks them', async () => {
  const logout = createLogout()
  const activeSession = createActiveSession(logout)
  const idTokenOf = (iat: number) =>
    new UnsecuredJWT({ ...op.session(), iat, aud: 'test-client', exp: iat + 60 }).encode()
  const signedIn = await keepClaims({ user: 'alice' }, idTokenOf(now() - 60))
  const { iat } = signedIn.claims!
  assert.ok(iat < now())
  const refreshed = await keepClaims(signedIn, idTokenOf(now() + 30))
  assert.deepEqual(refreshed, signedIn)
  // With `challengeMode=popup`, the SDK adds the tokens of a second sign-in to the session.
  const another = new UnsecuredJWT({ ...op.session({ sub: 'bob' }), aud: 'test-client', exp: now() + 60 }).encode()
  await assert.rejects(keepClaims(signedIn, another), /another user/)
  assert.equal(await keepClaims(signedIn, null), signedIn)

  const page = readFileSync(join(import.meta.dirname, '../migrating.md'), 'utf8')
  const [, hook] = /`beforeSessionSaved: (\(\{ user.+)`\.$/m.exec(page)!
  const beforeSessionSaved = new Function('keepClaims', `return ${hook}`)(keepClaims)
  const saved = await beforeSessionSaved({ ...signedIn, user: { sub: 'alice', name: 'Alice', email: 'a@b.c' } }, null)
  assert.deepEqual(saved, { claims: signedIn.claims, user: { sub: 'alice', name: 'Alice' } })

  const [, call] = /`const session = await (activeSession\(.+?\))` +\|$/m.exec(page)!
  /** Calls `activeSession` as the page says. The client of the SDK also uses `this` in `getSession`. */
  const sessionOf = (session: object | null): Promise<object | null> => {
    const auth0 = {
      session,
      async getSession() {
        return this.session
      },
    }
    return new Function('activeSession', 'auth0', `return ${call}`)(activeSession, auth0)
  }
  assert.deepEqual(await sessionOf(refreshed), signedIn)
  await logout.receive(await op.logoutToken())
  assert.equal(await sessionOf(refreshed), null)
  assert.equal(await sessionOf({ user: 'from before the migration' }), null)
  assert.equal(await sessionOf(null), null)
})

test('migrating.md: the routes of nextjs-auth0 refuse an ended session, and its sign-out ends all copies', async (t) => {
  t.mock.method(console, 'error', () => {})
  const store = new MemoryStore()
  const logout = createBackchannelLogout({ issuers: [op.trusted], sessionMaxAge: 3600, store })
  let session: { claims?: SessionClaims } | null = null
  const proxy = createProxy(logout, {
    getSession: async () => session,
    middleware: async () => new Response('the SDK'),
  })
  /** With `basePath: '/base'`, the SDK accepts the path with and without `/base`. */
  const ask = async (path: string) => {
    const nextUrl = { basePath: path.startsWith('/base') ? '/base' : '', pathname: path }
    return (await proxy(Object.assign(new Request(`https://app.example.com${path}`), { nextUrl }))).status
  }
  const routes = [
    '/auth/access-token',
    '/auth/profile/',
    '/base/auth/profile',
    '/me/v1/factors',
    '/base/my-org/members',
  ]
  const pages = ['/me', '/users/me/', '/shop/auth/']
  const statuses = async () => {
    const [ofRoutes, ofPages] = await Promise.all([routes, pages].map((paths) => Promise.all(paths.map(ask))))
    return [...new Set(ofRoutes), ...new Set(ofPages)]
  }

  assert.deepEqual(await statuses(), [200, 200])
  session = {} // from before the migration
  assert.deepEqual(await statuses(), [401, 200])
  session = { claims: op.session({ sid: 's-1' }) }
  assert.deepEqual(await statuses(), [200, 200])
  await logout.receive(await op.logoutToken({ sid: 's-1' }))
  assert.deepEqual(await statuses(), [401, 200])
  assert.equal(await ask('/auth/login'), 200)
  assert.equal(await ask('/base/auth/callback'), 200)
  assert.equal(await ask('/me/auth/login'), 401) // the SDK sends this request to Auth0

  session = { claims: op.session({ sid: 's-2' }) }
  t.mock.method(store, 'values', async () => assert.fail('the store is down'))
  assert.deepEqual(await statuses(), [503, 503])
  assert.equal(await ask('/auth/callback'), 200)
  assert.equal(await ask('/auth/logout'), 200)
  t.mock.restoreAll()
  t.mock.method(console, 'error', () => {})
  assert.equal(await logout.isLoggedOut(session.claims!), true)
})

test('docker.md: behind a proxy, the prefix, the endpoint and the secure cookie work', async (t) => {
  const app = await listen(t, createShop(createLogout(), 'at-least-32-characters-that-nobody-can-guess'))
  // This proxy terminates https, and does not change the path.
  const proxy = await listen(t, (request, response) => {
    const headers = { ...request.headers, 'x-forwarded-proto': 'https', 'x-forwarded-for': '203.0.113.7' }
    const forwarded = httpRequest(app + request.url, { method: request.method, headers }, (answer) => {
      response.writeHead(answer.statusCode!, answer.headers)
      answer.pipe(response)
    })
    request.pipe(forwarded)
  })
  assert.equal(await post(`${proxy}/shop/backchannel-logout`), 200)
  assert.equal((await fetch(`${proxy}/backchannel-logout`)).status, 404)
  const response = await fetch(`${proxy}/shop/cart`)
  assert.deepEqual(await response.json(), { secure: true, ip: '203.0.113.7' })
  assert.match(response.headers.get('set-cookie')!, /^connect\.sid=.*; Path=\/shop; .*Secure/)
  assert.equal((await fetch(`${app}/shop/cart`)).headers.get('set-cookie'), null)
})

test('docker.md: the routes of the Express page have the same order as there, so a logout ends /me', async (t) => {
  const folder = 'docs-deploying-docker-md'
  const code = readFileSync(join(import.meta.dirname, '../snippets', folder, 'server.ts'), 'utf8')
  const routes: [comment: RegExp, route: string][] = [
    [
      /^ +\/\/ Put the routes \/login, \/callback and \/logout of the Express page here\..*$/m,
      `shop.get('/login', (request, response) => {
        request.session.claims = JSON.parse(String(request.headers['x-claims']))
        response.end()
      })`,
    ],
    [
      /^ +\/\/ Put the other routes of the Express page here.*$/m,
      `shop.get('/me', ({ session }, response) => void response.sendStatus(session.claims ? 200 : 401))`,
    ],
  ]
  let filled = code
  for (const [comment, route] of routes) {
    assert.match(filled, comment)
    filled = filled.replace(comment, route)
  }
  const { createApp }: { createApp: typeof createShop } = await import(writeCode(folder, 'filled', filled, []))
  const logout = createLogout()
  const base = await listen(t, createApp(logout, 'at-least-32-characters-that-nobody-can-guess'))
  const claims = op.session({ sid: 'laptop' })
  const headers = { 'x-forwarded-proto': 'https', 'x-claims': JSON.stringify(claims) }
  const [cookie] = (await fetch(`${base}/shop/login`, { headers })).headers.getSetCookie()[0]!.split(';')
  const statusOfMe = async () => (await fetch(`${base}/shop/me`, { headers: { ...headers, cookie: cookie! } })).status
  assert.equal(await statusOfMe(), 200)
  await logout.endSession(claims)
  assert.equal(await statusOfMe(), 401)
})

test('docker.md: the application listens on PORT, and ends on SIGTERM', { timeout: 20_000 }, async (t) => {
  const port = await freePort()
  const main = join(import.meta.dirname, '../snippets/docs-deploying-docker-md/main.ts')
  const { child, ended } = run(
    { args: () => [main] },
    {
      ISSUER: op.issuer,
      CLIENT_ID: 'shop',
      SESSION_SECRET: 'at-least-32-characters-that-nobody-can-guess',
      PORT: `${port}`,
    },
    port,
  )
  t.after(() => child.kill('SIGKILL'))
  const ask = () => fetch(`http://127.0.0.1:${port}/shop/backchannel-logout`).catch(() => undefined)
  let answer = await ask()
  while (!answer && child.exitCode === null) answer = await ask()
  assert.equal(answer?.status, 405)
  await answer.body?.cancel()
  // The headers of this request never end. Docker ends the process after ten seconds.
  const slow = connectTcp(port, '127.0.0.1').on('error', () => {})
  t.after(() => slow.destroy())
  await new Promise<void>((sent) => slow.write('POST /shop/cart HTTP/1.1\r\nHost: x\r\n', () => sent()))
  const stoppedAt = performance.now()
  child.kill()
  assert.deepEqual(await ended, [0, null])
  assert.ok(performance.now() - stoppedAt < 9000)
})

test('workers.md: Workers finish the answer if the client disconnects', async () => {
  const { default: worker } = await import('../snippets/docs-start-workers-md/app.ts')
  const settings = { CLIENT_ID: 'my-client', CLIENT_SECRET: 'secret', SESSION_SECRET: 'x'.repeat(32), DB: {} as never }
  const env = { ISSUER: op.issuer, BASE_URL: 'https://app.example.com', ...settings }
  const works: unknown[] = []
  const context = { waitUntil: (work: unknown) => void works.push(work) } as never
  const response = worker.fetch(new Request('https://app.example.com/backchannel-logout'), env, context)
  assert.equal(works[0], response)
  assert.equal((await response).status, 405)
})

test('workers.md: the cron trigger deletes expired entries', async (t) => {
  const { code } = codeBlocks(readFileSync(join(import.meta.dirname, '../deploying/workers.md'), 'utf8')).find(
    (block) => block.code.includes('scheduled'),
  )!
  const runnable = code
    .replace(/^declare const app.*$/m, 'const app = { fetch() {} }')
    .replace(/^declare function storeOn.*$/m, 'const storeOn = (database: unknown) => database as SqlStore')
  const { default: worker } = await import(writeCode('docs-deploying-workers-md', 'scheduled', runnable, []))
  const prune = t.mock.fn()
  await worker.scheduled({}, { DB: { prune } })
  assert.equal(prune.mock.callCount(), 1)
})

test('tenants.md: each tenant has its own issuer and keys', async () => {
  const other = await createTestIssuer({ issuer: 'https://other.example.com', clientId: 'other-client' })
  const issuers = new Map([op, other].map((one) => [one.issuer, one]))
  let calls = 0
  const tenants = {
    async findByIssuer(issuer: string) {
      calls += 1
      const found = issuers.get(issuer)
      if (!found) return []
      const clientIds = found === op ? [op.clientId, 'second-client'] : [found.clientId]
      return clientIds.map((clientId) => ({ id: clientId, issuer, clientId }))
    },
  }
  const logout = createTenantsLogout(tenants, ({ issuer }) => ({ keys: issuers.get(issuer)!.jwks }))
  await logout.receive(await op.logoutToken())
  const { clientId } = op
  assert.equal(await logout.isLoggedOut({ ...op.session(), clientId }), true)
  assert.equal(await logout.isLoggedOut({ ...op.session(), clientId: 'second-client' }), false)
  assert.equal(await logout.isLoggedOut(other.session()), false)
  const forged = await op.logoutToken({ iss: other.issuer, aud: other.clientId })
  await assert.rejects(logout.receive(forged), { code: 'ERR_LOGOUT_TOKEN_SIGNATURE' })
  const stranger = await createTestIssuer({ issuer: 'https://stranger.example.com' })
  await assert.rejects(logout.receive(await stranger.logoutToken()), { code: 'ERR_LOGOUT_TOKEN_CLAIM' })
  await assert.rejects(logout.isLoggedOut(stranger.session()), TypeError)

  for (let check = 0; check < 100; check += 1) await logout.isLoggedOut(other.session())
  assert.ok(calls < 20, `${calls} calls`)
})

test('tenants.md: a tenant that chooses its own keys ends the sessions of another tenant only if the receivers share a store', async () => {
  // This tenant names the issuer and the client of another tenant, and its own keys.
  const attacker = await createTestIssuer({ issuer: op.issuer, clientId: op.clientId })
  const session = { ...op.session(), clientId: op.clientId }
  const isEnded = async (store: MemoryStore, storeOfAttacker: MemoryStore) => {
    const logout = createLogout({ store })
    const logoutOfAttacker = createLogout({ store: storeOfAttacker, issuers: [attacker.trusted] })
    const token = await attacker.logoutToken()
    await assert.rejects(logout.receive(token), { code: 'ERR_LOGOUT_TOKEN_SIGNATURE' })
    await logoutOfAttacker.receive(token)
    return logout.isLoggedOut(session)
  }
  const shared = new MemoryStore()
  assert.equal(await isEnded(shared, shared), true)
  assert.equal(await isEnded(new MemoryStore(), new MemoryStore()), false)
})

test('tenants.md: a token with a strange issuer causes no error of the database, because errors delay other logouts', async (t) => {
  t.mock.method(console, 'log', () => {})
  const { issuer, clientId } = op
  const findByIssuer = t.mock.fn(async (iss: string) => {
    if (iss.includes('\u0000')) throw new Error('invalid byte sequence for encoding "UTF8": 0x00') // as PostgreSQL
    return iss.toLowerCase().trim() === issuer ? [{ id: 'acme', issuer, clientId }] : [] // as MySQL
  })
  const logout = createTenantsLogout({ findByIssuer }, () => ({ keys: op.jwks }))
  for (const iss of [`${issuer}/\u0000`, `${issuer} `, issuer.toUpperCase(), issuer.replace('op', 'OP')]) {
    await assert.rejects(logout.receive(await op.logoutToken({ iss })), { code: 'ERR_LOGOUT_TOKEN_CLAIM' }, iss)
  }
  await logout.receive(await op.logoutToken())

  const sessionIssuer = 'https://tenant.example.com'
  const renaming = createTenantsLogout({ findByIssuer: async () => [{ id: 'acme', issuer, clientId }] }, () => ({
    keys: op.jwks,
    sessionIssuer,
  }))
  await renaming.receive(await op.logoutToken({ sub: 'alice' }))
  assert.equal(await renaming.isLoggedOut(op.session({ iss: sessionIssuer, sub: 'alice' })), true)
})

const roles = ['realm:user', 'my-client:editor']
/** Stands for express-session. The request names its session in a header. */
function createSessionByHeader(iss: string) {
  const sessionOf = (sid: string, rolesOfUser: string[]) => ({
    claims: op.session({ iss, sid }),
    idToken: 'an ID Token',
    roles: rolesOfUser,
    signIn: 'a new sign-in',
  })
  const sessions: Record<string, object | undefined> = {
    user: sessionOf('user', roles),
    admin: sessionOf('admin', [...roles, 'realm:admin']),
  }
  const sessionByHeader = (request: IncomingMessage, _response: unknown, next: () => void) => {
    Object.assign(request, { session: sessions[String(request.headers['x-session'])] ?? {} })
    next()
  }
  return { sessions, sessionByHeader }
}
async function statusesOf(base: string, paths: string[]): Promise<number[][]> {
  const statusOf = async (path: string, name: string) =>
    (await fetch(base + path, { headers: { 'x-session': name }, redirect: 'manual' })).status
  return Promise.all(['nobody', 'user', 'admin'].map((name) => Promise.all(paths.map((path) => statusOf(path, name)))))
}

test('sign-out-everywhere.md: if the store fails, a session with a date ahead of this clock has ended, too', async () => {
  const store = new MemoryStore()
  const logout = createLogout({ store })
  const session = op.session({ iat: now() + 30 })
  store.add = () => {
    throw new Error('the store accepts no entries')
  }
  await assert.rejects(signOutEverywhere(logout, session), { code: 'ERR_LOGOUT_FAILED' })
  assert.equal(await logout.isLoggedOut(session), true)
})

test('migrating.md: the code after keycloak-connect asks for a sign-in and for roles', async (t) => {
  const token = {
    realm_access: { roles: ['user'] },
    resource_access: { 'my-client': { roles: ['editor'] }, realm: { roles: ['admin'] } },
  }
  assert.deepEqual(rolesOf(new UnsecuredJWT(token).encode()).toSorted(), roles.toSorted())
  const withoutRealm = { resource_access: { realm: { roles: ['admin'] } } }
  assert.deepEqual(rolesOf(new UnsecuredJWT(withoutRealm).encode()), [])

  const { sessions, sessionByHeader } = createSessionByHeader(op.issuer)
  const base = await listen(t, createMigrated(createLogout(), sessionByHeader))
  const paths = ['/orders', '/admin']
  assert.deepEqual(await statusesOf(base, paths), [
    [302, 302],
    [200, 403],
    [200, 200],
  ])
  assert.equal(await post(`${base}/backchannel-logout`, { sid: 'admin' }), 200)
  // As with keycloak-connect, a user whose session was logged out comes to the sign-in.
  const answer = await fetch(`${base}/admin`, { headers: { 'x-session': 'admin' }, redirect: 'manual' })
  assert.deepEqual([answer.status, answer.headers.get('location')], [302, '/login'])
  assert.deepEqual(sessions['admin'], { signIn: 'a new sign-in' })
})

test('migrating.md: the code after nest-keycloak-connect asks for a sign-in and for roles', async (t) => {
  const dist = compileNest('docs-migrating-md', ['after.module.ts', 'signed-in.guard.ts'])
  const { AppModule }: typeof import('../snippets/docs-migrating-md/after.module.ts') = await import(
    join(dist, 'after.module.js')
  )
  const [{ NestFactory }, { getBackchannelLogoutToken }] = await Promise.all([
    import('@nestjs/core'),
    import('@bcl/nestjs'),
  ])
  const issuer = 'https://keycloak.example.com/realms/acme'
  const { sessions, sessionByHeader } = createSessionByHeader(issuer)
  const app = await NestFactory.create(AppModule, { logger: ['error'] })
  t.after(() => app.close())
  app.use(sessionByHeader)
  await app.listen(0, '127.0.0.1')
  const paths = ['/prices', '/orders', '/admin']
  const base = await app.getUrl()
  assert.deepEqual(await statusesOf(base, paths), [
    [200, 401, 401],
    [200, 200, 403],
    [200, 200, 200],
  ])
  await app.get(getBackchannelLogoutToken()).endSession({ ...op.session({ sid: 'admin' }), iss: issuer })
  assert.deepEqual((await statusesOf(base, paths)).at(-1), [200, 401, 401])
  assert.deepEqual(sessions['admin'], { signIn: 'a new sign-in' })
})

const { DATABASE_URL = 'postgres://postgres@127.0.0.1:5432/test' } = process.env
const database = new Pool({ connectionString: DATABASE_URL, connectionTimeoutMillis: 2000 })
after(() => database.end())
const unreachable = await database.query('SELECT 1').catch((error: Error) => error)
const skip = unreachable instanceof Error && process.env.CI !== 'true' ? `no PostgreSQL: ${unreachable.message}` : false

test('orms.md: Drizzle, Knex and $queryRawUnsafe store a logout', { skip }, async (t) => {
  const [{ schema }, drizzle, knex, prisma] = await Promise.all([
    import('@bcl/sql'),
    import('../snippets/docs-guides-orms-md/drizzle.ts'),
    import('../snippets/docs-guides-orms-md/knex.ts'),
    import('../snippets/docs-guides-orms-md/prisma.ts'),
  ])
  await database.query(schema('postgresql'))
  const drizzled = drizzle.createStore(DATABASE_URL)
  t.after(() => drizzled.db.$client.end())
  const knexed = knex.createStore(DATABASE_URL)
  t.after(() => knexed.knex.destroy())
  const prismaClient = {
    $queryRawUnsafe: async (text: string, ...params: unknown[]) => (await database.query(text, params)).rows,
  }
  const stores = [drizzled.store, knexed.store, prisma.createStore(prismaClient)]
  for (const [index, store] of stores.entries()) {
    const sid = crypto.randomUUID()
    await createLogout({ store }).receive(await op.logoutToken({ sid }))
    const next = stores[(index + 1) % stores.length]
    assert.equal(await createLogout({ store: next }).isLoggedOut(op.session({ sid })), true)
  }
})

test('orms.md, the README of @bcl/sql: a transaction of Drizzle can lose its connection', { skip }, async (t) => {
  const log = t.mock.method(console, 'error', () => {})
  const [{ schema }, { createStore }] = await Promise.all([
    import('@bcl/sql'),
    import('../snippets/docs-guides-orms-md/drizzle.ts'),
  ])
  await database.query(schema('postgresql'))
  const readme = readFileSync(join(import.meta.dirname, '../../packages/sql/README.md'), 'utf8')
  const { code } = codeBlocks(readme).find((block) => block.code.includes('drizzle('))!
  const withUrl = code.replace('postgres://localhost/app', DATABASE_URL)
  const ofReadme: ReturnType<typeof createStore> = await import(
    writeCode('packages-sql-README-md', 'drizzle', withUrl, ['db'])
  )
  for (const { db, store } of [createStore(DATABASE_URL), ofReadme]) {
    t.after(() => db.$client.end())
    const ended = new Promise((resolve) => db.$client.once('connect', (client) => client.once('end', resolve)))
    const transaction = db.transaction(async (tx) => {
      const { rows } = await tx.execute<{ pid: number }>('SELECT pg_backend_pid() AS pid')
      await database.query('SELECT pg_terminate_backend($1)', [rows[0]!.pid])
      await ended
    })
    await assert.rejects(transaction)
    assert.match(String(log.mock.calls[0]!.arguments[0]), /terminating connection/)
    log.mock.resetCalls()
    assert.deepEqual(await store.values(['key']), [[]])
  }
})

test('orms.md: the store of Knex works again after its connections were lost without an error', { skip }, async (t) => {
  const [{ schema }, { createStore }] = await Promise.all([
    import('@bcl/sql'),
    import('../snippets/docs-guides-orms-md/knex.ts'),
  ])
  await database.query(schema('postgresql'))
  const proxy = await startProxy(DATABASE_URL)
  t.after(() => proxy.close())
  const { knex, store } = createStore(proxy.url)
  t.after(() => knex.destroy())
  /** Twelve reads at the same time keep the pool busy. So if a lost connection is still in the pool, one of these reads uses it. */
  const read = () => Promise.all(Array.from({ length: 12 }, () => store.values(['key'])))
  await read()
  proxy.lose()
  // The connections that are lost fail once, after the time-out of the driver.
  await assert.rejects(read())
  await read()
})

test('nestjs.md: Fastify, options from ConfigModule, public routes', async (t) => {
  process.env.ISSUER = op.issuer
  process.env.CLIENT_ID = op.clientId
  const secret = 'at-least-32-characters-that-nobody-can-guess'
  const { createApp }: typeof import('../snippets/docs-guides-nestjs-md/create-app.ts') = await import(
    join(compileNest('docs-guides-nestjs-md', ['*.ts']), 'create-app.js')
  )
  delete process.env.SESSION_SECRET
  await assert.rejects(createApp(), /SESSION_SECRET/)
  for (process.env.SESSION_SECRET of ['', 'x'.repeat(31)])
    await assert.rejects(createApp(), /^Error: SESSION_SECRET needs at least 32 characters\.$/)
  process.env.SESSION_SECRET = secret
  const app = await createApp()
  t.after(() => app.close())
  let close = () => {}
  const closing = new Promise<void>((resolve) => (close = resolve))
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('preClose', async () => close())
  await app.init()
  await app.getHttpAdapter().getInstance().ready()

  const forge = Fastify()
  await forge.register(fastifySecureSession, { secret, salt: 'a-salt-of-16-chr' })
  const claims: SessionClaims = op.session()
  const cookie = `session=${encodeURIComponent(forge.encodeSecureSession(forge.createSecureSession({ claims })))}`
  const statusOf = async (url: string) => (await app.inject({ url, headers: { cookie } })).statusCode
  assert.deepEqual([await statusOf('/me'), await statusOf('/prices')], [200, 200])
  const { getBackchannelLogoutToken } = await import('@bcl/nestjs')
  await app.get(getBackchannelLogoutToken()).endSession(claims)
  assert.deepEqual([await statusOf('/me'), await statusOf('/prices')], [401, 200])
  assert.equal((await app.inject({ url: '/me' })).statusCode, 401)
  const behindProxy = await app.inject({ url: '/me', headers: { cookie, 'x-forwarded-proto': 'https' } })
  assert.match(String(behindProxy.headers['set-cookie']), /^session=.*; HttpOnly; Secure; SameSite=Lax$/)
  assert.equal((await app.inject({ url: '/backchannel-logout' })).statusCode, 405)

  // The headers of this logout arrive while the application closes.
  await app.listen(0, '127.0.0.1')
  const server: Server = app.getHttpServer()
  const socket = connectTcp((server.address() as AddressInfo).port, '127.0.0.1')
  await once(server, 'connection')
  socket.write('POST /backchannel-logout HT')
  const closed = app.close()
  await closing
  const body = 'logout_token=wrong'
  const type = 'content-type: application/x-www-form-urlencoded'
  socket.write(`TP/1.1\r\nhost: app.example\r\n${type}\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
  assert.match(await text(socket), /^HTTP\/1\.1 400 [^]*invalid_request/)
  await closed
})
