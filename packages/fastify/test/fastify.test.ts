import {
  createBackchannelLogout,
  MemoryStore,
  type BackchannelLogout,
  type LogoutEndpoint,
  type LogoutRequest,
  type LogoutStore,
} from '@bcl/core'
import { activeSession, backchannelLogout } from '@bcl/fastify'
import { createTestIssuer } from '@bcl/testing'
import { expectRoomAfterLargeBody, expectRoomAfterSlowBody, head } from '@bcl-checks/test-support/connection'
import { wrongSessionOptions } from '@bcl-checks/test-support/session-options'
import Fastify5, { type FastifyInstance, type FastifyRequest, type HTTPMethods } from 'fastify'
import Fastify4 from 'fastify4'
import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { serve, type Served } from './serve.js'

const path = '/backchannel-logout'
const op = await createTestIssuer()
const create = (store: LogoutStore = new MemoryStore(), onDelivery?: () => void): BackchannelLogout =>
  createBackchannelLogout({ issuers: [op.trusted], sessionMaxAge: 3600, store, onDelivery })
const broken = async (): Promise<never> => {
  throw new Error('the store is down')
}
const down = (): BackchannelLogout => create({ add: broken, values: broken, remove: broken })
const form = async () => ({
  method: 'POST',
  headers: { 'content-type': 'application/x-www-form-urlencoded' },
  body: `logout_token=${await op.logoutToken()}`,
})

