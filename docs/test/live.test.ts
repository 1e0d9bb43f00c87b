// Tests the sockets of docs/guides/live.md. Each socket closes when its session ends. No socket opens for a session that has ended.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'

import { createBackchannelLogout, MemoryStore, type SessionClaims } from '@bcl/core'
import { createTestIssuer } from '@bcl/testing'
import secureSession from '@fastify/secure-session'
import express from 'express'
import expressSession from 'express-session'
import Fastify from 'fastify'
import { sealData } from 'iron-session'
import Koa from 'koa'
import { createSession } from 'koa-session'
import { GraphQLBoolean, GraphQLObjectType, GraphQLSchema } from 'graphql'
import { useServer } from 'graphql-ws/use/ws'
import { Server } from 'socket.io'
import { io as connect } from 'socket.io-client'
import { WebSocket, WebSocketServer } from 'ws'

import { endWithSession as withGraphql } from '../snippets/docs-guides-live-md/graphql-ws.ts'
import { createSessionOf as withExpressSession } from '../snippets/docs-guides-live-md/express-session.ts'
import { createSessionOf as withIronSession } from '../snippets/docs-guides-live-md/iron-session.ts'
import { createSessionOf as withKoaSession } from '../snippets/docs-guides-live-md/koa-session.ts'
import { createSessionOf as withSecureSession } from '../snippets/docs-guides-live-md/secure-session.ts'
import { endWithSession as withSocketIo } from '../snippets/docs-guides-live-md/socket-io.ts'
import { trackSockets } from '../snippets/docs-guides-live-md/track-sockets.ts'
import { checkBeforeOpen } from '../snippets/docs-guides-live-md/ws-upgrade.ts'
import { endWithSession as withWs } from '../snippets/docs-guides-live-md/ws.ts'
import { frameOf, upgradeByHand } from './raw-socket.ts'

const op = await createTestIssuer()

async function serve(t: TestContext) {
  const logout = createBackchannelLogout({ issuers: [op.trusted], sessionMaxAge: 3600, store: new MemoryStore() })
  let watching = 0
  const counted = {
    ...logout,
    watch(claims: SessionClaims, listener: () => void) {
      const stop = logout.watch(claims, listener)
      watching += 1
      let isStopped = false
      return () => {
        if (!isStopped) watching -= 1
        isStopped = true
        stop()
      }
    },
  }
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return {
    server,
    logout: counted,
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    watching: () => watching,
    end: async (sid: string) => logout.receive(await op.logoutToken({ sid })),
  }
}

/** In this test, the session is in a header, not in a cookie. */
const sessionOf = async ({ headers }: IncomingMessage): Promise<SessionClaims | undefined> =>
  headers['x-sid'] ? op.session({ sid: String(headers['x-sid']) }) : undefined

const sessionOrError = async (request: IncomingMessage) => {
  if (request.headers['x-sid'] === 'broken') throw new Error('down')
  return sessionOf(request)
}

/** Waits until no session is watched. The server notices the close a moment later than the client. */
async function nothingIsWatched(watching: () => number): Promise<void> {
  while (watching() > 0) await new Promise(setImmediate)
}

test('ws', { timeout: 20_000 }, async (t) => {
  const { server, logout, address, watching, end } = await serve(t)
  withWs(new WebSocketServer({ server }), logout, sessionOf)
  const open = (headers = {}) => new WebSocket(`ws://${address}`, { headers })
  const codeOf = async (socket: WebSocket): Promise<number> => (await once(socket, 'close'))[0]

  const [laptop, phone] = [open({ 'x-sid': 'laptop' }), open({ 'x-sid': 'phone' })]
  await Promise.all([once(laptop, 'open'), once(phone, 'open')])
  const closed = codeOf(laptop)
  await end('laptop')
  assert.equal(await closed, 4401)
  assert.equal(await codeOf(open({ 'x-sid': 'laptop' })), 4401)
  assert.equal(await codeOf(open()), 4401)
  assert.equal(phone.readyState, WebSocket.OPEN)

  const closedByPage = codeOf(phone)
  phone.close()
  await closedByPage
  await nothingIsWatched(watching)
})

