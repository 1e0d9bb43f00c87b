// Runs the code of docs/sessions.md that keeps the sessions on the server. The test adds the routes that call `signIn` and `signOut`.
// Also runs the Redis client in the README of @bcl/nestjs.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

import { MemoryStore, type BackchannelLogout, type SessionClaims } from '@bcl/core'
import type { Express, Request } from 'express'
import type Koa from 'koa'
import { createClient } from 'redis'

import { codeBlocks } from '../../checks/scripts/code-blocks.ts'
import { compileNest } from './nest.ts'
import { answerAsProvider, fetch, op, writeCode } from './page-code.ts'

answerAsProvider()
const page = readFileSync(join(import.meta.dirname, '../sessions.md'), 'utf8')

interface Sessions {
  get(id: string): Promise<object | null | undefined>
  set(id: string, session: object): unknown
}

interface Application {
  listener: RequestListener
  sessions: Sessions
  logout: BackchannelLogout
}

/** Writes the code below a heading of the page, and runs the code. */
async function load(heading: string) {
  const { code } = codeBlocks(page.split(`\n## ${heading}\n`)[1]!)[0]!
  return import(writeCode('sessions', heading, code, ['app', 'logout', 'sessions', 'redis']))
}

async function startKoa(): Promise<Application> {
  const records = new Map<string, object>()
  const sessions = {
    get: async (id: string) => records.get(id),
    set: async (id: string, session: object) => void records.set(id, structuredClone(session)),
    destroy: async (id: string) => void records.delete(id),
  }
  // The page declares these variables.
  Object.assign(globalThis, { sessions, store: new MemoryStore(), sessionSecret: 'at-least-32-characters' })
  const { app, logout, signIn, signOut } = await load('koa-session')
  ;(app as Koa).use(async (ctx) => {
    const { claims } = ctx['session']
    if (ctx.path === '/sign-in') ctx.status = (await signIn(ctx, JSON.parse(ctx.get('x-claims')))) ? 200 : 401
    else if (ctx.path === '/sign-out') await signOut(ctx).then(() => (ctx.status = 200))
    else ctx.status = claims ? 200 : 401
    ctx.set('x-id', ctx['session']?.externalKey ?? '')
  })
  return { listener: app.callback(), sessions, logout }
}

async function startExpress(t: TestContext): Promise<Application> {
  Object.assign(globalThis, { sessionSecret: 'at-least-32-characters' })
  process.env['REDIS_URL'] ??= 'redis://127.0.0.1:6379'
  const { app, logout, sessions, redis, signIn, signOut } = await load('express-session')
  t.after(() => redis.close())
  const express = app as Express
  express.get('/sign-in', async (request: Request, response) => {
    const lives = await signIn(request, JSON.parse(String(request.headers['x-claims'])))
    response.set('x-id', request.sessionID).sendStatus(lives ? 200 : 401)
  })
  express.get('/sign-out', async (request, response) => {
    await signOut(request)
    response.sendStatus(200)
  })
  express.get('/me', (request, response) => void response.sendStatus(request.session.claims ? 200 : 401))
  return { listener: app, sessions, logout }
}

const redis = createClient({
  url: process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379',
  socket: { reconnectStrategy: false },
})
const unreachable = await redis
  .on('error', () => {})
  .connect()
  .then(
    () => redis.close(),
    (error: Error) => error,
  )
const noRedis = unreachable && process.env['CI'] !== 'true' ? `no Redis: ${unreachable.message}` : false

const libraries = { 'koa-session': [startKoa, false], 'express-session': [startExpress, noRedis] } as const

for (const [name, [start, skip]] of Object.entries(libraries)) {
  test(`${name}: a logout deletes the session, and no copy of a session survives`, { skip }, async (t) => {
    const { listener, sessions, logout } = await start(t)
    const server = createServer(listener).listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => server.close())
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const ask = async (path: string, headers: Record<string, string> = {}) => {
      const response = await fetch(base + path, { headers, redirect: 'manual' })
      await response.body?.cancel()
      return response
    }
    const signIn = async (claims: SessionClaims) => {
      const { status, headers } = await ask('/sign-in', { 'x-claims': JSON.stringify(claims) })
      const cookie = headers
        .getSetCookie()
        .map((line) => line.split(';')[0])
        .join('; ')
      return { status, cookie, id: headers.get('x-id')! }
    }
    const me = async (cookie: string) => (await ask('/me', { cookie })).status
    const end = async (sid: string) => {
      const body = new URLSearchParams({ logout_token: await op.logoutToken({ sid }) })
      assert.equal((await fetch(`${base}/backchannel-logout`, { method: 'POST', body })).status, 200)
    }
    const sessionOf = (sid: string) => op.session({ sid: `${sid}-${crypto.randomUUID()}` })

    const [laptop, phone] = [sessionOf('laptop'), sessionOf('phone')]
    const [{ cookie, id }, other] = [await signIn(laptop), await signIn(phone)]
    assert.deepEqual([await me(cookie), await me(other.cookie)], [200, 200])
    assert.ok(await sessions.get(id))
    await end(laptop.sid!)
    assert.ok(!(await sessions.get(id)))
    assert.deepEqual([await me(cookie), await me(other.cookie)], [401, 200])

    // Another request of the same session is in progress during the sign-out, and saves the session after the sign-out.
    const saved = await sessions.get(other.id)
    assert.equal((await ask('/sign-out', { cookie: other.cookie })).status, 200)
    assert.ok(!(await sessions.get(other.id)))
    await sessions.set(other.id, { ...saved, signIn: 'in another tab' })
    // The code for express-session does not redirect to /login, because /login would replace the sign-in in another tab.
    assert.equal(await me(other.cookie), name === 'express-session' ? 401 : 302)
    const left = { ...(await sessions.get(other.id)) } as { claims?: object; signIn?: string }
    assert.equal(left.claims, undefined)
    if (name === 'express-session') assert.equal(left.signIn, 'in another tab')
    assert.equal(await logout.isLoggedOut(phone), true)

    const late = sessionOf('late')
    await end(late.sid!)
    const { status, cookie: none } = await signIn(late)
    assert.equal(status, 401)
    assert.equal(await me(none), 401)
  })
}

test(
  'packages/nestjs/README.md: the Redis client works until the application has ended',
  { skip: noRedis },
  async () => {
    const folder = 'packages-nestjs-README-md'
    const path = join(import.meta.dirname, '../snippets', folder)
    const file = readdirSync(path).find(
      (name) => name.endsWith('.ts') && readFileSync(join(path, name), 'utf8').includes('class Redis'),
    )!
    const { Redis } = await import(join(compileNest(folder, [file]), file.replace('.ts', '.js')))
    const { NestFactory } = await import('@nestjs/core')
    const app = await NestFactory.createApplicationContext(
      { module: Object, providers: [Redis] },
      { logger: ['error'] },
    )
    const { client } = app.get(Redis) as { client: typeof redis }
    assert.equal(await client.ping(), 'PONG')
    await app.close()
    assert.equal(client.isOpen, false)
  },
)