describe.each<[string, typeof Fastify5]>([
  ['Fastify 5', Fastify5],
  ['Fastify 4', Fastify4],
])('%s', (_, Fastify) => {
  const using = async (extend: (app: FastifyInstance) => unknown): Promise<Served> => {
    const app = Fastify()
    await extend(app)
    return serve(app)
  }
  const withEndpoint = (logout = create()): Promise<Served> =>
    using((app) => app.register(backchannelLogout, { logout, path }))

  describe('the endpoint', () => {
    test.each<[string, (request: FastifyRequest) => unknown]>([
      ['read the body to the end', ({ raw }) => text(raw)],
      ['discarded the body', ({ raw }) => once(raw.resume(), 'end')],
      [
        'put the body behind a getter that throws',
        async ({ raw }) => {
          await text(raw)
          Object.defineProperty(raw, 'body', {
            get() {
              throw new Error('the body cannot be parsed')
            },
          })
        },
      ],
      [
        'read the body and kept an empty object',
        async ({ raw }) => (await text(raw), Object.assign(raw, { body: {} })),
      ],
    ])('T-3: answers 400 and does not hang if a hook %s', async (__, read) => {
      const app = await using((instance) => {
        instance.addHook('onRequest', async (request) => void (await read(request)))
        instance.register(backchannelLogout, { logout: create() })
      })
      const { body, ...init } = await form()
      const chunked = new Blob([body]).stream()
      expect((await app.fetch(path, { ...init, body: chunked, duplex: 'half' } as RequestInit)).status).toBe(400)
      expect(app.errors).toEqual([])
      await app.close()
    })

    test.each<[string, (request: FastifyRequest) => unknown]>([
      ['request.rawBody', async (request) => Object.assign(request, { rawBody: await text(request.raw), body: {} })],
      [
        'request.body',
        async (request) => (request.body = Object.fromEntries(new URLSearchParams(await text(request.raw)))),
      ],
      ['rawBody of the request of Node', async ({ raw }) => Object.assign(raw, { rawBody: await text(raw), body: {} })],
    ])('T-3: takes the body that a hook or a platform left in %s', async (__, read) => {
      const app = await using((instance) => {
        instance.addHook('onRequest', async (request) => void (await read(request)))
        instance.register(backchannelLogout, { logout: create() })
      })
      expect((await app.fetch(path, await form())).status).toBe(200)
      await app.close()
    })

    test('asks for the body if the client waits for 100 Continue', async () => {
      const app = await withEndpoint()
      const { body } = await form()
      const socket = connect(app.port, '127.0.0.1')
      socket.write(head(path, `content-length: ${body.length}`, 'expect: 100-continue', 'connection: close'))
      const [interim] = (await once(socket, 'data')) as [Buffer]
      expect(String(interim)).toBe('HTTP/1.1 100 Continue\r\n\r\n')
      socket.write(body)
      expect(await text(socket)).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
      expect(app.errors).toEqual([])
      await app.close()
    })

    test('answers the next request even if a connection closes during the body', async () => {
      let deliver = (): void => {}
      const delivered = new Promise<void>((resolve) => (deliver = resolve))
      let arrive = (): void => {}
      const arrived = new Promise<void>((resolve) => (arrive = resolve))
      const app = await using((instance) => {
        instance.addHook('onRequest', async () => arrive())
        instance.register(backchannelLogout, { logout: create(undefined, deliver) })
      })
      const socket = connect(app.port, '127.0.0.1')
      socket.write(head(path, 'content-length: 1000') + 'logout_token=half')
      await arrived
      socket.destroy()
      await delivered
      expect((await app.fetch(path, await form())).status).toBe(200)
      await app.close()
    })

    test('RP-4: answers 413 while 10 MB arrive in chunks, and the connection stays usable', async () => {
      const app = await withEndpoint()
      await expectRoomAfterLargeBody(app.port, path, await op.logoutToken())
      expect(app.errors).toEqual([])
      await app.close()
    })

    test('after a body that was too slow and too large, the connection serves the next request', async () => {
      const app = await withEndpoint()
      await expectRoomAfterSlowBody(app.port, path, await op.logoutToken())
      expect(app.errors).toEqual([])
      await app.close()
    })

    test('answers only at its exact path, with any query string', async () => {
      const app = await withEndpoint()
      const statuses = await Promise.all(
        ['/', `${path}/`, `${path}/x`, '/x/backchannel-logout', `${path}x`].map(
          async (target) => (await app.fetch(target, {})).status,
        ),
      )
      expect(new Set(statuses)).toEqual(new Set([404]))
      expect((await app.fetch(`${path}?tenant=/a`, await form())).status).toBe(200)
      await app.close()
    })

    test('has the path /backchannel-logout by default, and takes a prefix', async () => {
      const logout = create()
      const app = await using((instance) => {
        instance.register(backchannelLogout, { logout })
        instance.register(backchannelLogout, { logout, prefix: '/partner' })
        instance.register(async (scope) => scope.register(backchannelLogout, { logout, path: '/logout' }), {
          prefix: '/auth',
        })
      })
      for (const target of [path, `/partner${path}`, '/auth/logout']) {
        expect((await app.fetch(target, await form())).status).toBe(200)
        expect((await app.fetch(target, {})).headers.get('allow')).toBe('POST')
      }
      await app.close()
    })

    test('does not change the parsers, hooks and routes of the application', async () => {
      const app = await using((instance) => {
        instance.register(backchannelLogout, { logout: create() })
        instance.post('/echo', async ({ body }) => body)
      })
      const json = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"a":1}' }
      expect(await (await app.fetch('/echo', json)).json()).toEqual({ a: 1 })
      expect((await app.fetch('/echo', await form())).status).toBe(415)
      await app.close()
    })

    test('RP-44: does not redirect a logout, even if an outer hook sets the status 302', async () => {
      const app = await using((instance) => {
        instance.addHook('onRequest', async (__, reply) => void reply.header('content-type', 'text/html').code(302))
        instance.register(backchannelLogout, { logout: create() })
      })
      const response = await app.fetch(path, await form())
      expect([response.status, response.headers.get('content-length'), await response.text()]).toEqual([200, '0', ''])
      await app.close()
    })

    test('runs the onResponse hooks of the application', async () => {
      let finish = (_status: number): void => {}
      const finished = new Promise<number>((resolve) => (finish = resolve))
      const app = await using((instance) => {
        instance.register(backchannelLogout, { logout: create() })
        instance.addHook('onResponse', async (__, { statusCode }) => finish(statusCode))
      })
      await app.fetch(path, {})
      expect(await finished).toBe(405)
      await app.close()
    })

    test('passes an error of the function that chooses the receiver to the error handler', async () => {
      const app = await using((instance) => {
        instance.register(backchannelLogout, {
          logout: () => {
            throw Object.assign(new Error('no such tenant'), { statusCode: 404 })
          },
        })
      })
      expect((await app.fetch(path, await form())).status).toBe(404)
      expect(app.errors).toMatchObject([{ message: 'no such tenant' }])
      await app.close()
    })

    test('takes any receiver that has respond, and passes the authorization and any media type to it', async () => {
      const received: LogoutRequest[] = []
      const receiver: LogoutEndpoint = {
        async respond(request) {
          received.push(request)
          return { status: 202, headers: { 'x-received': 'yes' }, body: '' }
        },
      }
      const app = await using((instance) => {
        instance.register(backchannelLogout, { logout: receiver, path: '/security-events' })
        instance.register(backchannelLogout, { logout: () => receiver, path: '/per-request' })
      })
      const headers = { 'content-type': 'application/secevent+jwt', authorization: 'Bearer secret' }
      for (const target of ['/security-events', '/per-request']) {
        const response = await app.fetch(target, { method: 'POST', headers, body: 'a.b.c' })
        expect([response.status, response.headers.get('x-received')]).toEqual([202, 'yes'])
      }
      const { authorization, 'content-type': contentType } = headers
      expect(received).toMatchObject([
        { method: 'POST', contentType, authorization },
        { method: 'POST', contentType, authorization },
      ])
      await app.close()
    })
  })

  test('the receiver can come from the request', async () => {
    const [open, other] = [create(), create()]
    const choose = ({ headers }: FastifyRequest): BackchannelLogout => (headers['x-tenant'] === 'open' ? open : other)
    const app = await using((instance) => {
      instance.register(backchannelLogout, { logout: choose })
      instance.get('/', { onRequest: activeSession(choose, { session: () => op.session() }) }, async () => 'active')
    })
    const { headers, ...init } = await form()
    expect((await app.fetch(path, { ...init, headers: { ...headers, 'x-tenant': 'open' } })).status).toBe(200)
    expect((await app.fetch('/', { headers: { 'x-tenant': 'open' } })).status).toBe(401)
    expect((await app.fetch('/', {})).status).toBe(200)
    await app.close()
  })

  describe('activeSession', () => {
    const stages = ['onRequest', 'preParsing', 'preValidation', 'preHandler'] as const

    test.each(stages)('works as a hook for %s, on a route or on a scope', async (stage) => {
      const logout = create()
      const session = activeSession(logout, { session: () => op.session() })
      let handled = 0
      const app = await using((instance) => {
        instance.get('/route', { [stage]: session }, async () => (handled += 1))
        instance.register(async (scope) => {
          scope.addHook(stage as 'preHandler', session)
          scope.get('/scope', async () => (handled += 1))
        })
        instance.get('/open', async () => 'open')
      })
      const statuses = async () =>
        Promise.all(['/route', '/scope', '/open'].map(async (target) => (await app.fetch(target, {})).status))
      expect(await statuses()).toEqual([200, 200, 200])
      await logout.receive(await op.logoutToken())
      expect(await statuses()).toEqual([401, 401, 200])
      expect([handled, app.errors]).toEqual([2, []])
      await app.close()
    })

    test('after a logout, onLoggedOut sends the reply. Without onLoggedOut, the reply is an empty 401', async () => {
      const logout = create()
      await logout.receive(await op.logoutToken())
      let handled = 0
      const app = await using((instance) => {
        // This hook delays the reply. `activeSession` must wait for it.
        instance.addHook('onSend', async () => new Promise<void>((resolve) => setImmediate(resolve)))
        const session = async () => op.session()
        const routes = {
          '/default': activeSession(logout, { session }),
          '/returned': activeSession(logout, { session, onLoggedOut: (__, reply) => reply.redirect('/login') }),
          '/sent': activeSession(logout, {
            session,
            onLoggedOut(__, reply) {
              void reply.redirect('/login')
            },
          }),
        }
        for (const [url, preHandler] of Object.entries(routes)) {
          instance.get(url, { preHandler }, async () => (handled += 1))
        }
      })
      const response = await app.fetch('/default', {})
      expect([response.status, await response.text()]).toEqual([401, ''])
      for (const url of ['/returned', '/sent']) {
        const { status, headers } = await app.fetch(url, {})
        expect([status, headers.get('location')]).toEqual([302, '/login'])
      }
      expect([handled, app.errors]).toEqual([0, []])
      await app.close()
    })

    test('if the store is down, onUnavailable sends the reply. Without onUnavailable, Fastify handles an error with 503', async () => {
      let handled = 0
      const app = await using((instance) => {
        const session = () => op.session()
        const answering = activeSession(down(), {
          session,
          onUnavailable: (__, reply, error) => reply.code(503).send({ code: (error as { code: unknown }).code }),
        })
        instance.get('/answered', { preHandler: answering }, async () => (handled += 1))
        instance.get('/thrown', { preHandler: activeSession(down(), { session }) }, async () => (handled += 1))
      })
      const answered = await app.fetch('/answered', {})
      expect([answered.status, await answered.json()]).toEqual([503, { code: 'ERR_LOGOUT_FAILED' }])
      expect(app.errors).toEqual([])
      const thrown = await app.fetch('/thrown', {})
      expect([thrown.status, await thrown.json()]).toEqual([
        503,
        { statusCode: 503, error: 'Service Unavailable', message: 'Service Unavailable' },
      ])
      expect(app.errors).toMatchObject([{ statusCode: 503, cause: { code: 'ERR_LOGOUT_FAILED' } }])
      expect(handled).toBe(0)
      await app.close()
    })

    test('RP-37: throws a TypeError if the session does not match SessionClaims, even with onUnavailable', async () => {
      const app = await using((instance) => {
        instance.addHook(
          'preHandler',
          activeSession(create(), {
            session: () => ({ ...op.session(), iat: Date.now() }),
            onUnavailable: (__, reply) => reply.send('passed'),
          }),
        )
        instance.get('/', async () => 'active')
      })
      expect((await app.fetch('/', {})).status).toBe(500)
      expect(app.errors).toEqual([expect.any(TypeError)])
      await app.close()
    })
  })
})

