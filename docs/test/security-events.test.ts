// Runs the code of the pages and the READMEs for security events. The clock of the code that polls is a clock that the test moves.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { promisify } from 'node:util'

import { createBackchannelLogout, MemoryStore, type SessionClaims } from '@bcl/core'
import { createSecurityEventReceiver, createStreamClient } from '@bcl/ssf'
import { createTestTransmitter } from '@bcl/testing'
import { Hono } from 'hono'

import { codeBlocks } from '../../checks/scripts/code-blocks.ts'
import { writeCode } from './page-code.ts'

/** Returns the only code block of a page that contains the text. */
function codeWith(page: string, text: string): string {
  const blocks = codeBlocks(readFileSync(join(import.meta.dirname, '../..', page), 'utf8'))
  const found = blocks.filter(({ language, code }) => language === 'ts' && code.includes(text))
  assert.equal(found.length, 1, `${page} has ${found.length} blocks with ${text}`)
  return found[0]!.code
}

/** Sets the variables that the code declares, and runs the code. Returns the exports and the variables with the names. */
function load(name: string, code: string, declared: object = {}, variables: string[] = []) {
  Object.assign(globalThis, declared)
  return import(writeCode('security-events', name, code, variables))
}

async function until({ signal }: TestContext, isTrue: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isTrue())) {
    signal.throwIfAborted()
    await new Promise(setImmediate)
  }
}

/** Starts the code of the page. `failing` is the part of a URL that gets 503 while it is set. */
async function startPage(t: TestContext, name: string, failing: string | undefined) {
  const transmitter = await createTestTransmitter({ issuer: 'https://idp.example.com/realms/acme' })
  const { issuer, audience, accessToken, requests } = transmitter
  const headers = { authorization: `Bearer ${accessToken}` }
  const body = JSON.stringify({ delivery: { method: 'urn:ietf:rfc:8936' } })
  const created = await transmitter.fetch(`${issuer}/streams`, { method: 'POST', headers, body })
  const { stream_id: streamId } = (await created.json()) as { stream_id: string }

  const state = { failing }
  transmitter.fault = ({ url }) =>
    state.failing && url.includes(state.failing) ? new Response(null, { status: 503 }) : undefined
  const logout = createBackchannelLogout({
    issuers: [{ issuer, clientId: 'my-client' }],
    sessionMaxAge: 3600,
    store: new MemoryStore(),
    fetch: transmitter.fetch,
  })
  const events = createSecurityEventReceiver({ logout, transmitters: [{ issuer, audience }], onError() {} })

  t.mock.method(globalThis, 'fetch', transmitter.fetch)
  t.mock.method(Math, 'random', () => 1) // no jitter
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const timers = t.mock.method(globalThis, 'setTimeout')
  const log = t.mock.method(console, 'error', () => {})
  process.env.SSF_CLIENT_SECRET = 'secret'
  const count = (part: string) => requests.filter((request) => request.includes(part)).length
  const [streams, polls] = [() => count('GET https://idp.example.com/realms/acme/streams'), () => count('/poll/')]
  /** Waits until the code starts a pause. Then moves the clock to the end of the pause. */
  const pauseOf = async (seconds: number) => {
    await until(t, () => timers.mock.calls.some(({ arguments: [, delay] }) => delay === seconds * 1000))
    timers.mock.resetCalls()
    const before = requests.length
    t.mock.timers.tick(seconds * 1000 - 1)
    await new Promise(setImmediate)
    assert.equal(requests.length, before)
    t.mock.timers.tick(1)
  }
  const { stop }: { stop: AbortController } = await load(
    name,
    codeWith('docs/security-events.md', 'startPolling'),
    { events, streamId },
    ['stop'],
  )
  return { transmitter, logout, state, log, streams, polls, pauseOf, stop }
}

test(
  'security-events.md: polling starts when the transmitter is back, waits longer after each failure, and stops',
  { timeout: 20_000 },
  async (t) => {
    const { transmitter, logout, state, log, streams, polls, pauseOf, stop } = await startPage(t, 'retry', '/streams')
    const { issuer: iss } = transmitter
    const session: SessionClaims = { iss, sub: 'alice', sid: 's-1', iat: Math.floor(Date.now() / 1000) - 60 }
    await until(t, () => log.mock.callCount() === 1)
    await pauseOf(10)
    await until(t, () => log.mock.callCount() === 2)
    assert.match(String(log.mock.calls[1]!.arguments[0]), /^no polling yet:$/)
    assert.deepEqual([streams(), polls()], [2, 0])

    state.failing = '/poll/'
    await pauseOf(10)
    await until(t, () => polls() === 1)
    assert.equal(streams(), 3)
    await pauseOf(2)
    await until(t, () => polls() === 2)
    await transmitter.emit({ sub_id: { format: 'iss_sub', iss, sub: 'alice' } })
    assert.equal(await logout.isLoggedOut(session), false)
    state.failing = undefined
    await pauseOf(4)
    await until(t, () => logout.isLoggedOut(session))
    await pauseOf(1)
    assert.deepEqual([streams(), log.mock.callCount()], [3, 2])

    await until(t, () => polls() > 4)
    const before = polls()
    stop.abort()
    t.mock.timers.tick(3_600_000)
    await new Promise(setImmediate)
    assert.equal(polls(), before)
  },
)

