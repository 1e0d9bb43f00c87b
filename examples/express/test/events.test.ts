import type { RequestListener } from 'node:http'
import { connect } from 'node:net'

import { createBackchannelLogout, MemoryStore } from '@bcl/core'
import expressSession from 'express-session'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'

import { createApp } from '../src/app.ts'
import { readConfig } from '../src/config.ts'
import { createStreams } from '../src/shared/streams.ts'
import { type Served, serve } from './serve.ts'

const config = readConfig({ SESSION_SECRET: 'secret' })

let watching: Set<() => void>
/** Called when the request of a page arrives. Then the page disconnects, before the application handles the request. */
let pageArrives: (() => void) | undefined
let app: Served

beforeEach(async () => {
  watching = new Set()
  const logout = createBackchannelLogout({
    issuers: [config.trusted],
    sessionMaxAge: config.sessionMaxAge,
    store: new MemoryStore(),
  })
  logout.watch = (_session: object, listener: () => void) => {
    watching.add(listener)
    return () => void watching.delete(listener)
  }
  const streams = createStreams({ perSession: 2, perProcess: 3 })
  const sessions = new expressSession.MemoryStore()
  const application = createApp(config, logout, sessions, { isReady: () => true }, streams)
  application.get('/start/:sub', (request, response) => {
    const claims = { iss: config.issuer, sub: request.params.sub, iat: Math.floor(Date.now() / 1000) }
    Object.assign(request.session, { claims, idToken: 'id-token' })
    response.json({})
  })
  app = await serve(afterPageHasGone(application))
})

afterEach(() => app.stop())

/** Runs the application. If `pageArrives` is set, first waits until the page has disconnected. */
function afterPageHasGone(listener: RequestListener): RequestListener {
  return (request, response) => {
    if (!pageArrives) return listener(request, response)
    response.once('close', () => listener(request, response))
    pageArrives()
  }
}

const signIn = async (user: string): Promise<string> => (await app.get(`/start${user}`)).cookie

/** Opens a page that listens for the end of its session. Returns a function that closes the page. */
async function open(cookie: string, method = 'GET') {
  const closed = new AbortController()
  const response = await fetch(`${app.url}/events`, { method, headers: { cookie }, signal: closed.signal })
  return { status: response.status, text: () => response.text(), response, close: () => closed.abort() }
}

it('GET /events starts a watch, and HEAD /events does not', async () => {
  const cookie = await signIn('/alice')
  const head = await open(cookie, 'HEAD')
  expect(head.status).toBe(200)
  expect(head.response.headers.get('content-type')).toBe('text/event-stream')
  expect(watching.size).toBe(0)

  const page = await open(cookie)
  expect(page.response.headers.get('content-type')).toBe('text/event-stream')
  expect(watching.size).toBe(1)
  page.close()
  await expect.poll(() => watching.size).toBe(0)
})

it('refuses too many streams of one session with 429, and too many streams in total with 503', async () => {
  const [alice, bob] = [await signIn('/alice'), await signIn('/bob')]
  const pages = [await open(alice), await open(alice), await open(bob)]
  expect(pages.map(({ status }) => status)).toEqual([200, 200, 200])

  const [tooMany, full] = [await open(alice), await open(bob)]
  expect([tooMany.status, full.status]).toEqual([429, 503])
  expect(tooMany.response.headers.get('content-type')).toContain('application/json')
  expect(JSON.parse(await tooMany.text())).toEqual({ error: 'too many open streams' })
  expect(watching.size).toBe(3)

  for (const page of pages) page.close()
  await expect.poll(() => watching.size).toBe(0)
})

it('frees the place of a stream when the page is closed, and when the session ends', async () => {
  const cookie = await signIn('/alice')
  const [closed, ended] = [await open(cookie), await open(cookie)]
  expect((await open(cookie)).status).toBe(429)

  closed.close()
  await expect.poll(async () => (await open(cookie)).status).toBe(200)
  expect((await open(cookie)).status).toBe(429)

  for (const listener of watching) listener()
  expect(await ended.text()).toContain('event: logged-out')
  await expect.poll(async () => (await open(cookie)).status).toBe(200)
})

it('keeps no place for a page that disconnected before its stream began', async () => {
  const cookie = await signIn('/alice')
  for (let page = 0; page < 3; page++) {
    const gone = new AbortController()
    pageArrives = () => gone.abort()
    await expect(fetch(`${app.url}/events`, { headers: { cookie }, signal: gone.signal })).rejects.toThrow()
  }
  pageArrives = undefined
  await expect.poll(() => watching.size).toBe(0)
  const pages = [await open(cookie), await open(cookie)]
  expect(pages.map(({ status }) => status)).toEqual([200, 200])
  for (const page of pages) page.close()
})

it('ends the heartbeat and the watch of a stream whose answer waits behind another stream', async ({
  onTestFinished,
}) => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  onTestFinished(() => void vi.useRealTimers())
  const cookies = [await signIn('/alice'), await signIn('/bob')]
  // Two requests over one connection (pipelining). The second answer starts only after the first one has ended.
  const socket = connect(Number(new URL(app.url).port), '127.0.0.1')
  for (const cookie of cookies) socket.write(`GET /events HTTP/1.1\r\nHost: x\r\nCookie: ${cookie}\r\n\r\n`)
  await vi.waitUntil(() => watching.size === 2)
  expect(vi.getTimerCount()).toBe(2)

  // A heartbeat after the end of a stream would be an error that ends the process.
  const [, second] = watching
  second!()
  await vi.waitUntil(() => vi.getTimerCount() === 1)

  socket.destroy()
  await vi.waitUntil(() => watching.size === 0)
  expect(vi.getTimerCount()).toBe(0)
})

it('ends a stream whose connection is lost while its answer waits behind another stream', async () => {
  const cookies = [await signIn('/alice'), await signIn('/bob')]
  const socket = connect(Number(new URL(app.url).port), '127.0.0.1')
  for (const cookie of cookies) socket.write(`GET /events HTTP/1.1\r\nHost: x\r\nCookie: ${cookie}\r\n\r\n`)
  await vi.waitUntil(() => watching.size === 2)
  socket.destroy()
  await vi.waitUntil(() => watching.size === 0)
})
