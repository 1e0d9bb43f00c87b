import { promisify } from 'node:util'

import { createBackchannelLogout, MemoryStore } from '@bcl/core'
import { createTestIssuer, type TestIssuer } from '@bcl/testing'
import expressSession from 'express-session'
import type { IDToken } from 'openid-client'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'

import { createApp } from '../src/app.ts'
import { readConfig } from '../src/config.ts'
import { createSessions } from '../src/session.ts'
import { destroySession } from '../src/store.ts'
import { type Served, serve } from './serve.ts'

/** A session store that waits for `before` before each save. */
class HeldStore extends expressSession.MemoryStore {
  before = async () => {}

  override set(...[id, session, callback]: Parameters<expressSession.MemoryStore['set']>): void {
    void this.before().then(() => super.set(id, session, callback))
  }
}

const store = new HeldStore()
const stored = (id: string) => promisify(store.get.bind(store))(id)

let op: TestIssuer
let app: Served
let idToken: Partial<IDToken>

beforeAll(async () => {
  op = await createTestIssuer({ clientId: 'express' })
  const config = readConfig({ SESSION_SECRET: 'secret', ISSUER: op.issuer })
  const logout = createBackchannelLogout({
    issuers: [op.trusted],
    sessionMaxAge: config.sessionMaxAge,
    store: new MemoryStore(),
    destroySession: (sessionId) => destroySession(store, sessionId),
  })
  const sessions = createSessions(config, logout, store)
  const application = createApp(config, logout, store, { isReady: () => true })
  application.get('/start', (request, response) =>
    sessions.start(request, idToken as IDToken, 'id-token').then(
      (alive) => response.json({ alive }),
      () => response.sendStatus(500),
    ),
  )
  application.get('/change', (request, response) => {
    request.session.idToken = 'changed'
    response.json({})
  })
  app = await serve(application)
})

afterAll(() => app.stop())

beforeEach(() => {
  store.before = async () => {}
  // Logouts are not removed after a test, so each test has a different session at the provider.
  idToken = { ...op.session({ sid: crypto.randomUUID() }) }
})

async function endSession(): Promise<void> {
  const body = new URLSearchParams({ logout_token: await op.logoutToken({ sid: idToken['sid'] }) })
  const response = await fetch(`${app.url}/backchannel-logout`, { method: 'POST', body })
  expect(response.status).toBe(200)
}

const idIn = (cookie: string) => /express_session=s%3A([\w-]+)/.exec(cookie)![1]!

it('keeps the claims and the ID Token on the server, and an id in a signed cookie', async () => {
  const { cookie, setCookie } = await app.get('/start')

  expect(setCookie).toEqual([
    expect.stringMatching(/^express_session=s%3A[\w-]+\..+; Path=\/; Expires=.+; HttpOnly; SameSite=Lax$/),
  ])
  expect(await stored(idIn(cookie))).toMatchObject({ claims: idToken, idToken: 'id-token' })
  expect((await app.get('/me', cookie)).body).toEqual(idToken)
  expect((await app.get('/me', cookie.slice(0, -1))).status).toBe(401)
})

it('treats a cookie that it has not written as no session, even if cookie-parser reads it as JSON', async () => {
  expect((await app.get('/me', 'express_session=j%3A%7B%7D')).status).toBe(401)
})

it('destroys a session in the store when the provider ends it', async () => {
  const { cookie } = await app.get('/start')
  expect(await stored(idIn(cookie))).toBeDefined()

  await endSession()

  expect(await stored(idIn(cookie))).toBeUndefined()
  expect((await app.get('/me', cookie)).status).toBe(401)
})

it('T-11: refuses a session that a running request saved again after the logout', async () => {
  const { cookie } = await app.get('/start')
  store.before = endSession

  await app.get('/change', cookie)
  store.before = async () => {}

  expect(await stored(idIn(cookie))).toMatchObject({ claims: idToken, idToken: 'changed' })
  expect(await app.get('/me', cookie)).toMatchObject({ status: 401, body: { error: 'not signed in' } })
  expect(await stored(idIn(cookie))).toBeUndefined()
})

it('RP-32: creates no session if the logout came before the sign-in', async () => {
  await endSession()
  expect(await app.get('/start')).toMatchObject({ body: { alive: false }, setCookie: [] })
})

it('gives each sign-in a new session id, and deletes the session with the old id', async () => {
  const first = await app.get('/start')
  idToken = { ...op.session({ sub: 'bob', sid: crypto.randomUUID() }) }

  const second = await app.get('/start', first.cookie)

  expect(idIn(second.cookie)).not.toBe(idIn(first.cookie))
  expect(await stored(idIn(first.cookie))).toBeUndefined()
  expect((await app.get('/me', second.cookie)).body).toMatchObject({ sub: 'bob' })
})

it('refuses a Logout Token in place of an ID Token', async () => {
  idToken = { ...idToken, events: { 'http://schemas.openid.net/event/backchannel-logout': {} } }
  expect(await app.get('/start')).toMatchObject({ status: 500, setCookie: [] })
})

it('ignores the session of another issuer', async () => {
  const { cookie } = await app.get('/start')
  const session = (await stored(idIn(cookie)))!
  await promisify(store.set.bind(store))(idIn(cookie), {
    ...session,
    claims: { ...session.claims!, iss: 'https://other.example.com' },
  })

  expect((await app.get('/me', cookie)).status).toBe(401)
})
