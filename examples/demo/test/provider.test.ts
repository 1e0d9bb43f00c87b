import { afterAll, beforeAll, expect, it } from 'vitest'

import { createDevice } from '../src/device.ts'
import { type App, type Stack, startStack } from '../src/stack.ts'

let stack: Stack
let app: App

beforeAll(async () => {
  stack = await startStack([{ example: 'hono', clientId: 'hono<&>' }])
  app = stack.apps[0]!
})

afterAll(() => stack?.stop())

it('lists the accounts, and signs in the chosen account', async () => {
  const { browser, me } = createDevice('laptop')

  const page = await browser.get(`${app.url}/login`)
  expect(page.body).toContain('to <strong>hono&lt;&amp;&gt;</strong>')
  expect((await browser.post(page.url, { account: 'nobody' })).status).toBe(400)
  await browser.post(page.url, { account: 'bob' })

  expect((await me(app)).body.sub).toBe('bob')
})

it('lists the sessions with a button to end each', async () => {
  const device = createDevice('laptop')
  await device.signIn(app, 'carol')
  const [session] = await stack.provider.sessionsOf('carol')
  const { browser } = createDevice('administrator')

  const listed = await browser.get(`${stack.provider.url}/sessions`)
  expect(listed.body).toContain(`<a href="${app.url}/">hono&lt;&amp;&gt;</a>`)
  expect(listed.body).toContain(`action="/sessions/${session!.uid}/end"`)
  expect(listed.body).toContain('action="/users/carol/end-sessions"')

  const ended = await browser.post(`${stack.provider.url}/sessions/${session!.uid}/end`)
  expect(ended).toMatchObject({ status: 200, url: `${stack.provider.url}/sessions` })
  expect(ended.body).not.toContain(session!.uid)
  expect((await device.me(app)).status).toBe(401)
})

it('reports the last action, and shows each token with its claims and the session that it ends', async () => {
  const device = createDevice('laptop')
  await device.signIn(app, 'dave')
  const [session] = await stack.provider.sessionsOf('dave')
  const { browser } = createDevice('administrator')

  const { body } = await browser.post(`${stack.provider.url}/users/dave/end-sessions`)

  expect(body).toContain('<p id="state">All sessions of Dave Davis ended</p>')
  expect(body).toMatch(/The provider sent a Logout Token\.\s+hono&lt;&amp;&gt; accepted, and open pages/)
  const { sid } = session!.clients[0]!
  expect(body).toContain(`ends session ${sid} of Dave Davis`)
  expect(body).toContain('&quot;typ&quot;: &quot;logout+jwt&quot;')
  expect(body).toContain(`&quot;sid&quot;: &quot;${sid}&quot;`)

  await device.signIn(app, 'carol')
  expect((await browser.get(`${stack.provider.url}/sessions`)).body).not.toContain('All sessions of Dave Davis ended')
})

it('signs out the present account even if the id_token_hint is for another account', async () => {
  const device = createDevice('laptop')
  await device.signIn(app, 'erin')
  const kept = createDevice('kept', device.browser.copy())

  await device.signIn(app, 'alice')

  expect((await device.me(app)).body.sub).toBe('alice')
  expect((await kept.me(app)).status).toBe(401)
  expect(await stack.provider.sessionsOf('erin')).toEqual([])
})

it('asks the user before a sign-out without id_token_hint', async () => {
  const device = createDevice('laptop')
  await device.signIn(app, 'dave')

  const page = await device.browser.get(`${stack.provider.url}/session/end`)

  expect(page.body).toContain('Stay signed in')
  expect((await device.me(app)).status).toBe(200)
})

it('answers 404 for an unknown session', async () => {
  const response = await fetch(`${stack.provider.url}/sessions/unknown/end`, { method: 'POST' })
  expect(response.status).toBe(404)
})