test(
  'ws: a wrong frame of an attacker closes the socket, and does not end the process',
  { timeout: 20_000 },
  async (t) => {
    const { server, logout, address } = await serve(t)
    withWs(new WebSocketServer({ server }), logout, sessionOf)
    const socket = await upgradeByHand(address)
    socket.end(Buffer.from([0xff, 0xff])) // an error without a listener would end this process
    socket.resume()
    await once(socket, 'close')
  },
)

test(
  'ws: the connection of a refused socket is closed, even if the client keeps its side open',
  { timeout: 20_000 },
  async (t) => {
    const { server, logout, address } = await serve(t)
    checkBeforeOpen(server, new WebSocketServer({ noServer: true }), logout, sessionOf)
    const connected = once(server, 'connection')
    const socket = await upgradeByHand(address)
    t.after(() => socket.destroy())
    const [atServer] = (await connected) as [Socket]
    if (!atServer.destroyed) await once(atServer, 'close', { signal: AbortSignal.timeout(5000) })
  },
)

/** Sends frames until the server ends the connection. Never answers the close of the server. */
async function sendUntilClosed(socket: Socket, text: string): Promise<void> {
  // `once` would reject at the error of the write that follows the end of the connection.
  const closed = new Promise((resolve) => socket.once('close', resolve))
  const tooLate = setTimeout(5000, 'too late', { ref: false })
  socket.on('error', () => {}).resume()
  const timer = setInterval(() => socket.writable && socket.write(frameOf(text)), 50)
  const first = await Promise.race([closed, tooLate])
  clearInterval(timer)
  assert.notEqual(first, 'too late')
}

test('ws: a client that ignores the close can send no more messages', { timeout: 20_000 }, async (t) => {
  const { server, logout, address, watching, end } = await serve(t)
  const sockets = new WebSocketServer({ server })
  const messages: string[] = []
  let received = () => {}
  sockets.on('connection', (socket) =>
    socket.on('message', (message) => {
      messages.push(String(message))
      received()
    }),
  )
  withWs(sockets, logout, sessionOf)
  const socket = await upgradeByHand(address, 'X-Sid: laptop')
  t.after(() => socket.destroy())
  const first = new Promise<void>((resolve) => (received = resolve))
  socket.write(frameOf('before'))
  await first
  await end('laptop')
  await sendUntilClosed(socket, 'after')
  assert.deepEqual(messages, ['before'])
  await nothingIsWatched(watching)

  const stranger = await upgradeByHand(address)
  t.after(() => stranger.destroy())
  await sendUntilClosed(stranger, 'stranger')
})

test('ws: no socket opens without a live session', { timeout: 20_000 }, async (t) => {
  const { server, logout, address, watching, end } = await serve(t)
  const sockets = new WebSocketServer({ noServer: true })
  checkBeforeOpen(server, sockets, logout, sessionOrError)
  withWs(sockets, logout, sessionOf)
  const open = (headers = {}) => new WebSocket(`ws://${address}`, { headers })
  /** The status of the answer to a request that opens no socket. */
  const statusOf = async (socket: WebSocket): Promise<number> => {
    const [request, response] = await once(socket, 'unexpected-response')
    request.destroy()
    return response.statusCode
  }

  const laptop = open({ 'x-sid': 'laptop' })
  await once(laptop, 'open')
  const closed = once(laptop, 'close')
  await end('laptop')
  assert.equal((await closed)[0], 4401)
  assert.equal(await statusOf(open({ 'x-sid': 'laptop' })), 401)
  assert.equal(await statusOf(open()), 401)
  assert.equal(await statusOf(open({ 'x-sid': 'broken' })), 503)
  await nothingIsWatched(watching)
})