test('security-events.md: a stop during the first pause ends the attempts', { timeout: 20_000 }, async (t) => {
  const { log, streams, pauseOf, stop } = await startPage(t, 'stop', '/streams')
  await until(t, () => log.mock.callCount() === 1)
  stop.abort()
  await pauseOf(10)
  for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate)
  assert.equal(streams(), 1)
})

const issuer = 'https://idp.example.com/realms/acme'
const secret = 'a-long-random-value'
const createTransmitter = () => createTestTransmitter({ issuer, audience: 'my-receiver' })
const createLogout = () =>
  createBackchannelLogout({
    issuers: [{ issuer, clientId: 'my-client' }],
    sessionMaxAge: 3600,
    store: new MemoryStore(),
  })
const session = (): SessionClaims => ({
  iss: issuer,
  sub: 'alice',
  sid: 's-1',
  iat: Math.floor(Date.now() / 1000) - 60,
})
const push = (body: string, authorization = secret): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/secevent+jwt', authorization },
  body,
})

type Ask = (path: string, init: RequestInit) => Promise<Response>

/** Pushes a token without the right header, and then with this header. Returns the statuses. */
async function pushTwice(ask: Ask, token: string): Promise<number[]> {
  const refused = await ask('/security-events', push(token, 'another-value'))
  return [refused.status, (await ask('/security-events', push(token))).status]
}

/** Runs code that needs SSF_AUTHORIZATION, first without and then with this variable. */
async function loadWithSecret(t: TestContext, name: string, code: string, declared: object, variables: string[] = []) {
  for (const method of ['log', 'error'] as const) t.mock.method(console, method, () => {})
  delete process.env.SSF_AUTHORIZATION
  await assert.rejects(load(`${name} without`, code, declared), /^Error: SSF_AUTHORIZATION is not set$/)
  process.env.SSF_AUTHORIZATION = secret
  return load(name, code, declared, variables)
}

test('security-events.md: the endpoint checks the header, and an event ends the session', async (t) => {
  const [transmitter, logout, app] = [await createTransmitter(), createLogout(), new Hono()]
  t.mock.method(globalThis, 'fetch', transmitter.fetch)
  await loadWithSecret(t, 'endpoint', codeWith('docs/security-events.md', 'events.warm()'), { app, logout })
  const ask: Ask = async (path, init) => app.request(path, init)
  assert.equal(await logout.isLoggedOut(session()), false)
  assert.deepEqual(await pushTwice(ask, await transmitter.set()), [401, 202])
  assert.equal(await logout.isLoggedOut(session()), true)
})

test('the README of @bcl/ssf: the endpoint checks the header, and an event ends the session', async (t) => {
  const transmitter = await createTransmitter()
  t.mock.method(globalThis, 'fetch', transmitter.fetch)
  const code = codeWith('packages/ssf/README.md', 'events.warm()')
  const { app, logout } = await loadWithSecret(t, 'readme', code, {}, ['app', 'logout'])
  assert.deepEqual(await pushTwice(async (path, init) => app.request(path, init), await transmitter.set()), [401, 202])
  assert.equal(await logout.isLoggedOut(session()), true)
})

test('the README of @bcl/nestjs: the endpoint checks the header, and an event ends the session', async (t) => {
  const transmitter = await createTransmitter()
  const { fetch } = globalThis
  t.mock.method(globalThis, 'fetch', transmitter.fetch)
  const [{ NestFactory }, nest] = await Promise.all([import('@nestjs/core'), import('@bcl/nestjs')])
  const imports = [
    nest.BackchannelLogoutModule.forRoot({
      issuers: [{ issuer, clientId: 'my-client' }],
      sessionMaxAge: 3600,
      store: new MemoryStore(),
    }),
  ]
  const app = await NestFactory.create({ module: Object, imports }, { logger: ['error'] })
  t.after(() => app.close())
  const code = codeWith('packages/nestjs/README.md', 'events.warm()').replace('listen(3000)', "listen(0, '127.0.0.1')")
  await loadWithSecret(t, 'nestjs', code, { app })
  const base = await app.getUrl()
  assert.deepEqual(await pushTwice((path, init) => fetch(base + path, init), await transmitter.set()), [401, 202])
  assert.equal(await app.get(nest.getBackchannelLogoutToken()).isLoggedOut(session()), true)
})