test('answers 405 also to methods that the application adds', async () => {
  const app = Fastify5()
  app.addHttpMethod('PROPFIND')
  app.register(backchannelLogout, { logout: create() })
  const ask = async (method: HTTPMethods) => (await app.inject({ url: path, method: method as 'GET' })).statusCode
  expect([await ask('PROPFIND'), await ask('TRACE'), await ask('QUERY'), await ask('MKCOL')]).toEqual([
    405, 405, 405, 404,
  ])
  await app.close()
})

test('the endpoint works over HTTP/2', async () => {
  const app = Fastify5({ http2: true })
  app.register(backchannelLogout, { logout: create() })
  const client = connectHttp2(await app.listen({ port: 0, host: '127.0.0.1' }))
  const { headers, body } = await form()
  const request = client.request({ ':method': 'POST', ':path': path, ...headers })
  request.end(body)
  const [answer] = (await once(request, 'response')) as [Record<string, unknown>]
  expect([answer[':status'], answer['cache-control'], await text(request)]).toEqual([200, 'no-store', ''])
  client.close()
  await app.close()
})

test.each(wrongSessionOptions)('activeSession throws a TypeError: %s', (message, options) => {
  expect(() => activeSession(create(), options as never)).toThrow(new TypeError(message))
})

test('activeSession accepts options that are undefined', () => {
  expect(() => activeSession(create(), { session: () => null, onLoggedOut: undefined })).not.toThrow()
})

test('the endpoint accepts the options that @fastify/autoload shares with all plugins, if path is set', async () => {
  const shared = { database: {}, bodyLimit: 1000 }
  const app = Fastify5()
  app.register(backchannelLogout, { ...shared, logout: create(), path: '/shared' })
  await app.ready()
  expect((await app.inject({ method: 'GET', url: '/shared' })).statusCode).toBe(405)
  await app.close()
})

test('an endpoint without logout is a TypeError', async () => {
  for (const options of [{ path }, { path, logut: create() }, { path, logout: null }]) {
    const app = Fastify5()
    app.register(backchannelLogout, options as never)
    await expect(async () => app.ready()).rejects.toThrow(/logut is not an option|^logout must be/)
  }
})

test('an unknown option of the endpoint is a TypeError, and the options of Fastify are accepted', async () => {
  const start = async (options: object): Promise<void> => {
    const app = Fastify5()
    app.register(backchannelLogout, { logout: create(), ...options })
    await app.ready()
    await app.close()
  }
  await expect(start({ pth: path })).rejects.toThrow(/^pth is not an option/)
  await start({ path, prefix: '/partner', logLevel: 'warn', logSerializers: {} })
})