const secret = 'at-least-32-characters-that-nobody-can-guess'
const claims = op.session()
type SessionOf = (request: IncomingMessage) => Promise<SessionClaims | undefined>

/** For each session library: makes a cookie with the claims, and the function that reads the cookie. */
const libraries: Record<string, (t: TestContext) => Promise<{ sessionOf: SessionOf; cookie: string }>> = {
  async 'iron-session'() {
    const options = { cookieName: 'session', password: secret }
    return { sessionOf: withIronSession(options), cookie: `session=${await sealData({ claims }, options)}` }
  },
  async 'express-session'(t) {
    const middleware = expressSession({ secret, resave: false, saveUninitialized: false })
    const app = express().use(middleware)
    app.get('/', (request, response) => {
      Object.assign(request.session, { claims })
      response.end()
    })
    return { sessionOf: withExpressSession(middleware), cookie: await cookieOf(t, app) }
  },
  async 'koa-session'(t) {
    const app = new Koa()
    app.keys = [secret]
    app.use(createSession({}, app))
    app.use((ctx) => {
      ctx['session'].claims = claims
      ctx.status = 204
    })
    return { sessionOf: withKoaSession(app), cookie: await cookieOf(t, app.callback()) }
  },
  async 'secure-session'(t) {
    const app = Fastify()
    app.register(secureSession, { secret, salt: 'a-salt-of-16-chr' })
    app.get('/', async ({ session }) => session.set('claims', claims))
    await app.ready()
    return { sessionOf: withSecureSession(app), cookie: await cookieOf(t, (...pair) => app.routing(...pair)) }
  },
}

