// Runs the code of each tab on the front page, and the first code of the READMEs. The code has no session library and no pages.
// A reader adds both, and so does this test.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { basename, join } from 'node:path'
import { before, test, type TestContext } from 'node:test'

import type { SessionClaims } from '@bcl/core'
import { serve } from '@hono/node-server'
import type { Express } from 'express'
import type { FastifyInstance } from 'fastify'
import type { Hono } from 'hono'
import type Koa from 'koa'

import { codeBlocks } from '../../checks/scripts/code-blocks.ts'
import { compileNest } from './nest.ts'
import { answerAsProvider, fetch, op, writeCode } from './page-code.ts'

const docs = join(import.meta.dirname, '..')

answerAsProvider()
before(() => {
  process.env['SESSION_SECRET'] = 'at-least-32-characters-that-nobody-can-guess'
})

/** Sends a request to the application. */
type Ask = (path: string, init?: RequestInit) => Promise<Response>
/** Returns the headers that a browser with this session sends. */
type HeadersOf = (ask: Ask, claims: SessionClaims) => Promise<Record<string, string>>

/** The session library of this test keeps the session in a header. */
const inHeader: HeadersOf = async (_ask, claims) => ({ 'x-session': JSON.stringify({ claims }) })
/** The code has a session library. The test adds the route `/sign-in`. */
const inCookie: HeadersOf = async (ask, claims) => {
  const { headers } = await ask('/sign-in', { headers: await inHeader(ask, claims) })
  return { cookie: headers.getSetCookie()[0]!.split(';')[0]! }
}

async function listen(t: TestContext, server: Server): Promise<Ask> {
  if (!server.listening) await once(server.listen(0, '127.0.0.1'), 'listening')
  t.after(() => server.close())
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return (path, init) => fetch(base + path, { redirect: 'manual', ...init })
}

interface Framework {
  /** What a reader writes in place of the comment "Put your session … here". */
  sessions?: string
  /** Adds the page `/account`, and starts the application. */
  start(t: TestContext, file: string): Promise<Ask>
  headersOf?: HeadersOf
  /** The status of a page if the session has ended. @default 401 */
  refusal?: number
}

const readSession = (header: string) => `JSON.parse(String(${header} || '{}'))`
const appOf = async <App>(file: string): Promise<App> => (await import(file)).app

