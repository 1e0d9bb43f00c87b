import { createBackchannelLogout, MemoryStore } from '@bcl/core'
import Fastify from 'fastify'
import type { IDToken } from 'openid-client'
import { expect, it } from 'vitest'

import { readConfig } from '../src/config.ts'
import { createSessions } from '../src/session.ts'

const config = readConfig({ SESSION_SECRET: 'secret' })
const iat = Math.floor(Date.now() / 1000)
const claims: IDToken = { iss: config.issuer, sub: 'alice', sid: 'a', aud: 'fastify', iat, exp: iat + 600 }

const logout = createBackchannelLogout({
  issuers: [config.issuer, 'https://other.example.com'].map((issuer) => ({ issuer, clientId: config.clientId })),
  sessionMaxAge: config.sessionMaxAge,
  store: new MemoryStore(),
})

async function start(idTokenClaims: IDToken, idToken: string, { cookie = '', startConfig = config } = {}) {
  const app = Fastify()
  const sessions = createSessions(app, startConfig, logout)
  app.get('/', (request) => sessions.start(request, idTokenClaims, idToken).then((alive) => ({ alive })))
  const response = await app.inject({ url: '/', headers: { cookie } })
  const setCookie = [response.headers['set-cookie'] ?? []].flat()
  return { status: response.statusCode, body: response.json(), setCookie, cookie: setCookie[0]?.split(';')[0] ?? '' }
}

async function read(cookie: string): Promise<unknown> {
  const app = Fastify()
  const sessions = createSessions(app, config, logout)
  app.get('/', (request, reply) => reply.send({ session: sessions.read(request) }))
  return (await app.inject({ url: '/', headers: { cookie } })).json().session
}

it('keeps the claims and the ID Token', async () => {
  const { body, setCookie, cookie } = await start(claims, 'id-token')
  expect(body).toEqual({ alive: true })
  expect(setCookie).toEqual([
    expect.stringMatching(/^fastify_session=[^;]+; Max-Age=28800; Path=\/; HttpOnly; SameSite=Lax$/),
  ])
  expect(await read(cookie)).toEqual({
    claims: { iss: config.issuer, sub: 'alice', sid: 'a', iat },
    idToken: 'id-token',
  })
})

it('leaves out an ID Token that would make the cookie too long for a browser', async () => {
  const { cookie } = await start(claims, 'x'.repeat(3000))
  expect(cookie.length).toBeLessThan(4096)
  expect(await read(cookie)).toEqual({ claims: { iss: config.issuer, sub: 'alice', sid: 'a', iat } })
})

it('replaces the whole session', async () => {
  const { cookie } = await start(claims, 'id-token')
  const second = await start({ ...claims, sub: 'bob', sid: undefined }, 'x'.repeat(3000), { cookie })
  expect(await read(second.cookie)).toEqual({ claims: { iss: config.issuer, sub: 'bob', iat } })
})

it('creates no session if the logout came before the sign-in, and removes the previous session', async () => {
  const { cookie } = await start(claims, 'id-token')
  const ended = await start({ ...claims, iat: iat - config.sessionMaxAge - 1 }, 'id-token', { cookie })
  expect(ended.body).toEqual({ alive: false })
  expect(ended.setCookie[0]).toMatch(/^fastify_session=; Max-Age=0; /)
})

it('RP-37: creates no session if the check would reject its claims', async () => {
  expect(await start({ ...claims, iat: iat * 1000 }, 'id-token')).toMatchObject({ status: 500, setCookie: [] })
})

it('refuses a Logout Token in place of an ID Token', async () => {
  const events = { 'http://schemas.openid.net/event/backchannel-logout': {} }
  expect(await start({ ...claims, events }, 'id-token')).toMatchObject({ status: 500, setCookie: [] })
})

it('the cookie is Secure if the site uses https', async () => {
  const { setCookie } = await start(claims, 'id-token', {
    startConfig: { ...config, baseUrl: 'https://rp.example.com' },
  })
  expect(setCookie[0]).toContain('; Secure')
})

it.each(['', 'garbage', 'YQ%3D%3D%3BYQ%3D%3D'])('the cookie value "%s" is no session', async (value) => {
  expect(await read(`fastify_session=${value}`)).toBeUndefined()
})

it('ignores a session of another issuer or secret, and the cookie of a sign-in', async () => {
  const elsewhere = await start({ ...claims, iss: 'https://other.example.com' }, 'id-token')
  const othersSecret = await start(claims, 'id-token', { startConfig: { ...config, sessionSecret: 'other' } })
  expect(await read(elsewhere.cookie)).toBeUndefined()
  expect(await read(othersSecret.cookie)).toBeUndefined()
  const { cookie } = await start(claims, 'id-token')
  const app = Fastify()
  createSessions(app, config, logout)
  app.get('/', ({ signIn }, reply) => reply.send({ claims: signIn.get('claims' as never) }))
  const asSignIn = cookie.replace('fastify_session', 'fastify_sign_in')
  expect((await app.inject({ url: '/', headers: { cookie: asSignIn } })).json()).toEqual({})
})
