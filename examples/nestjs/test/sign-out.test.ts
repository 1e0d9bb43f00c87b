import { promisify } from 'node:util'

import type { NestExpressApplication } from '@nestjs/platform-express'
import type { Request, Response } from 'express'
import expressSession from 'express-session'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'

import { createApp } from '../src/app.ts'
import { readConfig } from '../src/config.ts'
import { createStores } from '../src/store.ts'
import { type Served, serve } from './serve.ts'

// No provider is running, so every sign-out redirects to the start page.
const config = readConfig({ SESSION_SECRET: 'secret', ISSUER: 'http://127.0.0.1:1' })

let store: expressSession.MemoryStore
let nest: NestExpressApplication
let app: Served

beforeEach(async () => {
  vi.spyOn(console, 'error').mockImplementation(() => {})
  store = new expressSession.MemoryStore()
  nest = await createApp(config, { ...(await createStores(undefined)), sessions: store })
  nest.use('/start', (request: Request, response: Response) => {
    const claims = { iss: config.issuer, sub: 'alice', sid: request.path, iat: Math.floor(Date.now() / 1000) }
    Object.assign(request.session, { claims, idToken: 'id-token' })
    response.json({})
  })
  await nest.init()
  app = await serve(nest.getHttpAdapter().getInstance())
})

afterEach(async () => {
  await app.stop()
  await nest.close()
  vi.restoreAllMocks()
})

const post = (path: string, cookie: string) =>
  fetch(app.url + path, { method: 'POST', headers: { cookie }, redirect: 'manual' })

const idIn = (cookie: string) => /nestjs_session=s%3A([\w-]+)/.exec(cookie)![1]!

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
  expect(response.headers.getSetCookie().join('\n')).toMatch(/^nestjs_session=;/m)
})
