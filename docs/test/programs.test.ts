// Runs the code blocks of the pages that are too short for a test file of their own. Each test takes the code from its page unchanged,
// except for a port. If a block declares a variable, the test sets this variable.
import assert from 'node:assert/strict'
import { execFile, type ExecFileOptions } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { Server } from 'node:http'
import { connect, createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, test, type TestContext } from 'node:test'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'

import { createBackchannelLogout, MemoryStore, type BackchannelLogout, type SessionClaims } from '@bcl/core'
import { schema, SqlStore } from '@bcl/sql'
import { createTestIssuer } from '@bcl/testing'
import { serve } from '@hono/node-server'
import { trace } from '@opentelemetry/api'
import { Redis } from 'ioredis'
import mysql from 'mysql2/promise'
import { Pool } from 'pg'

import { codeBlocks } from '../../checks/scripts/code-blocks.ts'
import { retryWhileLocked } from '../snippets/packages-sql-README-md/retry.ts'
import { compileNest } from './nest.ts'
import { answerAsProvider, fetch, op, writeCode } from './page-code.ts'

const root = join(import.meta.dirname, '../..')
const runNode = async (args: string[], options: ExecFileOptions): Promise<string> =>
  String((await promisify(execFile)(process.execPath, args, options)).stdout)
answerAsProvider()

const blocksOf = (page: string): string[] =>
  codeBlocks(readFileSync(join(root, page), 'utf8'))
    .filter(({ language }) => language === 'ts')
    .map(({ code }) => code)

/** Returns the only code block of a page that contains the text. */
function codeWith(page: string, text: string): string {
  const found = blocksOf(page).filter((code) => code.includes(text))
  assert.equal(found.length, 1, `${page} has ${found.length} blocks with ${text}`)
  return found[0]!
}

/** Sets the variables that the code declares, and runs the code. Returns the exports and the variables with the names. */
function load(name: string, code: string, declared: object = {}, variables: string[] = []) {
  Object.assign(globalThis, declared)
  return import(writeCode('programs', name, code, variables))
}

const createLogout = (): BackchannelLogout =>
  createBackchannelLogout({
    issuers: [{ issuer: op.issuer, clientId: op.clientId }],
    sessionMaxAge: 3600,
    store: new MemoryStore(),
  })
const logoutForm = async (claims: object = {}) => ({
  method: 'POST',
  body: new URLSearchParams({ logout_token: await op.logoutToken(claims) }),
})
const idTokenOf = (claims: Partial<SessionClaims>) => ({ ...op.session(claims), aud: op.clientId, exp: op.now() + 60 })

