// Tests the streams of docs/guides/live.md.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'

import { createBackchannelLogout, MemoryStore, type BackchannelLogout, type SessionClaims } from '@bcl/core'

import { createAdaptorServer } from '@hono/node-server'
import Fastify from 'fastify'

import { createEvents } from '../snippets/docs-guides-live-md/events.ts'
import { newDevice, postLogout, start } from './application.ts'

/** Returns a receiver for which the test can count and end the watches. */
function createReceiver() {
  const watching = new Set<() => void>()
  const receiver: BackchannelLogout = {
    ...createBackchannelLogout({
      issuers: [{ issuer: 'https://op.example.com', clientId: 'my-client' }],
      sessionMaxAge: 60,
      store: new MemoryStore(),
    }),
    watch(_session, listener) {
      watching.add(listener)
      return () => void watching.delete(listener)
    },
  }
  const handler = createEvents(receiver)
  const events = (claims: SessionClaims, method = 'GET', signal?: AbortSignal) => handler(claims, method, signal)
  return { watching, events }
}

const session = { iss: 'https://op.example.com', sub: 'alice', sid: 'a', iat: 1 }

test('refuses the sixth stream of a session with 429, and frees a place when a page is closed', async () => {
  const { watching, events } = createReceiver()
  const open = Array.from({ length: 5 }, () => events(session))
  assert.deepEqual(
    open.map(({ status }) => status),
    [200, 200, 200, 200, 200],
  )
  assert.equal(events(session).status, 429)
  const other = events({ ...session, sid: 'b' })
  assert.equal(other.status, 200)

  await open[0]!.body!.cancel()
  assert.equal(watching.size, 5)
  const again = events(session)
  assert.equal(again.status, 200)
  assert.equal(events(session).status, 429)

  for (const { body } of [...open.slice(1), again, other]) await body!.cancel()
  assert.equal(watching.size, 0)
})

test('refuses more than 1,000 streams of a process with 503', async () => {
  const { watching, events } = createReceiver()
  const open = Array.from({ length: 1000 }, (_, index) => events({ ...session, iat: index }))
  assert.equal(watching.size, 1000)
  assert.equal(events({ ...session, iat: 1000 }).status, 503)
  for (const { body } of open) await body!.cancel()
  assert.equal(watching.size, 0)
})

test('sends the event when the session ends, and frees the place', async () => {
  const { watching, events } = createReceiver()
  const open = Array.from({ length: 5 }, () => events(session))
  for (const listener of watching) listener()
  for (const response of open) assert.match(await response.text(), /^event: logged-out$/m)
  assert.equal(watching.size, 0)
  const again = events(session)
  assert.equal(again.status, 200)
  await again.body!.cancel()
})

test('frees the place only once if the browser disconnects before it has read the event', async () => {
  const { watching, events } = createReceiver()
  const open = Array.from({ length: 5 }, () => events(session))
  try {
    const [first] = watching
    first!()
    await open[0]!.body!.cancel()
    open.push(events(session), events(session))
    assert.deepEqual(
      open.slice(5).map(({ status }) => status),
      [200, 429],
    )
  } finally {
    for (const { body } of open.slice(1, 6)) await body!.cancel()
  }
  assert.equal(watching.size, 0)
})

test('frees the place if the browser disconnects, although the framework does not cancel the stream', async () => {
  const { watching, events } = createReceiver()
  const answers = Array.from({ length: 10 }, (_, page) => {
    const browser = new AbortController()
    if (page % 2 === 0) browser.abort() // the browser has disconnected before the stream begins
    const answer = events(session, 'GET', browser.signal)
    browser.abort()
    return answer
  })
  const open = watching.size
  for (const { body } of answers) await body!.cancel()
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200])
  assert.equal(open, 0)
})

test('HEAD opens no stream, because nobody would close it', async () => {
  const { watching, events } = createReceiver()
  const answers = Array.from({ length: 6 }, () => events(session, 'HEAD'))
  const open = watching.size
  for (const { body } of answers) await body?.cancel()
  assert.equal(open, 0)
  assert.deepEqual(
    answers.map(({ status, headers }) => `${status} ${headers.get('content-type')}`),
    Array.from({ length: 6 }, () => '200 text/event-stream'),
  )
})

test(
  'an open stream stops the shutdown of a server until its connections are closed',
  { timeout: 10_000 },
  async () => {
    const { watching, events } = createReceiver()
    const server = createAdaptorServer({ fetch: ({ method }) => events(session, method) }) as Server
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    let isClosed = false
    const closed = once(server.close(), 'close').then(() => (isClosed = true))
    await setTimeout(500)
    assert.equal(isClosed, false)
    server.closeAllConnections()
    await closed
    await assert.rejects(response.text())
    while (watching.size > 0) await setTimeout(10) // the server notices the disconnect a moment later

    const app = Fastify({ forceCloseConnections: true })
    app.get('/events', { exposeHeadRoute: false }, async ({ method }) => events(session, method))
    const page = await fetch(`${await app.listen({ host: '127.0.0.1', port: 0 })}/events`)
    await app.close()
    await assert.rejects(page.text())
  },
)

test('Fastify sends the headers at once, and HEAD opens no stream', { timeout: 10_000 }, async (t) => {
  const { watching, events } = createReceiver()
  const app = Fastify({ forceCloseConnections: true })
  app.get('/events', { exposeHeadRoute: false }, async ({ method }) => events(session, method))
  const url = `${await app.listen({ host: '127.0.0.1', port: 0 })}/events`
  t.after(() => app.close())
  assert.equal((await fetch(url, { method: 'HEAD' })).status, 404)
  const response = await fetch(url) // without the first bytes, this would wait for the heartbeat
  assert.equal(watching.size, 1)
  for (const listener of watching) listener()
  assert.match(await response.text(), /^event: logged-out$/m)
})

test('Hono: an open page of a session receives the event of its logout', { timeout: 30_000 }, async (t) => {
  const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8')
  const [, route] = /`(app\.route\([^`]+)`/.exec(read('../guides/live.md'))!
  const file = fileURLToPath(new URL('../snippets/docs-start-hono-md/with-events.ts', import.meta.url))
  const code = read('../snippets/docs-start-hono-md/app.ts').replace('app.use(\n  activeSession', `${route}\n$&`)
  writeFileSync(file, `import { eventsRoute } from '../docs-guides-live-md/events-route.ts'\n${code}`)
  const application = await start(t, { args: () => [file] })
  const events = (cookie: string) => fetch(`${application.base}/events`, { headers: { cookie } })
  const cookie = await newDevice(application)
  assert.equal((await events('')).status, 401)

  const page = await events(cookie)
  assert.equal(page.status, 200)
  assert.equal(await postLogout(application, { sub: 'alice', sid: undefined }), 200)
  assert.match(await page.text(), /^event: logged-out$/m)
  assert.match(await (await events(cookie)).text(), /^event: logged-out$/m) // the page was loaded before the logout
})
