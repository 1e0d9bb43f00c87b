import { promisify } from 'node:util'

import { createBackchannelLogout, MemoryStore } from '@bcl/core'
import expressSession from 'express-session'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'

import { createApp } from '../src/app.ts'
import { readConfig } from '../src/config.ts'
import { type Served, serve } from './serve.ts'

// No provider is running, so every sign-out redirects to the start page.
const config = readConfig({ SESSION_SECRET: 'secret', ISSUER: 'http://127.0.0.1:1' })

let store: expressSession.MemoryStore
let app: Served

beforeEach(async () => {
  vi.spyOn(console, 'error').mockImplementation(() => {})
  store = new expressSession.MemoryStore()
  const logout = createBackchannelLogout({
    issuers: [config.trusted],
    sessionMaxAge: config.sessionMaxAge,
    store: new MemoryStore(),
  })
  const application = createApp(config, logout, store, { isReady: () => true })
  application.get('/start/:sid', (request, response) => {
    const { sid } = request.params
    const claims = { iss: config.issuer, sub: 'alice', sid, iat: Math.floor(Date.now() / 1000) }
    Object.assign(request.session, { claims, idToken: 'id-token' })
    response.json({})
  })
  app = await serve(application)
})

afterEach(async () => {
  await app.stop()
  vi.restoreAllMocks()
})

const post = (path: string, cookie: string, headers: Record<string, string> = {}) =>
  fetch(app.url + path, { method: 'POST', headers: { cookie, ...headers }, redirect: 'manual' })

const idIn = (cookie: string) => /express_session=s%3A([\w-]+)/.exec(cookie)![1]!

it('T-11: /logout-everywhere refuses a session that a running request saved again after the logout', async () => {
  const [laptop, phone] = [(await app.get('/start/laptop')).cookie, (await app.get('/start/phone')).cookie]
  const saved = (await promisify(store.get.bind(store))(idIn(laptop)))!
  expect((await post('/logout', laptop)).status).toBe(303)
  store.set(idIn(laptop), saved)

  const response = await post('/logout-everywhere', laptop)

  expect([response.status, await response.json()]).toEqual([401, { error: 'not signed in' }])
  expect((await app.get('/me', phone)).status).toBe(200)
})

it('signs out even if the session store fails during the sign-out', async () => {
  const { cookie } = await app.get('/start/laptop')
  store.destroy = (_id, done) => done?.(new Error('the store is down'))

  const response = await post('/logout', cookie)

  expect(response.status).toBe(303)
  expect(response.headers.getSetCookie().join('\n')).toMatch(/^express_session=;/m)
})

it('refuses a sign-out that a page of another site sent', async () => {
  const { cookie } = await app.get('/start/laptop')
  expect((await post('/logout', cookie, { origin: 'https://other.example' })).status).toBe(403)
  expect((await post('/logout', cookie, { 'sec-fetch-site': 'cross-site' })).status).toBe(403)
  expect((await app.get('/me', cookie)).status).toBe(200)
  expect((await post('/logout', cookie, { 'sec-fetch-site': 'same-origin' })).status).toBe(303)
})