test('testing.md: each test of the page passes', { timeout: 60_000 }, async () => {
  const runnable = blocksOf('docs/testing.md').filter((code) => code.includes("'node:test'"))
  const folder = join(import.meta.dirname, '../snippets/docs-testing-md')
  const files = runnable.map((code, index) => {
    const file = join(folder, `runnable-${index}.ts`)
    writeFileSync(file, code)
    return file
  })
  assert.equal(files.length, 6)
  const env = { ...process.env, NODE_TEST_CONTEXT: undefined }
  const stdout = await runNode(['--test', '--test-isolation=none', '--test-reporter=tap', ...files], { env })
  assert.match(stdout, /^# fail 0$/m)
  assert.ok(Number(/^# pass (\d+)$/m.exec(stdout)![1]) > files.length)
})

test('concepts.md: a logout deletes the row, and a late or failed sign-in leaves no row', async (t) => {
  const code = codeWith('docs/concepts.md', 'startSession')
  const { startSession, logout, rows } = await load('concepts', code, {}, ['logout', 'rows'])
  assert.equal(await startSession('row-1', idTokenOf({ sid: 'laptop' })), true)
  assert.deepEqual([...rows.keys()], ['row-1'])
  await logout.receive(await op.logoutToken({ sid: 'laptop' }))
  assert.equal(rows.size, 0)
  assert.equal(await startSession('row-2', idTokenOf({ sid: 'laptop' })), false)
  assert.equal(rows.size, 0)

  // A row that is not tracked would stay after its logout.
  t.mock.method(MemoryStore.prototype, 'add', () => {
    throw new Error('the store is down')
  })
  await assert.rejects(startSession('row-3', idTokenOf({ sid: 'phone' })), { code: 'ERR_LOGOUT_FAILED' })
  assert.equal(rows.size, 0)
})

test('sign-out-everywhere.md: the first function ends one session, and the second function ends all', async () => {
  const logout = createLogout()
  const { signOut, signOutEverywhere } = await import('../snippets/docs-sign-out-everywhere-md/sign-out.ts')
  const [laptop, phone, tablet] = ['laptop', 'phone', 'tablet'].map((sid) => op.session({ sid }))
  const areOver = () => Promise.all([laptop!, phone!, tablet!].map((session) => logout.isLoggedOut(session)))
  await signOut(logout, laptop!)
  assert.deepEqual(await areOver(), [true, false, false])
  await signOutEverywhere(logout, phone!)
  assert.deepEqual(await areOver(), [true, true, true])
})

test('kubernetes.md: the application is ready after it has the keys once, and alive at any time', async () => {
  let isUp = false
  let calls = 0
  const warm = async () => {
    calls += 1
    if (!isUp) throw new Error('the provider is down')
  }
  const code = codeWith('docs/deploying/kubernetes.md', '/readyz')
  const { health } = await load('kubernetes-health', code, { logout: { ...createLogout(), warm } })
  const statuses = async () => [(await health.request('/readyz')).status, (await health.request('/healthz')).status]
  assert.deepEqual(await statuses(), [503, 200])
  isUp = true
  assert.deepEqual(await statuses(), [200, 200])
  isUp = false
  assert.deepEqual(await statuses(), [200, 200])
  assert.equal(calls, 2)
})

test('kubernetes.md: SIGTERM closes the server, the receiver and the client in this order, and then ends the process', async (t) => {
  const steps: string[] = []
  const closed = new Promise<void>((resolve) => {
    const logout = { close: async () => void steps.push('logout') }
    const redis = { destroy: () => void steps.push('redis') }
    t.mock.method(process, 'exit', () => {
      steps.push('exit')
      resolve()
    })
    const server = {
      close(then: () => void) {
        steps.push('server')
        server.closeAllConnections = () => {
          steps.push('connections')
          then()
        }
      },
      closeAllConnections() {},
    }
    Object.assign(globalThis, { logout, redis, server })
  })
  t.mock.timers.enable({ apis: ['setTimeout'] })
  // The test runner also listens to SIGTERM. So the test calls the listener of the page, and sends no signal.
  const once = t.mock.method(process, 'once', () => process)
  await load('kubernetes-shutdown', codeWith('docs/deploying/kubernetes.md', "'SIGTERM'"))
  const [signal, listener] = once.mock.calls.at(-1)!.arguments as unknown as [string, () => void]
  assert.equal(signal, 'SIGTERM')
  listener()
  t.mock.timers.tick(4999)
  assert.deepEqual(steps, ['server'])
  t.mock.timers.tick(1)
  await closed
  assert.deepEqual(steps, ['server', 'connections', 'logout', 'redis', 'exit'])
})

async function addressOf(t: TestContext, server: Server): Promise<string> {
  if (!server.listening) await once(server, 'listening')
  t.after(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('access-tokens.md: main.ts starts an API that refuses the token of an ended session', async (t) => {
  t.mock.method(console, 'log', () => {})
  const code = codeWith('docs/guides/access-tokens.md', 'createRemoteJWKSet(new URL')
    .replace(/^serve\(/m, 'export const server = serve(')
    .replace('port: 3000', "port: 0, hostname: '127.0.0.1', overrideGlobalObjects: false")
    .replaceAll("from './", "from '../docs-guides-access-tokens-md/")
  const base = await addressOf(t, (await load('access-tokens', code)).server)
  const payload = { ...op.session({ sid: 's-1' }), aud: 'https://api.example.com', exp: op.now() + 60 }
  const token = await op.sign({ ...payload, auth_time: payload.iat }, { alg: 'RS256', kid: op.key.kid, typ: 'at+jwt' })
  const ask = async () => (await fetch(`${base}/me`, { headers: { authorization: `Bearer ${token}` } })).status
  assert.equal(await ask(), 200)
  assert.equal((await fetch(`${base}/backchannel-logout`, await logoutForm({ sid: 's-1' }))).status, 200)
  assert.equal(await ask(), 401)
})

test('the README of @bcl/node: the server has a page and the endpoint', async (t) => {
  const code = codeWith('packages/node/README.md', 'createServer((')
    .replace(/^createServer\(/m, 'export const server = createServer(')
    .replace('.listen(3000)', ".listen(0, '127.0.0.1')")
  const base = await addressOf(t, (await load('node', code)).server)
  const statusOf = async (path: string, init?: RequestInit) => (await fetch(base + path, init)).status
  assert.deepEqual(
    [await statusOf('/'), await statusOf('/other'), await statusOf('/backchannel-logout')],
    [200, 404, 405],
  )
  assert.equal(await statusOf('/backchannel-logout', await logoutForm()), 200)
})

test('the README of @bcl/core: a logout ends the session', async () => {
  const { keep, isOver, POST, GET, PUT } = await load('core', codeWith('packages/core/README.md', 'export const POST'))
  const session = keep(idTokenOf({ sid: 's-1' }))
  const url = 'https://app.example.com/backchannel-logout'
  assert.equal(await isOver(session), false)
  assert.equal((await POST(new Request(url, await logoutForm({ sid: 's-1' })))).status, 200)
  assert.equal(await isOver(session), true)
  assert.equal((await GET(new Request(url))).status, 405)
  assert.equal(PUT, POST)
})

test('the README of @bcl/cli: the results are written to two files', { timeout: 60_000 }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'results-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const code = codeWith('packages/cli/README.md', 'formatJUnit').replace(
    /^declare const application.*$/m,
    'const application = async (_request: Request) => new Response(null, { status: 400 })',
  )
  const file = writeCode('programs', 'cli', code, [])
  // The endpoint refuses every token, so some cases fail.
  await runNode([file], { cwd: folder }).catch((error: { stderr: string }) => assert.fail(error.stderr))
  assert.match(readFileSync(join(folder, 'results.xml'), 'utf8'), /^<\?xml[\s\S]*<failure/)
  assert.match(readFileSync(join(folder, 'report.html'), 'utf8'), /^<!doctype html>/i)
})

test('migrating.md: verifyLogoutToken accepts a token of the provider only', async (t) => {
  const log = t.mock.method(console, 'log', () => {})
  const { receive } = await load('migrating', codeWith('docs/migrating.md', 'verifyLogoutToken(logoutToken'))
  await receive(await op.logoutToken({ sid: 's-1' }))
  assert.match(log.mock.calls[0]!.arguments.join(' '), /^sessions up to \d+ end, for s-1$/)
  await assert.rejects(receive(await op.logoutToken({ aud: 'another' })), { code: 'ERR_LOGOUT_TOKEN_CLAIM' })
})

test('operating.md: the records for pino have a level for each outcome, and no token', async () => {
  const file = writeCode('programs', 'pino', codeWith('docs/operating.md', "from 'pino'"), [])
  const script = `
    import { createBackchannelLogout, MemoryStore } from '@bcl/core'
    import { schema } from '@bcl/sql'
import { createTestIssuer } from '@bcl/testing'
    import { onDelivery, onError } from ${JSON.stringify(pathToFileURL(file).href)}
    const op = await createTestIssuer()
    const store = new MemoryStore()
    const logout = createBackchannelLogout({ issuers: [op.trusted], sessionMaxAge: 60, store, onDelivery, onError })
    const send = async (claims) => logout.handle(new Request('https://app.example.com/backchannel-logout', {
      method: 'POST', body: new URLSearchParams({ logout_token: await op.logoutToken(claims) }),
    }))
    await send({})
    await send({ aud: 'another' })
    store.add = async () => { throw new Error('the store is down') }
    await send({ sid: 'other' })
    process.exit()`
  const stdout = await runNode(['--input-type=module', '-e', script], { cwd: join(root, 'docs') })
  const records = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  const outcomes = records.filter(({ outcome }) => outcome).map(({ level, outcome }) => `${level} ${outcome}`)
  assert.deepEqual(outcomes, ['30 logged_out', '40 refused', '50 failed'])
  assert.doesNotMatch(stdout, /eyJ|alice/)
})

test('metrics.md: the span of the request gets the outcome', async (t) => {
  const { onDelivery } = await load('traces', codeWith('docs/guides/metrics.md', 'getActiveSpan'))
  onDelivery({ outcome: 'logged_out' }) // without a span, nothing happens
  const setAttributes = t.mock.fn()
  t.mock.method(trace, 'getActiveSpan', () => ({ setAttributes }))
  onDelivery({ outcome: 'refused', code: 'ERR_LOGOUT_TOKEN_CLAIM' })
  assert.deepEqual(setAttributes.mock.calls[0]!.arguments, [
    { 'backchannel_logout.outcome': 'refused', 'backchannel_logout.code': 'ERR_LOGOUT_TOKEN_CLAIM' },
  ])
})

const password = 'at-least-32-characters-that-nobody-can-guess'

test('sessions.md, iron-session: the cookie of an ended session is refused and deleted', async (t) => {
  const logout = createLogout()
  const code = codeWith('docs/sessions.md', "from 'iron-session'")
  const { signIn, signedIn } = await load('iron-session', code, { logout, password })
  const page = readFileSync(join(root, 'docs/sessions.md'), 'utf8')
  const overrideGlobalObjects = /`overrideGlobalObjects: (\w+)`/.exec(page)![1] === 'true'
  const server = serve({
    async fetch(request) {
      const response = new Response()
      if (request.url.endsWith('/callback')) await signIn(request, response, idTokenOf({ sid: 's-1' }))
      else response.headers.set('x-sid', (await signedIn(request, response))?.sid ?? 'none')
      return response
    },
    port: 0,
    hostname: '127.0.0.1',
    overrideGlobalObjects,
  })
  const base = await addressOf(t, server as Server)
  const [line] = (await fetch(`${base}/callback`)).headers.getSetCookie()
  assert.ok(line, 'the answer has no cookie')
  const cookie = line.split(';')[0]!
  const ask = async (headers = {}) => {
    const answer = await fetch(`${base}/me`, { headers })
    return [answer.headers.get('x-sid'), /Max-Age=0/.test(answer.headers.getSetCookie().join())]
  }
  assert.deepEqual(
    [await ask(), await ask({ cookie })],
    [
      ['none', false],
      ['s-1', false],
    ],
  )
  await logout.receive(await op.logoutToken({ sid: 's-1' }))
  assert.deepEqual(await ask({ cookie }), ['none', true])
})

test('sessions.md, hono-sessions: a logout ends the session, and creates no session', async () => {
  const logout = createLogout()
  const code = codeWith('docs/sessions.md', "from 'hono-sessions'")
  const { app, signIn } = await load('hono-sessions', code, { logout, encryptionKey: password }, ['app'])
  app.get('/callback', (c: never) => {
    signIn(c, idTokenOf({ sid: 's-1' }))
    return new Response()
  })
  app.get('/account/me', () => new Response())
  const cookie = (await app.request('/callback')).headers
    .getSetCookie()
    .map((line: string) => line.split(';')[0])
    .join('; ')
  const statusOf = async (headers = {}) => (await app.request('/account/me', { headers })).status
  assert.equal(await statusOf({ cookie }), 200)
  const answer = await app.request('/backchannel-logout', await logoutForm({ sid: 's-1' }))
  assert.deepEqual([answer.status, answer.headers.getSetCookie()], [200, []])
  assert.equal(await statusOf({ cookie }), 302)
})

test('sessions.md, JWT: a logout ends the session also after a renewal', async () => {
  const logout = createLogout()
  const secret = new TextEncoder().encode(password)
  const { issue, authenticate, renew } = await load('jwt', codeWith('docs/sessions.md', 'SignJWT'), { logout, secret })
  const session = op.session({ sid: 's-1' })
  const renewed = await renew(await issue('user-1', { ...session, aud: op.clientId }))
  assert.deepEqual(await authenticate(renewed), { userId: 'user-1', op: session })
  await logout.receive(await op.logoutToken({ sid: 's-1' }))
  await assert.rejects(authenticate(renewed), /was logged out/)
  await assert.rejects(renew(renewed), /was logged out/)
})

test('providers.md: a receiver accepts the settings for each provider', async () => {
  const { publicKey: _publicKey, privateKey } = await crypto.subtle.generateKey(
    { name: 'RSA-OAEP', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-1' },
    true,
    ['encrypt', 'decrypt'],
  )
  const jwk = { ...(await crypto.subtle.exportKey('jwk', privateKey)), kid: 'key-1', use: 'enc', alg: 'RSA-OAEP' }
  let count = 0
  for (const [index, code] of blocksOf('docs/providers.md').entries()) {
    const declared = { env: { CLIENT_SECRET: 'a-secret-of-more-than-32-characters' }, privateKey: jwk }
    const settings = await load(`provider-${index}`, code, declared)
    for (const value of Object.values(settings) as (BackchannelLogout & { issuer?: string; clientId: string })[]) {
      count += 1
      if (value.issuer === undefined) assert.equal(typeof value.handle, 'function')
      else createBackchannelLogout({ issuers: [value as never], sessionMaxAge: 60, store: new MemoryStore() })
    }
  }
  assert.ok(count >= 14, `${count} settings`)
})

test('the README of @bcl/nestjs: a module with a name has its own endpoint and its own receiver', async (t) => {
  const partner = await createTestIssuer({ issuer: 'https://partner.example.com', clientId: 'my-client' })
  t.mock.method(globalThis, 'fetch', partner.fetch)
  const folder = 'packages-nestjs-README-md'
  writeFileSync(
    join(import.meta.dirname, '../snippets', folder, 'partner.ts'),
    codeWith('packages/nestjs/README.md', 'PartnerModule'),
  )
  const { PartnerModule } = await import(join(compileNest(folder, ['partner.ts']), 'partner.js'))
  const [{ NestFactory }, nest] = await Promise.all([import('@nestjs/core'), import('@bcl/nestjs')])
  const app = await NestFactory.create(PartnerModule, { logger: ['error'] })
  t.after(() => app.close())
  await app.listen(0, '127.0.0.1')
  const body = new URLSearchParams({ logout_token: await partner.logoutToken() })
  const address = `${await app.getUrl()}/partner/backchannel-logout`
  assert.equal((await fetch(address, { method: 'POST', body })).status, 200)
  const logout: BackchannelLogout = app.get(nest.getBackchannelLogoutToken('partner'))
  assert.equal(await logout.isLoggedOut(partner.session()), true)
})

test('orms.md and workers.md: the command prints the statements', async () => {
  for (const [page, dialect] of [
    ['docs/guides/orms.md', 'postgresql'],
    ['docs/start/workers.md', 'sqlite'],
  ] as const) {
    const [, script] = /^node -e "(.*?)"/m.exec(readFileSync(join(root, page), 'utf8'))!
    const stdout = await runNode(['-e', script!], { cwd: join(root, 'docs') })
    assert.equal(stdout.trimEnd(), schema(dialect).trimEnd(), page)
  }
})

test('packages/sql/README.md: while another process locks the SQLite file, a write waits, and the process goes on', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sqlite-'))
  const open = () => new DatabaseSync(join(folder, 'app.db'))
  const [db, other] = [open(), open()]
  t.after(() => {
    for (const each of [db, other]) each.close()
    rmSync(folder, { recursive: true })
  })
  db.exec('PRAGMA journal_mode = WAL')
  db.exec(schema('sqlite'))
  db.exec('PRAGMA busy_timeout = 0')
  const store = new SqlStore({
    dialect: 'sqlite',
    query: (text, params) => retryWhileLocked(() => db.prepare(text).all(...params)),
  })
  const expiresAt = Math.floor(Date.now() / 1000) + 60
  other.exec('BEGIN IMMEDIATE')
  // These reads and the `ROLLBACK` run in this process, so they run only if the write does not block it.
  const written = store.add('key', 'value', expiresAt)
  assert.deepEqual(await store.values(['key']), [[]])
  other.exec('ROLLBACK')
  await written
  assert.deepEqual(await store.values(['key']), [['value']])

  other.exec('BEGIN IMMEDIATE')
  await assert.rejects(async () => store.add('key', 'another', expiresAt), /database is locked/)
  other.exec('ROLLBACK')
  await assert.rejects(
    retryWhileLocked(() => db.prepare('no statement')),
    /syntax error/,
  )
})

const { DATABASE_URL = 'postgres://postgres@127.0.0.1:5432/test', MYSQL_URL = 'mysql://root@127.0.0.1:3306/test' } =
  process.env
const postgresql = new Pool({ connectionString: DATABASE_URL, connectionTimeoutMillis: 2000, max: 1 })
const noPostgresql = await postgresql.query('SELECT 1').then(
  () => undefined,
  (error: Error) => error,
)
const mysqlConnection = await mysql
  .createConnection({ uri: MYSQL_URL, multipleStatements: true, connectTimeout: 2000 })
  .catch((error: Error) => error)
after(async () => {
  await postgresql.end()
  if (!(mysqlConnection instanceof Error)) await mysqlConnection.end()
})
const skipWithout = (error: unknown) =>
  error instanceof Error && process.env.CI !== 'true' ? `no database: ${error.message}` : false

/** The statements of stores.md that correct a table: for MySQL, and for PostgreSQL. */
const corrections = codeBlocks(readFileSync(join(root, 'docs/stores.md'), 'utf8'))
  .find(({ language }) => language === 'sql')!
  .code.split(/^-- .*$/m)
  .slice(1)

// Each test uses the table `bcl_logouts` of a namespace of its own.
const namespace = `corrections_${crypto.randomUUID().replaceAll('-', '')}`
const find = "SELECT entry_value FROM bcl_logouts WHERE entry_key = 'alice'"

test('stores.md: the statements correct a table of PostgreSQL', { skip: skipWithout(noPostgresql) }, async (t) => {
  await postgresql.query(`
    CREATE SCHEMA ${namespace};
    SET search_path TO ${namespace};
    CREATE COLLATION ignores_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
    ${schema('postgresql').replaceAll(/(entry_key|entry_value) text COLLATE "C"/g, '$1 text COLLATE ignores_case')};
    INSERT INTO bcl_logouts (entry_key, entry_value, expires_at) VALUES ('Alice', 'value', 0)`)
  t.after(() => postgresql.query(`DROP SCHEMA ${namespace} CASCADE; RESET search_path`))
  assert.equal((await postgresql.query(find)).rowCount, 1)
  await postgresql.query(corrections[1]!)
  assert.equal((await postgresql.query(find)).rowCount, 0)
  assert.equal((await postgresql.query(find.replace('alice', 'Alice'))).rowCount, 1)
})

test('stores.md: the statements correct a table of MySQL', { skip: skipWithout(mysqlConnection) }, async (t) => {
  const connection = mysqlConnection as Exclude<typeof mysqlConnection, Error>
  await connection.query(
    `CREATE DATABASE ${namespace} CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci; USE ${namespace}`,
  )
  t.after(() => connection.query(`DROP DATABASE ${namespace}`))
  await connection.query(
    schema('mysql').replaceAll('VARBINARY(255)', 'VARCHAR(255)').replace('MEDIUMBLOB', 'MEDIUMTEXT'),
  )
  await connection.query("INSERT INTO bcl_logouts (entry_key, entry_value, expires_at) VALUES ('Alice', 'value', 0)")
  const count = async (statement: string) => ((await connection.query(statement))[0] as unknown[]).length
  assert.equal(await count(find), 1)
  await connection.query(corrections[0]!)
  assert.equal(await count(find), 0)
  const columns = async () =>
    ((await connection.query('SHOW CREATE TABLE bcl_logouts'))[0] as { 'Create Table': string }[])[0]!['Create Table']
  const corrected = await columns()
  await connection.query(`DROP TABLE bcl_logouts; ${schema('mysql')}`)
  const columnsOf = (table: string) => table.match(/^ *`\w+` .*$/gm)
  assert.deepEqual(columnsOf(corrected), columnsOf(await columns()))
})

test('stores.md: a build does not connect to Redis, because the client connects at its first call', async (t) => {
  let connections = 0
  const server = createServer((socket) => {
    connections += 1
    socket.destroy()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const url = process.env.REDIS_URL
  process.env.REDIS_URL = `redis://127.0.0.1:${(server.address() as AddressInfo).port}`
  t.after(() => (url === undefined ? delete process.env.REDIS_URL : (process.env.REDIS_URL = url)))
  t.mock.method(console, 'error', () => {})
  const { mock } = t.mock.method(Redis.prototype, 'connect')
  const disconnect = () => mock.calls.forEach(({ this: client }) => (client as Redis).disconnect())
  t.after(disconnect)
  const { store } = await import('../snippets/docs-stores-md/store.ts')
  // If the client had begun to connect, its connection would arrive before this one.
  const own = connect((server.address() as AddressInfo).port, '127.0.0.1')
  await once(own, 'close')
  assert.equal(connections, 1)
  const read = Promise.resolve(store.values(['key'])).catch(() => {})
  await once(server, 'connection')
  disconnect()
  await read
})
