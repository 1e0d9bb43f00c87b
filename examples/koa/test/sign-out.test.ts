import { createBackchannelLogout } from '@bcl/core'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'

import { createApp } from '../src/app.ts'
import { readConfig } from '../src/config.ts'
import type { SessionContext } from '../src/session.ts'
import { createStores, type SessionStore } from '../src/store.ts'
import { type Served, serve } from './serve.ts'

// No provider is running, so every sign-out redirects to the start page.
const config = readConfig({ SESSION_SECRET: 'secret', ISSUER: 'http://127.0.0.1:1' })

let sessions: SessionStore
let app: Served

beforeEach(async () => {
  const stores = await createStores(undefined)
  sessions = stores.sessions
  const logout = createBackchannelLogout({
    issuers: [config.trusted],
    sessionMaxAge: config.sessionMaxAge,
    store: stores.logouts,
  })
  const koa = createApp(config, logout, sessions, { isReady: () => true })
  koa.use((ctx) => {
    const claims = { iss: config.issuer, sub: 'alice', sid: ctx.path, iat: Math.floor(Date.now() / 1000) }
    ;(ctx as unknown as SessionContext).session = { claims, idToken: 'id-token' }
    ctx.body = {}
  })
  app = await serve(koa.callback())
  vi.spyOn(console, 'error').mockImplementation(() => {})
})

afterEach(async () => {
  vi.restoreAllMocks()
  await app.stop()
})

const post = (path: string, cookie: string) =>
  fetch(app.url + path, { method: 'POST', headers: { cookie }, redirect: 'manual' })

const idIn = (cookie: string) => /koa_session=([^;]+)/.exec(cookie)![1]!

it('T-11: /logout-everywhere refuses a session that a running request saved again after the logout', async () => {
  const [laptop, phone] = [(await app.get('/laptop')).cookie, (await app.get('/phone')).cookie]
  const saved = (await sessions.get(idIn(laptop)))!
  expect((await post('/logout', laptop)).status).toBe(303)
  await sessions.set(idIn(laptop), saved, 60_000)

  const response = await post('/logout-everywhere', laptop)

  expect([response.status, await response.json()]).toEqual([401, { error: 'not signed in' }])
  expect((await app.get('/me', phone)).status).toBe(200)
})

it('signs out even if the session store fails during the sign-out', async () => {
  const { cookie } = await app.get('/laptop')
  sessions.destroy = () => Promise.reject(Object.assign(new Error('Service Unavailable'), { status: 503 }))

  const response = await post('/logout', cookie)

  expect(response.status).toBe(303)
  expect(response.headers.getSetCookie().join('\n')).toMatch(/^koa_session=;/m)
  expect(await sessions.get(idIn(cookie))).toBeDefined()
})