async function listen(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Returns the cookies that the application sets. */
async function cookieOf(t: TestContext, listener: RequestListener): Promise<string> {
  const { headers } = await fetch(await listen(t, listener))
  return headers
    .getSetCookie()
    .map((cookie) => cookie.split(';')[0])
    .join('; ')
}

for (const [name, prepare] of Object.entries(libraries)) {
  test(`${name}: sessionOf reads the claims from the cookie, and refuses a changed cookie`, async (t) => {
    const { sessionOf: read, cookie } = await prepare(t)
    const base = await listen(t, async (request, response) =>
      response.end(JSON.stringify((await read(request)) ?? null)),
    )
    const ask = async (headers: Record<string, string>) => (await fetch(base, { headers })).json()
    assert.deepEqual(await ask({ cookie }), claims)
    assert.equal(await ask({}), null)
    const at = cookie.indexOf('=') + 12
    assert.equal(
      await ask({ cookie: cookie.slice(0, at) + (cookie[at] === 'x' ? 'y' : 'x') + cookie.slice(at + 1) }),
      null,
    )
  })
}

test('Socket.IO', { timeout: 20_000 }, async (t) => {
  const { server, logout, address, watching, end } = await serve(t)
  const io = new Server(server)
  withSocketIo(io, logout, sessionOf)
  const open = (sid: string, namespace = '/') => {
    const socket = connect(`http://${address}${namespace}`, {
      extraHeaders: { 'x-sid': sid },
      reconnection: false,
      forceNew: true,
    })
    t.after(() => socket.close())
    return socket
  }
  const happens = (socket: ReturnType<typeof open>, event: string) =>
    new Promise<unknown>((resolve) => socket.once(event, resolve))

  const laptop = open('laptop')
  await happens(laptop, 'connect')
  assert.equal(watching(), 1)
  const [told, gone] = [happens(laptop, 'logged-out'), happens(laptop, 'disconnect')]
  await end('laptop')
  await told
  assert.equal(await gone, 'io server disconnect')
  assert.equal(watching(), 0)
  assert.match(String(await happens(open('laptop'), 'connect_error')), /not signed in/)

  withSocketIo(io.of('/chat'), logout, sessionOf)
  const chat = open('phone', '/chat')
  await happens(chat, 'connect')
  const goneFromChat = happens(chat, 'disconnect')
  await end('phone')
  assert.equal(await goneFromChat, 'io server disconnect')
  await io.close()
})

test('Socket.IO: with the setting of the page, a recovered connection is checked', { timeout: 20_000 }, async (t) => {
  const page = readFileSync(new URL('../guides/live.md', import.meta.url), 'utf8')
  const [, skips] = /`connectionStateRecovery: \{ skipMiddlewares: (\w+) \}`/.exec(page)!
  const { server, logout, address, end } = await serve(t)
  const io = new Server(server, { connectionStateRecovery: { skipMiddlewares: skips === 'true' } })
  withSocketIo(io, logout, sessionOf)
  const socket = connect(`http://${address}`, { extraHeaders: { 'x-sid': 'laptop' }, reconnectionDelay: 100 })
  t.after(() => socket.close())
  const messages: string[] = []
  socket.on('message', (message) => messages.push(message))
  await new Promise<void>((resolve) => socket.once('connect', resolve))
  const received = new Promise<void>((resolve) => socket.once('message', () => resolve()))
  io.emit('message', 'before') // the client can recover the connection only after a message
  await received
  socket.io.engine.close()
  await end('laptop')
  io.emit('message', 'after the logout')
  const refused = new Promise<Error>((resolve) => socket.once('connect_error', resolve))
  socket.once('connect', () => assert.fail('the connection was recovered'))
  assert.match(String(await refused), /not signed in/)
  assert.deepEqual(messages, ['before'])
  await io.close()
})

test(
  'Socket.IO: a client that connects after `close` is disconnected, and the process goes on',
  { timeout: 20_000 },
  async (t) => {
    const { server, logout, address } = await serve(t)
    const io = new Server(server)
    withSocketIo(io, logout, sessionOf)
    await logout.close()
    const socket = connect(`http://${address}`, { extraHeaders: { 'x-sid': 'laptop' }, forceNew: true })
    t.after(() => socket.close())
    const reason = await new Promise<string>((resolve) => socket.once('disconnect', resolve))
    assert.equal(reason, 'io server disconnect')
    await io.close()
  },
)

test('if the session cannot be read, the client gets no message of the error', { timeout: 20_000 }, async (t) => {
  const fails = async () => {
    throw new Error('the session store at 10.0.0.5 is down')
  }
  const first = await serve(t)
  const io = new Server(first.server)
  withSocketIo(io, first.logout, fails)
  const socket = connect(`http://${first.address}`, { reconnection: false, forceNew: true })
  t.after(() => socket.close())
  const error = await new Promise<Error>((resolve) => socket.once('connect_error', resolve))
  assert.equal(error.message, 'try again later')
  await io.close()

  const second = await serve(t)
  const schema = new GraphQLSchema({
    query: new GraphQLObjectType({ name: 'Query', fields: { ok: { type: GraphQLBoolean } } }),
  })
  useServer({ schema, ...withGraphql(second.logout, fails) }, new WebSocketServer({ server: second.server }))
  const graphql = new WebSocket(`ws://${second.address}`, 'graphql-transport-ws')
  await once(graphql, 'open')
  graphql.send(JSON.stringify({ type: 'connection_init' }))
  const [code, reason] = await once(graphql, 'close')
  assert.deepEqual([code, String(reason)], [1013, 'try again later'])
})

test('graphql-ws', { timeout: 20_000 }, async (t) => {
  const { server, logout, address, watching, end } = await serve(t)
  const fields = { ok: { type: GraphQLBoolean } }
  const schema = new GraphQLSchema({ query: new GraphQLObjectType({ name: 'Query', fields }) })
  useServer({ schema, ...withGraphql(logout, sessionOrError) }, new WebSocketServer({ server }))
  const open = async (sid: string) => {
    const socket = new WebSocket(`ws://${address}`, 'graphql-transport-ws', { headers: { 'x-sid': sid } })
    await once(socket, 'open')
    const answer = Promise.race([once(socket, 'message'), once(socket, 'close')])
    socket.send(JSON.stringify({ type: 'connection_init' }))
    return { socket, answer: String((await answer)[0]) }
  }
  const { socket, answer } = await open('laptop')
  assert.deepEqual(JSON.parse(answer), { type: 'connection_ack' })
  assert.equal(watching(), 1)
  const closed = once(socket, 'close')
  await end('laptop')
  assert.equal((await closed)[0], 4401)
  await nothingIsWatched(watching)
  assert.equal((await open('laptop')).answer, '4403')
  assert.equal((await open('broken')).answer, '1013', 'the client tries again')
})

test('graphql-ws: a socket that closes during the check is not watched', { timeout: 20_000 }, async (t) => {
  const { server, logout, address, watching } = await serve(t)
  const schema = new GraphQLSchema({
    query: new GraphQLObjectType({ name: 'Query', fields: { ok: { type: GraphQLBoolean } } }),
  })
  let resolve = () => {}
  const isWatched = new Promise<void>((done) => (resolve = done))
  const told = {
    ...logout,
    watch(claims: SessionClaims, listener: () => void) {
      const stop = logout.watch(claims, listener)
      resolve()
      return stop
    },
  }
  const afterClose = async (request: IncomingMessage) => {
    await once(request.socket, 'close')
    await new Promise(setImmediate)
    return sessionOf(request)
  }
  useServer({ schema, ...withGraphql(told, afterClose) }, new WebSocketServer({ server }))
  const socket = new WebSocket(`ws://${address}`, 'graphql-transport-ws', { headers: { 'x-sid': 'laptop' } })
  await once(socket, 'open')
  socket.send(JSON.stringify({ type: 'connection_init' }), () => socket.close())
  await isWatched
  await nothingIsWatched(watching)
})

test('graphql-ws: a client that ignores the close can run no more operations', { timeout: 20_000 }, async (t) => {
  const { server, logout, address, end } = await serve(t)
  let operations = 0
  const resolve = () => (operations += 1) > 0
  const schema = new GraphQLSchema({
    query: new GraphQLObjectType({ name: 'Query', fields: { ok: { type: GraphQLBoolean, resolve } } }),
  })
  useServer({ schema, ...withGraphql(logout, sessionOf) }, new WebSocketServer({ server }))
  const socket = await upgradeByHand(address, 'X-Sid: laptop', 'Sec-WebSocket-Protocol: graphql-transport-ws')
  t.after(() => socket.destroy())
  const acknowledged = once(socket, 'data')
  socket.write(frameOf('{"type":"connection_init"}'))
  await acknowledged
  await end('laptop')
  await sendUntilClosed(socket, '{"id":"1","type":"subscribe","payload":{"query":"{ok}"}}')
  assert.equal(operations, 0)
})

test('with trackSockets, a server with open sockets can close', { timeout: 20_000 }, async (t) => {
  const { server, logout, address } = await serve(t)
  const endSockets = trackSockets(server)
  withWs(new WebSocketServer({ server, path: '/ws' }), logout, sessionOf)
  const sockets = ['laptop', 'phone'].map((sid) => new WebSocket(`ws://${address}/ws`, { headers: { 'x-sid': sid } }))
  await Promise.all(sockets.map((socket) => once(socket, 'open')))
  const closed = Promise.all(sockets.map((socket) => once(socket, 'close')))
  endSockets()
  await closed

  const late = new WebSocket(`ws://${address}/ws`, { headers: { 'x-sid': 'late' } })
  await once(late, 'error')
  const serverClosed = once(server, 'close', { signal: AbortSignal.timeout(5000) })
  server.close()
  await serverClosed
})