const startHono: Framework['start'] = async (t, file) => {
  const app = await appOf<Hono>(file)
  app.get('/account/me', (c) => c.text('me'))
  return listen(t, serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server)
}
const startExpress: Framework['start'] = async (t, file) => {
  const app = await appOf<Express>(file)
  app.get('/account/me', (_request, response) => void response.send('me'))
  app.get('/sign-in', (request, response) => {
    Object.assign(request.session, JSON.parse(String(request.headers['x-session'])))
    response.end()
  })
  return listen(t, createServer(app))
}
const startKoa: Framework['start'] = async (t, file) => {
  const app = await appOf<Koa>(file)
  app.use((ctx) => void (ctx.body = 'me'))
  return listen(t, createServer(app.callback()))
}
const startFastify: Framework['start'] = async (t, file) => {
  const app = await appOf<FastifyInstance>(file)
  app.get('/account/me', async () => 'me')
  app.get('/sign-in', async (request) => {
    request.session.set('claims', JSON.parse(String(request.headers['x-session'])).claims)
    return ''
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  t.after(() => app.close())
  return listen(t, app.server)
}
const startNest: Framework['start'] = async (t, file) => {
  const dist = compileNest(basename(join(file, '..')), [basename(file)])
  const { AppModule } = await import(join(dist, basename(file).replace('.ts', '.js')))
  const [{ Controller, Get }, { NestFactory }] = await Promise.all([import('@nestjs/common'), import('@nestjs/core')])
  class Account {
    me() {
      return 'me'
    }
  }
  Get('account/me')(Account.prototype, 'me', Object.getOwnPropertyDescriptor(Account.prototype, 'me')!)
  Controller()(Account)
  const module = { module: AppModule, controllers: [Account] }
  const app = await NestFactory.create(module, { logger: ['error'] })
  t.after(() => app.close())
  app.use((request: IncomingMessage & { session?: object }, _response: unknown, next: () => void) => {
    request.session = JSON.parse(String(request.headers['x-session'] ?? '{}'))
    next()
  })
  await app.listen(0, '127.0.0.1')
  return listen(t, app.getHttpServer())
}
/** The code exports the endpoint and the check, and a reader calls the check in each page. */
const startFunctions: Framework['start'] = async (_t, file) => {
  const { handle, endpoint = handle, isOver } = await import(file)
  return async (path, init) => {
    const request = new Request(`https://app.example.com${path}`, init)
    if (path === '/backchannel-logout') return endpoint(request)
    const { claims } = JSON.parse(request.headers.get('x-session') ?? '{}')
    return new Response(null, { status: claims && (await isOver(claims)) ? 401 : 200 })
  }
}

const hono: Framework = {
  sessions: `app.use((c, next) => (c.set('session', ${readSession("c.req.header('x-session')")}), next()))`,
  start: startHono,
}
const tabs: Record<string, Framework> = {
  Hono: hono,
  Express: {
    sessions: `app.use((request, response, next) => {
      response.locals.claims = ${readSession("request.headers['x-session']")}.claims
      next()
    })`,
    start: startExpress,
  },
  Koa: {
    sessions: `app.use((ctx, next) => ((ctx.state.claims = ${readSession("ctx.get('x-session')")}.claims), next()))`,
    start: startKoa,
  },
  Fastify: {
    sessions: `app.addHook('onRequest', async (request) => {
      request.setDecorator('claims', ${readSession("request.headers['x-session']")}.claims)
    })`,
    start: startFastify,
  },
  NestJS: { start: startNest },
  'Next.js': { start: startFunctions },
  'Any other': { start: startFunctions },
}
const readmes: Record<string, Framework> = {
  'README.md': { ...hono, refusal: 302 },
  'packages/hono/README.md': hono,
  'packages/koa/README.md': {
    sessions: `app.use((ctx, next) => ((ctx.state.session = ${readSession("ctx.get('x-session')")}), next()))`,
    start: startKoa,
  },
  'packages/express/README.md': { start: startExpress, headersOf: inCookie },
  'packages/fastify/README.md': { start: startFastify, headersOf: inCookie },
  'packages/nestjs/README.md': { start: startNest },
}

const page = readFileSync(join(docs, 'index.md'), 'utf8')
const codeOfTab = (label: string): string => codeBlocks(page.split(`\n**${label}**\n`)[1]!)[0]!.code
const codeOfReadme = (file: string): string =>
  codeBlocks(readFileSync(join(docs, '..', file), 'utf8')).find(({ language }) => language === 'ts')!.code

/** Each test writes the code to another file, so that Node.js runs the code again. */
const write = (name: string, code: string): string => writeCode('front-page', name, code, ['app'])

const statusOf = async (ask: Ask, path: string, init?: RequestInit): Promise<number> => {
  const response = await ask(path, init)
  await response.body?.cancel()
  return response.status
}

function check(name: string, code: string, { sessions, start, headersOf = inHeader, refusal = 401 }: Framework): void {
  test(`${name}: without a session library, the endpoint and the pages answer`, async (t) => {
    const ask = await start(t, write(`${name} alone`, code))
    assert.equal(await statusOf(ask, '/account/me'), 200)
    assert.equal(await statusOf(ask, '/backchannel-logout'), 405)
  })

  test(`${name}: with a session library, a logout ends the session that it names`, async (t) => {
    const comment = /^\/\/ Put your session .*$/m
    if (sessions !== undefined) assert.match(code, comment)
    const ask = await start(t, write(`${name} sessions`, code.replace(comment, sessions ?? '')))
    const cookies = await Promise.all(['laptop', 'phone'].map((sid) => headersOf(ask, op.session({ sid }))))
    const statuses = () => Promise.all(cookies.map((headers) => statusOf(ask, '/account/me', { headers })))
    assert.deepEqual(await statuses(), [200, 200])
    const body = new URLSearchParams({ logout_token: await op.logoutToken({ sid: 'laptop' }) })
    assert.equal(await statusOf(ask, '/backchannel-logout', { method: 'POST', body }), 200)
    assert.deepEqual(await statuses(), [refusal, 200])
  })
}

test('each tab has a test', () => {
  assert.deepEqual(page.match(/(?<=^\*\*).+(?=\*\*$)/gm), Object.keys(tabs))
})
for (const [label, framework] of Object.entries(tabs)) check(`the tab ${label}`, codeOfTab(label), framework)
for (const [file, framework] of Object.entries(readmes)) {
  const code = codeOfReadme(file)
    // In this test, the logouts are in memory, and the provider is the provider of this test.
    .replace(/store: new RedisStore\(.*\),$/m, 'store: new MemoryStore(),')
    .replace('{ createBackchannelLogout, type', '{ createBackchannelLogout, MemoryStore, type')
    .replace(/issuer: '[^']*'/, `issuer: '${op.issuer}'`)
  check(file, code, framework)
}
