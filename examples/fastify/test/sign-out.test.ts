import { createBackchannelLogout, type LogoutStore, MemoryStore } from '@bcl/core'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'

import { createApp } from '../src/app.ts'
import { readConfig } from '../src/config.ts'
import { type Served, serve } from './serve.ts'

// No provider is running, so every sign-out redirects to the start page.
const config = readConfig({ SESSION_SECRET: 'secret', ISSUER: 'http://127.0.0.1:1' })

let isDown: boolean
let app: Served

beforeEach(async () => {
  vi.spyOn(console, 'error').mockImplementation(() => {})
  isDown = false
  const memory = new MemoryStore()
  const unlessDown = async <T>(work: () => T | Promise<T>): Promise<T> => {
    if (isDown) throw new Error('the store is down')
    return work()
  }
  const store: LogoutStore = {
    add: (...args) => unlessDown(() => memory.add(...args)),
    values: (...args) => unlessDown(() => memory.values(...args)),
    remove: (...args) => unlessDown(() => memory.remove(...args)),
  }
  const logout = createBackchannelLogout({ issuers: [config.trusted], sessionMaxAge: config.sessionMaxAge, store })
  const fastify = createApp(config, logout, { isReady: () => true })
  fastify.get<{ Params: { sid: string } }>('/start/:sid', async ({ session, params }) => {
    session.set('claims', { iss: config.issuer, sub: 'alice', ...params, iat: Math.floor(Date.now() / 1000) })
    return {}
  })
  app = await serve(fastify)
})

afterEach(async () => {
  await app.stop()
  vi.restoreAllMocks()
})

const signIn = async (sid: string): Promise<string> => (await app.get(`/start/${sid}`)).cookie

it('after /logout, a copy of the cookie is refused, also at /logout-everywhere', async () => {
  const [laptop, phone] = [await signIn('laptop'), await signIn('phone')]

  const { status, setCookie } = await app.post('/logout', laptop)

  expect(status).toBe(303)
  expect(setCookie.join('\n')).toMatch(/^fastify_session=; Max-Age=0;/m)
  expect(await app.get('/me', laptop)).toMatchObject({ status: 401, body: { error: 'not signed in' } })
  expect((await app.post('/logout-everywhere', laptop)).status).toBe(401)
  expect((await app.get('/me', phone)).status).toBe(200)
})

it('/logout-everywhere ends all sessions of the user', async () => {
  const [laptop, phone] = [await signIn('laptop'), await signIn('phone')]
  expect((await app.post('/logout-everywhere', laptop)).status).toBe(303)
  expect([(await app.get('/me', laptop)).status, (await app.get('/me', phone)).status]).toEqual([401, 401])
})

it('while the store is down, /logout clears the cookie, and all other routes answer 503', async () => {
  const cookie = await signIn('laptop')
  isDown = true

  const { status, setCookie } = await app.post('/logout', cookie)

  expect(status).toBe(303)
  expect(setCookie.join('\n')).toMatch(/^fastify_session=; Max-Age=0;/m)
  const other = await signIn('phone')
  const statuses = [await app.get('/me', other), await app.get('/', other), await app.post('/logout-everywhere', other)]
  expect(statuses.map((answer) => answer.status)).toEqual([503, 503, 503])
})
