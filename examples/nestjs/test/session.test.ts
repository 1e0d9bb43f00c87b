import { promisify } from 'node:util'

import { createTestIssuer, type TestIssuer } from '@bcl/testing'
import type { NestExpressApplication } from '@nestjs/platform-express'
import type { Request, Response } from 'express'
import expressSession from 'express-session'
import type { IDToken } from 'openid-client'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'

import { createApp } from '../src/app.ts'
import { readConfig } from '../src/config.ts'
import { Sessions } from '../src/session.ts'
import { createStores } from '../src/store.ts'
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
let provider: Served
let nest: NestExpressApplication
let app: Served
let idToken: Partial<IDToken>

beforeAll(async () => {
  provider = await serve(async (request, response) => {
    response.end(await (await op.fetch(new URL(request.url!, op.issuer))).text())
  })
  op = await createTestIssuer({ issuer: provider.url, clientId: 'nestjs' })
  const config = readConfig({ SESSION_SECRET: 'secret', ISSUER: provider.url })
  nest = await createApp(config, { ...(await createStores(undefined)), sessions: store })
  const start = async (request: Request) => nest.get(Sessions).start(request, idToken as IDToken, 'id-token')
  nest.use('/start', (request: Request, response: Response) => {
    start(request).then(
      (alive) => response.json({ alive }),
      () => response.sendStatus(500),
    )
  })
  nest.use('/change', (request: Request, response: Response) => {
    request.session.idToken = 'changed'
    response.json({})
  })
  await nest.init()
  app = await serve(nest.getHttpAdapter().getInstance())
})

afterAll(async () => {
  await Promise.all([app.stop(), provider.stop()])
  await nest.close()
})

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

const idIn = (cookie: string) => /nestjs_session=s%3A([\w-]+)/.exec(cookie)![1]!

it('keeps the claims and the ID Token on the server, and an id in a signed cookie', async () => {
  const { cookie, setCookie } = await app.get('/start')

  expect(setCookie).toEqual([
    expect.stringMatching(/^nestjs_session=s%3A[\w-]+\..+; Path=\/; Expires=.+; HttpOnly; SameSite=Lax$/),
  ])
  expect(await stored(idIn(cookie))).toMatchObject({ claims: idToken, idToken: 'id-token' })
  expect((await app.get('/me', cookie)).body).toEqual(idToken)
  expect((await app.get('/me', cookie.slice(0, -1))).status).toBe(401)
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
