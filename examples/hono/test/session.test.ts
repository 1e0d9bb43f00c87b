import { createBackchannelLogout, MemoryStore } from '@bcl/core'
import { Hono } from 'hono'
import type { IDToken } from 'openid-client'
import { expect, it, vi } from 'vitest'

import { readConfig } from '../src/config.ts'
import { createSessions } from '../src/session.ts'

const config = readConfig({ SESSION_SECRET: 'secret' })
const iat = Math.floor(Date.now() / 1000)
const claims: IDToken = { iss: config.issuer, sub: 'alice', sid: 'a', aud: 'hono', iat, exp: iat + 600 }

const logout = createBackchannelLogout({
  issuers: [config.issuer, 'https://other.example.com'].map((issuer) => ({ issuer, clientId: config.clientId })),
  sessionMaxAge: config.sessionMaxAge,
  store: new MemoryStore(),
})

async function start(idTokenClaims: IDToken, idToken: string, startConfig = config): Promise<Response> {
  const app = new Hono().get('/', async (c) => {
    const alive = await createSessions(startConfig, logout).start(c, idTokenClaims, idToken)
    return c.json({ alive })
  })
  app.onError((error, c) => c.text(error.message, 400))
  return app.request('/')
}

async function read(cookie: string): Promise<unknown> {
  const app = new Hono().get('/', async (c) => c.json((await createSessions(config, logout).read(c)) ?? null))
  return (await app.request('/', { headers: { cookie } })).json()
}

const cookieOf = (response: Response) => response.headers.get('set-cookie')!.split(';')[0]!

it('keeps the claims and the ID Token', async () => {
  const response = await start(claims, 'id-token')
  expect(await response.json()).toEqual({ alive: true })
  expect(response.headers.get('set-cookie')).toMatch(/; Max-Age=28800; Path=\/; HttpOnly; SameSite=Lax$/)
  expect(await read(cookieOf(response))).toEqual({
    claims: { iss: config.issuer, sub: 'alice', sid: 'a', iat },
    idToken: 'id-token',
  })
})

it('is sealed by iron-session, and ends after its maximum age', async () => {
  const cookie = cookieOf(await start(claims, 'id-token'))
  expect(cookie).toMatch(/^hono_session=Fe26\.2\*/)
  // iron-session allows for clocks that differ by a minute.
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + (config.sessionMaxAge + 61) * 1000 })
  expect(await read(cookie)).toBeNull()
  vi.useRealTimers()
})

it('leaves out an ID Token that would make the cookie too long for a browser', async () => {
  const response = await start(claims, 'x'.repeat(4000))
  expect(cookieOf(response).length).toBeLessThan(4096)
  expect(await read(cookieOf(response))).toEqual({ claims: { iss: config.issuer, sub: 'alice', sid: 'a', iat } })
})

it('creates no session if the logout came before the sign-in, and removes the previous session', async () => {
  const response = await start({ ...claims, iat: iat - config.sessionMaxAge - 1 }, 'id-token')
  expect(await response.json()).toEqual({ alive: false })
  expect(response.headers.get('set-cookie')).toMatch(/^hono_session=; Max-Age=0; /)
})

it('RP-37: creates no session if the check would reject its claims', async () => {
  const response = await start({ ...claims, iat: iat * 1000 }, 'id-token')
  expect(response.status).toBe(400)
  expect(response.headers.has('set-cookie')).toBe(false)
})

it('refuses a Logout Token in place of an ID Token', async () => {
  const events = { 'http://schemas.openid.net/event/backchannel-logout': {} }
  const response = await start({ ...claims, events }, 'id-token')
  expect(response.status).toBe(400)
  expect(response.headers.has('set-cookie')).toBe(false)
})

it('the cookie is Secure if the site uses https', async () => {
  const response = await start(claims, 'id-token', { ...config, baseUrl: 'https://rp.example.com' })
  expect(response.headers.get('set-cookie')).toContain('; Secure')
})

it.each(['', 'garbage', 'a.b.c.d.e'])('the cookie value "%s" is no session', async (value) => {
  expect(await read(`hono_session=${value}`)).toBeNull()
})

it('ignores a session of another issuer or secret', async () => {
  const elsewhere = await start({ ...claims, iss: 'https://other.example.com' }, 'id-token')
  const othersSecret = await start(claims, 'id-token', { ...config, sessionSecret: 'other' })
  expect(await read(cookieOf(elsewhere))).toBeNull()
  expect(await read(cookieOf(othersSecret))).toBeNull()
})
