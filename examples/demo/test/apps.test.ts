import { once } from 'node:events'
import { connect } from 'node:net'

import { decodeJwt, decodeProtectedHeader } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { nextSecond } from '../src/clock.ts'
import { createDevice } from '../src/device.ts'
import { callbackPath } from '../src/example-process.ts'
import type { ProviderClient } from '../src/provider-client.ts'
import { type App, type Stack, type StackApp, startStack } from '../src/stack.ts'

const EVENT = 'http://schemas.openid.net/event/backchannel-logout'

describe.each([
  { example: 'hono', onServer: false },
  { example: 'koa', onServer: true },
  { example: 'nestjs', onServer: true },
  { example: 'express', onServer: true },
  { example: 'fastify', onServer: false },
  { example: 'nextjs', onServer: false },
])('$example', ({ example, onServer }) => {
  let stack: Stack
  let provider: ProviderClient
  let app: App
  let appBySubject: App

  beforeAll(async () => {
    stack = await startStack([
      { example },
      { example, clientId: `${example}-by-subject`, metadata: { backchannel_logout_session_required: false } },
    ])
    provider = stack.provider
    ;[app, appBySubject] = stack.apps as [StackApp, StackApp]
  })

  afterAll(() => stack?.stop())

  async function signedIn(user: string, at: App = app) {
    const device = createDevice('laptop')
    await device.signIn(at, user)
    const { body } = await device.me(at)
    return { ...device, sid: body.sid }
  }

  async function uidOf(user: string, sid: string | null | undefined): Promise<string> {
    const sessions = await provider.sessionsOf(user)
    return sessions.find(({ clients }) => clients.some((client) => client.sid === sid))!.uid
  }

  describe('a client registered with backchannel_logout_session_required', () => {
    it('signs in through the authorization code flow', async () => {
      const device = await signedIn('alice')
      expect(await device.me(app)).toEqual({
        status: 200,
        body: { iss: provider.url, sub: 'alice', sid: expect.any(String), iat: expect.any(Number) },
      })
    })

    it('loses only the session that the provider ends', async () => {
      const [laptop, phone, other] = [await signedIn('bob'), await signedIn('bob'), await signedIn('dave')]

      const [delivery, ...more] = await provider.endSession(await uidOf('bob', laptop.sid))

      expect(more).toEqual([])
      expect(delivery).toMatchObject({
        client_id: app.clientId,
        status: 200,
        body: '',
        headers: { 'cache-control': 'no-store' },
      })
      expect(decodeProtectedHeader(delivery!.logout_token)).toMatchObject({ alg: 'RS256', typ: 'logout+jwt' })
      expect(decodeJwt(delivery!.logout_token)).toMatchObject({ sub: 'bob', sid: laptop.sid, events: { [EVENT]: {} } })
      expect((await laptop.me(app)).status).toBe(401)
      expect((await phone.me(app)).status).toBe(200)
      expect((await other.me(app)).status).toBe(200)
    })

    it('loses every session when the provider ends all of them', async () => {
      const [laptop, phone] = [await signedIn('carol'), await signedIn('carol')]

      const deliveries = await provider.endSessionsOf('carol')

      expect(deliveries.map(({ status }) => status)).toEqual([200, 200])
      expect((await laptop.me(app)).status).toBe(401)
      expect((await phone.me(app)).status).toBe(401)
      expect(await provider.sessionsOf('carol')).toEqual([])
    })

    it('accepts a new session, and still refuses the old cookie', async () => {
      const old = await signedIn('alice')
      await provider.endSession(await uidOf('alice', old.sid))
      const kept = createDevice('kept', old.browser.copy())

      await nextSecond()
      await old.signIn(app, 'alice')

      expect((await old.me(app)).status).toBe(200)
      expect((await kept.me(app)).status).toBe(401)
    })

    it('also receives a Logout Token for its own logout', async () => {
      const [laptop, phone] = [await signedIn('erin'), await signedIn('erin')]
      const kept = createDevice('kept', laptop.browser.copy())

      const page = await laptop.signOut(app)

      expect(page).toMatchObject({ status: 200, url: `${app.url}/`, body: expect.stringContaining('Not signed in') })
      const delivery = (await provider.deliveries()).findLast(({ client_id }) => client_id === app.clientId)
      expect(delivery?.status).toBe(200)
      expect(decodeJwt(delivery!.logout_token)['sid']).toBe(laptop.sid)
      expect((await kept.me(app)).status).toBe(401)
      expect((await phone.me(app)).status).toBe(200)
    })

    it('sends the browser to the provider after sign-out everywhere', async () => {
      const device = await signedIn('erin')
      const page = await device.browser.post(`${app.url}/logout-everywhere`)
      expect(page).toMatchObject({ status: 200, url: `${app.url}/`, body: expect.stringContaining('Not signed in') })
      expect(
        await provider.sessionsOf('erin').then((sessions) => sessions.map(({ clients }) => clients)),
      ).not.toContainEqual([expect.objectContaining({ sid: device.sid })])
    })

    it('sends an event to an open page when its session ends', async () => {
      const device = await signedIn('dave')
      const events = await device.browser.fetch(`${app.url}/events`)
      expect(events.headers.get('content-type')).toBe('text/event-stream')

      const heard = events.text()
      await provider.endSession(await uidOf('dave', device.sid))

      expect(await heard).toMatch(/^event: logged-out$/m)
    })

    it('keeps no place for a page that disconnects before its stream begins', async () => {
      const device = await signedIn('dave')
      const events = new URL(`${app.url}/events`)
      for (let page = 0; page < 20; page++) {
        const socket = connect(Number(events.port), events.hostname)
        await once(socket, 'connect')
        const cookie = device.browser.cookiesFor(events.href)
        const request = `GET /events HTTP/1.1\r\nHost: ${events.host}\r\nCookie: ${cookie}\r\n\r\n`
        await new Promise<unknown>((sent) => socket.write(request, sent))
        socket.resetAndDestroy()
        await device.me(app) // meanwhile, the application answers the request
      }

      const open = async () => {
        const { status, body } = await device.browser.fetch(events.href)
        await body?.cancel()
        return status
      }
      await expect.poll(open).toBe(200)
    })

    it('sends the event to a page that connects after its session ended', async () => {
      const device = await signedIn('dave')
      await provider.endSession(await uidOf('dave', device.sid))

      const events = await device.browser.fetch(`${app.url}/events`)

      if (onServer) expect(events.status).toBe(401)
      else expect(await events.text()).toMatch(/^event: logged-out$/m)
    })

    it('replaces a server-side session when the user signs in again, and refuses the old cookie', async () => {
      const device = await signedIn('alice')
      const kept = createDevice('kept', device.browser.copy())

      await device.signIn(app, 'alice')

      expect((await device.me(app)).status).toBe(200)
      expect((await kept.me(app)).status).toBe(onServer ? 401 : 200)
    })
  })

  describe('a client registered without backchannel_logout_session_required', () => {
    it('T-9: gets a token with sub only, and loses all sessions of the user', async () => {
      const [laptop, phone, other] = [
        await signedIn('bob', appBySubject),
        await signedIn('bob', appBySubject),
        await signedIn('carol', appBySubject),
      ]
      expect(laptop.sid).toBeNull()
      const session = (await provider.sessionsOf('bob')).find(({ clients }) =>
        clients.some(({ client_id }) => client_id === appBySubject.clientId),
      )

      const [delivery] = await provider.endSession(session!.uid)

      expect(delivery).toMatchObject({ client_id: appBySubject.clientId, status: 200 })
      expect(decodeJwt(delivery!.logout_token)).toMatchObject({ sub: 'bob' })
      expect(decodeJwt(delivery!.logout_token)).not.toHaveProperty('sid')
      expect((await laptop.me(appBySubject)).status).toBe(401)
      expect((await phone.me(appBySubject)).status).toBe(401)
      expect((await other.me(appBySubject)).status).toBe(200)
    })
  })

  describe('the endpoint', () => {
    it.each([
      ['none, as providers send', {}],
      ['of another site', { origin: 'https://op.example.com', 'sec-fetch-site': 'cross-site' }],
      ['of a page of the application', { 'sec-fetch-site': 'same-origin' }],
    ])('T-15: reads a Logout Token with any Origin and Sec-Fetch headers: %s', async (_, headers) => {
      const response = await fetch(`${app.url}/backchannel-logout`, {
        method: 'POST',
        headers: headers as Record<string, string>,
        body: new URLSearchParams({ logout_token: 'garbage' }),
      })
      expect(response.status).toBe(400)
      expect(response.headers.get('cache-control')).toBe('no-store')
      expect(await response.json()).toMatchObject({ error: 'invalid_request' })
    })

    it.each(['GET', 'PUT', 'DELETE', 'OPTIONS'])('refuses %s with 405 and Allow', async (method) => {
      const response = await fetch(`${app.url}/backchannel-logout`, { method })
      expect(response.status).toBe(405)
      expect(response.headers.get('allow')).toBe('POST')
      expect(response.headers.get('cache-control')).toBe('no-store')
    })
  })

  describe.each([
    { path: '/logout', own: 303 },
    { path: '/logout-everywhere', own: 401 },
  ])('$path', ({ path, own }) => {
    it.each([
      ['refuses a form of another site', 403, { origin: 'https://elsewhere.example' }],
      ['refuses a form of another site', 403, { 'sec-fetch-site': 'cross-site' }],
      ['refuses a form of another site', 403, { 'sec-fetch-site': 'same-site' }],
      [`answers ${own} to a form of its own page without a session`, own, { 'sec-fetch-site': 'same-origin' }],
      [`answers ${own} to a client that is no browser and has no session`, own, {}],
    ])('%s: %i for %j', async (_, status, headers) => {
      const response = await fetch(app.url + path, { method: 'POST', headers, redirect: 'manual' })
      expect(response.status).toBe(status)
    })
  })

  describe('the page', () => {
    it('has a button for each sign-out', async () => {
      const device = await signedIn('alice')
      const { body } = await device.browser.get(`${app.url}/`)
      // React renders the attributes in a different order.
      const forms = [...body.matchAll(/<form\b([^>]*)><button>([^<]*)<\/button>/g)]
      const attributes = forms.map(([, text, label]) => [...text!.trim().split(' ').toSorted(), label])
      expect(attributes).toEqual([
        ['action="/logout"', 'method="post"', 'Sign out'],
        ['action="/logout-everywhere"', 'method="post"', 'Sign out everywhere'],
      ])
    })
  })

  describe('the other routes', () => {
    const callback = callbackPath(example)

    it.each(['/me', '/events'])('%s requires a session', async (path) => {
      const response = await fetch(app.url + path, { headers: { cookie: `${example}_session=forged` } })
      expect(response.status).toBe(401)
      expect(await response.json()).toEqual({ error: 'not signed in' })
    })

    it('/callback refuses an answer to a sign-in that was not started', async () => {
      expect((await fetch(`${app.url}${callback}?code=x&state=y`)).status).toBe(400)
    })

    it.each(['', 'code=x', 'code=x&state=', 'code=x&state=forged', 'error=access_denied', 'iss=&code=x'])(
      '/callback refuses "%s"',
      async (query) => {
        const { browser } = createDevice('laptop')
        await browser.fetch(`${app.url}/login`)
        const page = await browser.get(`${app.url}${callback}?iss=${encodeURIComponent(provider.url)}&${query}`)
        expect(page.status).toBe(400)
      },
    )

    it('/callback refuses a code that the provider did not issue', async () => {
      const { browser } = createDevice('laptop')
      const login = await browser.fetch(`${app.url}/login`)
      const answer = new URL(`${app.url}${callback}`)
      answer.searchParams.set('iss', provider.url)
      answer.searchParams.set('code', 'forged')
      answer.searchParams.set('state', new URL(login.headers.get('location')!).searchParams.get('state')!)
      expect((await browser.get(answer.href)).status).toBe(400)
    })
  })
})
