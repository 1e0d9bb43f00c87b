import type { BackchannelLogout } from '@bcl/core'
import { activeSession, backchannelLogout } from '@bcl/express'
import { testAdapter, type MountAdapter } from '@bcl/testing'
import compression from 'compression'
import cookieParser from 'cookie-parser'
import cors from 'cors'
import { doubleCsrf } from 'csrf-csrf'
import { csrfSync } from 'csrf-sync'
import express5, { type Express, type RequestHandler } from 'express'
import express4 from 'express4'
import { rateLimit } from 'express-rate-limit'
import session from 'express-session'
import helmet from 'helmet'
import lusca from 'lusca'
import multer from 'multer'
import { buffer, text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { serve } from './serve.js'

const versions: [string, typeof express5][] = [
  ['Express 5', express5],
  ['Express 4', express4],
]

const path = '/backchannel-logout'

type MountEndpoint = (app: Express, logout: BackchannelLogout, express: typeof express5) => unknown
const byAll: MountEndpoint = (app, logout) => app.all(path, backchannelLogout(logout))
const byUse: MountEndpoint = (app, logout) => app.use(path, backchannelLogout(logout))
const byRouter: MountEndpoint = (app, logout, { Router }) => app.use(Router().all(path, backchannelLogout(logout)))

interface Around {
  endpoint?: MountEndpoint
  before?: RequestHandler[]
  after?: RequestHandler[]
}

/** An application with the adapter, between the given middleware. */
const mountIn =
  (express: typeof express5, { endpoint = byAll, before = [], after = [] }: Around = {}): MountAdapter =>
  async (logout, sessionOf) => {
    const app = express()
    for (const middleware of before) app.use(middleware)
    endpoint(app, logout, express)
    for (const middleware of after) app.use(middleware)
    app.get('/me', activeSession(logout, { session: (request) => sessionOf(request.get('x-test-session')) }))
    app.get('/me', (_request, response) => {
      response.send('active')
    })
    const served = await serve(app)
    return {
      async fetch(target, init) {
        const response = await served.fetch(target, init)
        if (target.startsWith(path)) expect(served.errors, 'errors that reached next').toEqual([])
        return response
      },
      close: served.close,
    }
  }

/** Wraps a parser so that it does not refuse a request itself. */
const lenient =
  (parser: RequestHandler): RequestHandler =>
  (request, response, next) =>
    parser(request, response, () => next())

const keepBodyAs =
  (name: 'body' | 'rawBody', read: (request: Parameters<RequestHandler>[0]) => unknown): RequestHandler =>
  async (request, _response, next) => {
    Object.assign(request, { [name]: await read(request) })
    next()
  }

/** Adds each chunk to `rawBody`. When the next middleware runs, no chunk has arrived yet. */
const collectRawBody: RequestHandler = (request: Parameters<RequestHandler>[0] & { rawBody?: string }, _, next) => {
  request.rawBody = ''
  request.setEncoding('utf8')
  request.on('data', (chunk: string) => (request.rawBody += chunk))
  next()
}

type Parser = (express: typeof express5) => RequestHandler

const limits = { limit: '1mb', parameterLimit: 100_000 }
const parsers: [string, Parser][] = [
  ['urlencoded', ({ urlencoded }) => urlencoded({ ...limits, extended: false })],
  ['urlencoded that parses nested objects', ({ urlencoded }) => urlencoded({ ...limits, extended: true })],
  ['urlencoded with few parameters', ({ urlencoded }) => urlencoded({ extended: false, limit: '1mb' })],
  [
    'urlencoded that keeps the bytes',
    ({ urlencoded }) =>
      urlencoded({
        ...limits,
        extended: false,
        verify: (request, _, rawBody) => void Object.assign(request, { rawBody }),
      }),
  ],
  ['json', ({ json }) => json(limits)],
  ['text for everything', (express) => express.text({ ...limits, type: '*/*' })],
  ['raw for everything', ({ raw }) => raw({ ...limits, type: '*/*' })],
  ['multer', () => multer().any()],
  [
    'a middleware that keeps URLSearchParams',
    () => keepBodyAs('body', async (r) => new URLSearchParams(await text(r))),
  ],
  ['a middleware that keeps rawBody only', () => keepBodyAs('rawBody', (request) => buffer(request))],
  ['a middleware that collects rawBody, and does not wait for it', () => collectRawBody],
  ['a middleware that sets an empty object', () => keepBodyAs('body', () => ({}))],
]

describe.concurrent.each(versions)('%s', (_, express) => {
  describe('mounted by app.all', () => testAdapter(test, mountIn(express)))
  describe('mounted by app.use', () => testAdapter(test, mountIn(express, { endpoint: byUse })))
  describe('mounted in a router', () => testAdapter(test, mountIn(express, { endpoint: byRouter })))
  describe.each(parsers)('after %s (T-3)', (name, parser) => {
    const parsesBody = name.includes('URLSearchParams')
    testAdapter(test, mountIn(express, { before: [lenient(parser(express))] }), { parsesBody })
  })
  describe('before all parsers', () =>
    testAdapter(test, mountIn(express, { after: parsers.map(([, parser]) => parser(express)) })))
})

/** Middleware that refuses a form POST without a login. */
interface Guard {
  /** The status of the second form POST without a login. It shows that the middleware is active. */
  status: number
  middleware: () => RequestHandler[]
}

const sessions = (): RequestHandler =>
  session({ secret: 'keyboard cat', resave: false, saveUninitialized: true }) as RequestHandler

const guards: Record<string, Guard> = {
  'csrf-csrf': {
    status: 403,
    middleware: () => [
      cookieParser(),
      doubleCsrf({ getSecret: () => 'secret', getSessionIdentifier: () => 'session' }).doubleCsrfProtection,
    ],
  },
  'csrf-sync': { status: 403, middleware: () => [sessions(), csrfSync().csrfSynchronisedProtection] },
  lusca: { status: 403, middleware: () => [sessions(), lusca.csrf() as RequestHandler] },
  'a rate limit of one request': {
    status: 429,
    middleware: () => [rateLimit({ limit: 1, keyGenerator: () => 'all' })],
  },
}

describe.concurrent.each(versions)('%s, in front of middleware that refuses the provider (T-2)', (_, express) => {
  describe.each(Object.entries(guards))('%s', (__, { status, middleware }) => {
    testAdapter(test, mountIn(express, { after: middleware() }), { endpointOnly: true })

    test('the middleware is active', async () => {
      const app = express()
      for (const handler of middleware()) app.use(handler)
      app.post('/form', (_request, response) => void response.send('done'))
      const served = await serve(app)
      const post = (): Promise<number> =>
        Promise.resolve(served.fetch('/form', { method: 'POST', body: new URLSearchParams({ a: 'b' }) })).then(
          (response) => response.status,
        )
      await post()
      expect(await post()).toBe(status)
      await served.close()
    })
  })
})

const surroundings: [string, () => RequestHandler[]][] = [
  ['helmet', () => [helmet()]],
  ['cors', () => [cors({ origin: 'https://app.example', credentials: true, preflightContinue: true })]],
  ['compression of every answer', () => [compression({ threshold: 0, filter: () => true })]],
  ['express-session', () => [sessions()]],
  ['a rate limit with room', () => [rateLimit({ limit: 100_000, standardHeaders: true, keyGenerator: () => 'all' })]],
]

describe.concurrent.each(versions)('%s, behind middleware that changes answers', (_, express) => {
  describe.each(surroundings)('%s', (__, middleware) => testAdapter(test, mountIn(express, { before: middleware() })))
  describe('all of this middleware', () =>
    testAdapter(test, mountIn(express, { before: surroundings.flatMap(([, middleware]) => middleware()) })))
})