test('security-events.md and keycloak.md: the code creates a stream for push, with the value of the header', async (t) => {
  process.env.SSF_AUTHORIZATION = secret
  process.env.SSF_CLIENT_SECRET = 'secret'
  const log = t.mock.method(console, 'log', () => {})
  const streamOf = async (name: string, page: string) => {
    const transmitter = await createTransmitter()
    const { accessToken, fetch, streams } = transmitter
    t.mock.method(globalThis, 'fetch', fetch)
    const client = createStreamClient({ transmitter: issuer, accessToken, fetch })
    const { stream } = await load(name, codeWith(page, 'createStream({'), { client })
    const [created] = streams.values()
    assert.deepEqual(created!.delivery, {
      method: 'urn:ietf:rfc:8935',
      endpoint_url: 'https://app.example.com/security-events',
      authorization_header: secret,
    })
    return { stream, created: created! }
  }
  const { stream, created } = await streamOf('stream', 'docs/security-events.md')
  assert.equal(stream.aud, created.aud)
  const { stream_id, aud } = (await streamOf('keycloak', 'docs/security-events/keycloak.md')).created
  assert.deepEqual(log.mock.calls.at(-1)!.arguments, [stream_id, aud])
})

/** Pushes an event to a receiver with these options. Returns true if the session of "alice" has ended. */
async function endsSession(options: object, claims: object): Promise<boolean> {
  const [transmitter, logout] = [await createTransmitter(), createLogout()]
  const transmitters = [{ issuer, audience: 'my-receiver' }]
  const { handle } = createSecurityEventReceiver({ logout, transmitters, fetch: transmitter.fetch, ...options })
  const answer = await handle(new Request('https://app.example.com/', push(await transmitter.set(claims))))
  assert.equal(answer.status, 202)
  return logout.isLoggedOut(session())
}

test('security-events.md: resolveSubject maps the email address of a known user', async () => {
  const users = { findByEmail: async (email: unknown) => (email === 'a@example.com' ? { sub: 'alice' } : undefined) }
  const { resolveSubject } = await load('subject', codeWith('docs/security-events.md', 'findByEmail('), { users })
  const email = (address: string) => ({ sub_id: { format: 'email', email: address } })
  assert.equal(await endsSession({}, email('a@example.com')), false)
  assert.equal(await endsSession({ resolveSubject }, email('a@example.com')), true)
  assert.equal(await endsSession({ resolveSubject }, email('b@example.com')), false)
  assert.equal(
    await endsSession({ resolveSubject }, { sub_id: { format: 'iss_sub', iss: issuer, sub: 'alice' } }),
    true,
  )
})

test('what-each-event-does.md: with endsSessions of the page, a changed credential ends the session', async () => {
  const page = 'docs/security-events/what-each-event-does.md'
  const { endsSessions } = await load('ends', codeWith(page, 'endsSessions'))
  const type = 'https://schemas.openid.net/secevent/caep/event-type/credential-change'
  const events = { [type]: { credential_type: 'password', change_type: 'update' } }
  assert.deepEqual([await endsSession({}, { events }), await endsSession({ endsSessions }, { events })], [false, true])
})

test('security-events.md: the test of the page passes', { timeout: 60_000 }, async () => {
  const receiverFor = `import { createBackchannelLogout, MemoryStore } from '@bcl/core'
    import { createSecurityEventReceiver } from '@bcl/ssf'
    const receiverFor = (issuer: string, audience: string, fetch: typeof globalThis.fetch): SecurityEventReceiver => {
      const issuers = [{ issuer, clientId: 'my-client' }]
      const logout = createBackchannelLogout({ issuers, sessionMaxAge: 60, store: new MemoryStore() })
      return createSecurityEventReceiver({ logout, transmitters: [{ issuer, audience }], fetch, onError() {} })
    }`
  const code = codeWith('docs/security-events.md', 'securityEventCases)')
  const file = writeCode('security-events', 'cases', code.replace(/^declare const receiverFor.*$/m, receiverFor), [])
  const env = { ...process.env, NODE_TEST_CONTEXT: undefined }
  const args = ['--test', '--test-isolation=none', '--test-reporter=tap', file]
  const { stdout } = await promisify(execFile)(process.execPath, args, { env })
  assert.match(stdout, /^# pass 1$/m)
})

test('google.md: an event of Google ends the sessions of the user', async (t) => {
  const google = 'https://accounts.google.com'
  const audience = 'web.apps.googleusercontent.com'
  const transmitter = await createTestTransmitter({ issuer: `${google}/`, audience })
  // The document of Google is at another address than the document of the standard.
  t.mock.method(globalThis, 'fetch', (input: string, init?: RequestInit) =>
    transmitter.fetch(input.toString().replace('risc-configuration', 'ssf-configuration'), init),
  )
  const issuers = [{ issuer: google, clientId: 'my-client' }]
  const logout = createBackchannelLogout({ issuers, sessionMaxAge: 3600, store: new MemoryStore() })
  const { events } = await load('google', codeWith('docs/security-events/google.md', 'risc-configuration'), { logout })
  const type = 'https://schemas.openid.net/secevent/risc/event-type/sessions-revoked'
  for (const iss of [`${google}/`, google]) {
    const subject = { subject_type: 'iss-sub', iss, sub: iss }
    const token = await transmitter.set({ sub_id: undefined, events: { [type]: { subject } } }, { typ: undefined })
    assert.equal((await events.handle(new Request('https://app.example.com/', push(token)))).status, 202)
    assert.equal(await logout.isLoggedOut({ ...session(), iss: google, sub: iss }), true, iss)
  }
})
