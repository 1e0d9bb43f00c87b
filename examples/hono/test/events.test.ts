import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

import { createBackchannelLogout, MemoryStore } from '@bcl/core'
import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import { beforeEach, expect, it } from 'vitest'

import { createApp } from '../src/app.ts'
import { readConfig } from '../src/config.ts'
import { createSessions } from '../src/session.ts'
import { createStreams } from '../src/shared/streams.ts'

const config = readConfig({ SESSION_SECRET: 'secret' })
const logout = createBackchannelLogout({
  issuers: [config.trusted],
  sessionMaxAge: config.sessionMaxAge,
  store: new MemoryStore(),
})
const iat = Math.floor(Date.now() / 1000)

let watching: Set<() => void>
let app: ReturnType<typeof createApp>

beforeEach(() => {
  watching = new Set()
  const receiver = {
    ...logout,
    watch(_session: object, listener: () => void) {
      watching.add(listener)
      return () => void watching.delete(listener)
    },
  }
  app = createApp(config, receiver, { isReady: () => true }, createStreams({ perSession: 2, perProcess: 3 }))
})

async function cookieOf(sub: string): Promise<string> {
  const signedIn = await new Hono()
    .get('/', async (c) => {
      const idToken = { iss: config.issuer, sub, aud: 'hono', iat, exp: iat + 600 }
      return c.json(await createSessions(config, logout).start(c, idToken, 'id-token'))
    })
    .request('/')
  return signedIn.headers.get('set-cookie')!.split(';')[0]!
}

const open = async (cookie: string, method = 'GET') => app.request('/events', { method, headers: { cookie } })

it('GET /events starts a watch, and HEAD /events does not', async () => {
  const cookie = await cookieOf('alice')
  const head = await open(cookie, 'HEAD')
  expect(head.status).toBe(200)
  expect(head.headers.get('content-type')).toBe('text/event-stream')
  expect(watching.size).toBe(0)

  const reader = (await open(cookie)).body!.getReader()
  await reader.read()
  expect(watching.size).toBe(1)
  await reader.cancel()
  await expect.poll(() => watching.size).toBe(0)
})

it('refuses too many streams of one session with 429, and too many streams in total with 503', async () => {
  const [alice, bob] = [await cookieOf('alice'), await cookieOf('bob')]
  const streams = [await open(alice), await open(alice), await open(bob)]
  expect(streams.map(({ status }) => status)).toEqual([200, 200, 200])

  expect((await open(alice)).status).toBe(429)
  expect((await open(bob)).status).toBe(503)
  expect(watching.size).toBe(3)

  for (const { body } of streams) await body!.cancel()
  await expect.poll(() => watching.size).toBe(0)
})

it('frees the place of a stream when the page is closed, and when the session ends', async () => {
  const cookie = await cookieOf('alice')
  const [closed, ended] = [await open(cookie), await open(cookie)]
  expect((await open(cookie)).status).toBe(429)

  await closed.body!.cancel()
  await expect.poll(async () => (await open(cookie)).status).toBe(200)
  expect((await open(cookie)).status).toBe(429)

  for (const listener of watching) listener()
  expect(await ended.text()).toContain('event: logged-out')
  expect((await open(cookie)).status).toBe(200)
})

it('keeps no place for a page that disconnected before its stream began', async () => {
  const cookie = await cookieOf('alice')
  let pageArrives: (() => void) | undefined
  const listener = getRequestListener(app.fetch)
  const server = createServer((request, response) => {
    if (!pageArrives) return listener(request, response)
    response.once('close', () => void listener(request, response))
    pageArrives()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/events`

  for (let page = 0; page < 3; page++) {
    const gone = new AbortController()
    pageArrives = () => gone.abort()
    await expect(fetch(url, { headers: { cookie }, signal: gone.signal })).rejects.toThrow()
  }
  pageArrives = undefined

  await expect.poll(() => watching.size).toBe(0)
  expect((await open(cookie)).status).toBe(200)
  server.closeAllConnections()
  server.close()
})
