import { createBackchannelLogout } from '@bcl/core'
import { activeSession } from '@bcl/koa'
import { createTestIssuer } from '@bcl/testing'
import { Router } from '@koa/router'
import Koa from 'koa'
import type { IDToken } from 'openid-client'
import { afterEach, beforeEach, expect, it } from 'vitest'

import { readConfig } from '../src/config.ts'
import { createSessions, type SessionContext } from '../src/session.ts'
import { createStores } from '../src/store.ts'
import { type Served, serve } from './serve.ts'

const config = readConfig({ SESSION_SECRET: 'secret', ISSUER: 'https://op.example.com', CLIENT_ID: 'koa' })
const op = await createTestIssuer({ issuer: config.issuer, clientId: config.clientId })

const { sessions: store, logouts } = await createStores(undefined)
const logout = createBackchannelLogout({
  issuers: [op.trusted],
  sessionMaxAge: config.sessionMaxAge,
  store: logouts,
  destroySession: (sessionId) => store.destroy(sessionId),
})

/** The store waits for this function before each save. */
let beforeSaved: () => Promise<unknown>
let idToken: Partial<IDToken>
let app: Served

beforeEach(async () => {
  beforeSaved = async () => {}
  // Logouts are not removed after a test, so each test has a different session at the provider.
  idToken = { ...op.session({ sid: crypto.randomUUID() }) }
  app = await serve(createListener())
})

afterEach(() => app.stop())

function createListener() {
  const koa = new Koa()
  koa.keys = [config.sessionSecret]
  koa.on('error', () => {})
  const sessions = createSessions(koa, config, logout, {
    ...store,
    async set(...args) {
      await beforeSaved()
      await store.set(...args)
    },
  })
  const router = new Router<Koa.DefaultState, SessionContext>()
  router.get('/start', async (ctx) => {
    ctx.body = { alive: await sessions.start(ctx, idToken as IDToken, 'id-token') }
  })
  router.get('/session', (ctx) => {
    ctx.body = sessions.read(ctx) ?? {}
  })
  router.get(
    '/me',
    activeSession<Koa.DefaultState, SessionContext>(logout, { session: (ctx) => sessions.read(ctx)?.claims }),
    (ctx) => {
      ctx.body = {}
    },
  )
  return koa.use(sessions.middleware).use(router.routes()).callback()
}

const endSession = async () => logout.receive(await op.logoutToken({ sid: idToken['sid'] }))
const idIn = (cookie: string) => /koa_session=([^;]+)/.exec(cookie)![1]!

it('keeps the claims and the ID Token on the server, and an id in a signed cookie', async () => {
  const { cookie, setCookie } = await app.get('/start')

  expect(setCookie.at(-2)).toMatch(/^koa_session=[\w-]+; path=\/; expires=.+; samesite=lax; httponly$/)
  expect(setCookie.at(-1)).toMatch(/^koa_session\.sig=[\w-]+; path=\/; expires=.+; samesite=lax; httponly$/)
  expect((await app.get('/session', cookie)).body).toEqual({ claims: idToken, idToken: 'id-token' })
  const forged = cookie.replace(/sig=(.)/, (_, first: string) => `sig=${first === 'A' ? 'B' : 'A'}`)
  expect((await app.get('/session', forged)).body).toEqual({})
})

it('destroys a session in the store when the provider ends it', async () => {
  const { cookie } = await app.get('/start')
  expect(await store.get(idIn(cookie))).toBeDefined()

  expect(await endSession()).toMatchObject({ sessionIds: [idIn(cookie)] })

  expect(await store.get(idIn(cookie))).toBeUndefined()
})

it('T-11: refuses a session that a running request saved again after the logout', async () => {
  const { cookie } = await app.get('/start')
  beforeSaved = endSession

  const underWay = await app.get('/me', cookie)
  beforeSaved = async () => {}

  expect(underWay.status).toBe(200)
  expect(await store.get(idIn(cookie))).toBeDefined()
  expect((await app.get('/me', cookie)).status).toBe(401)
})

it('RP-32: creates no session if the logout came before the sign-in', async () => {
  await endSession()

  const { body, cookie } = await app.get('/start')

  expect(body).toEqual({ alive: false })
  expect((await app.get('/session', cookie)).body).toEqual({})
})

it('gives each sign-in a new session id, and deletes the session with the old id', async () => {
  const first = await app.get('/start')
  idToken = { ...op.session({ sub: 'bob', sid: crypto.randomUUID() }) }

  const second = await app.get('/start', first.cookie)

  expect(idIn(second.cookie)).not.toBe(idIn(first.cookie))
  expect(await store.get(idIn(first.cookie))).toBeUndefined()
  expect((await app.get('/session', second.cookie)).body).toMatchObject({ claims: { sub: 'bob' } })
})

it('does not use a session id that the browser chose', async () => {
  const { cookie } = await app.get('/start', 'koa_session=planted')
  expect(idIn(cookie)).not.toBe('planted')
})

it('refuses a Logout Token in place of an ID Token', async () => {
  idToken = { ...idToken, events: { 'http://schemas.openid.net/event/backchannel-logout': {} } }
  expect(await app.get('/start')).toMatchObject({ status: 500, setCookie: [] })
})

it('ignores the session of another issuer', async () => {
  const { cookie } = await app.get('/start')
  const elsewhere = { ...idToken, iss: 'https://other.example.com' }
  await store.set(idIn(cookie), { claims: elsewhere, idToken: 'id-token' }, 1000)

  expect((await app.get('/session', cookie)).body).toEqual({})
})
