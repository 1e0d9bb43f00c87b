import { afterAll, beforeAll, expect, it } from 'vitest'

import { createDevice } from '../../demo/src/device.ts'
import { type Stack, type StackApp, startStack } from '../../demo/src/stack.ts'

let stack: Stack
let app: StackApp

beforeAll(async () => {
  stack = await startStack([{ example: 'nextjs' }])
  app = stack.apps[0]!
})

afterAll(() => stack?.stop())

async function signedIn(user: string) {
  const device = createDevice('laptop')
  await device.signIn(app, user)
  return device
}

it('/api/auth/session shows no claims and no ID Token, and shows no ended session', async () => {
  const { browser } = await signedIn('alice')
  const thief = browser.copy()
  const alive = await thief.copy().fetch(`${app.url}/api/auth/session`)
  expect(await alive.json()).toEqual({ user: {}, expires: expect.any(String) })

  await browser.submit(`${app.url}/logout`)

  const ended = await thief.fetch(`${app.url}/api/auth/session`)
  expect(await ended.json()).toBeNull()
  expect(ended.headers.getSetCookie().join('\n')).toMatch(/^nextjs_session=;.*1970/m)
})

it('a renewed session cookie keeps the first iat of the session', async () => {
  const device = await signedIn('bob')
  const before = await device.me(app)
  const renewed = await device.browser.fetch(`${app.url}/api/auth/session`)
  expect(renewed.headers.getSetCookie().join('\n')).toMatch(/^nextjs_session=ey/m)
  expect(await device.me(app)).toEqual(before)

  await stack.provider.endSessionsOf('bob')

  expect((await device.me(app)).status).toBe(401)
})

it('only scripts and styles with the nonce of this answer run', async () => {
  const nonces = new Set<string>()
  for (const { browser } of [await signedIn('dave'), createDevice('signed out')]) {
    const answer = await browser.fetch(`${app.url}/`)
    const policy = answer.headers.get('content-security-policy') ?? ''
    const nonce = /script-src 'nonce-([\w-]+)' 'strict-dynamic'$/.exec(policy)?.[1]
    expect(policy).toMatch(/^default-src 'none';/)
    expect(policy).toContain(`style-src 'nonce-${nonce}'`)
    const html = await answer.text()
    const tags = html.match(/<(?:script|style)\b[^>]*>/g) ?? []
    expect(tags.length).toBeGreaterThan(2)
    for (const tag of tags) expect(tag).toContain(`nonce="${nonce}"`)
    nonces.add(nonce!)
  }
  expect(nonces.size).toBe(2)
})

it('the sign-out of Auth.js also ends all copies of the session', async () => {
  const device = await signedIn('carol')
  const thief = createDevice('thief', device.browser.copy())
  const csrf = await device.browser.fetch(`${app.url}/api/auth/csrf`)
  const { csrfToken } = (await csrf.json()) as { csrfToken: string }

  await device.browser.post(`${app.url}/api/auth/signout`, { csrfToken })

  expect((await device.me(app)).status).toBe(401)
  expect((await thief.me(app)).status).toBe(401)
})

it('refuses the sixth stream of a session with 429, and frees the places when pages are closed', async () => {
  const [alice, dave] = [await signedIn('alice'), await signedIn('dave')]
  const open = ({ browser }: typeof alice) => browser.fetch(`${app.url}/events`)
  const streams = []
  for (let count = 0; count < 5; count += 1) streams.push(await open(alice))
  expect(streams.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
  expect((await open(alice)).status).toBe(429)

  const other = await open(dave)
  expect(other.status).toBe(200)
  await other.body!.cancel()

  await streams.pop()!.body!.cancel()
  await expect.poll(async () => (await open(alice)).status, { timeout: 10_000 }).toBe(200)
  expect((await open(alice)).status).toBe(429)
  for (const { body } of streams) await body!.cancel()
})
