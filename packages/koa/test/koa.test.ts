import { createBackchannelLogout, MemoryStore, type BackchannelLogout, type LogoutStore } from '@bcl/core'
import { activeSession, backchannelLogout } from '@bcl/koa'
import { createTestIssuer } from '@bcl/testing'
import { expectRoomAfterLargeBody, expectRoomAfterSlowBody, head } from '@bcl-checks/test-support/connection'
import { wrongSessionOptions } from '@bcl-checks/test-support/session-options'
import { bodyParser } from '@koa/bodyparser'
import { Router } from '@koa/router'
import Koa3, { type Middleware, type ParameterizedContext } from 'koa'
import Koa2 from 'koa2'
import { once } from 'node:events'
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
const form = async (): Promise<RequestInit> => ({
  method: 'POST',
  headers: { 'content-type': 'application/x-www-form-urlencoded' },
  body: `logout_token=${await op.logoutToken()}`,
})

describe.each<[string, typeof Koa3]>([
  ['Koa 3', Koa3],
  ['Koa 2', Koa2],
])('%s', (_, Koa) => {
  const using = async (...middlewares: Middleware[]): Promise<Served> => {
    const app = new Koa()
    for (const middleware of middlewares) app.use(middleware)
    return serve(app)
  }

  test.each<[string, Middleware]>([
    ['read the body to the end', async ({ req }, next) => (await text(req), next())],
    ['discarded the body', async ({ req }, next) => (await once(req.resume(), 'end'), next())],
    ['stopped reading the body at the limit of a parser', bodyParser({ formLimit: 10, onError: () => {} })],
    [
      'put the body behind a getter that throws',
      async ({ req }, next) => {
        await text(req)
        Object.defineProperty(req, 'body', {
          get() {
            throw new Error('the body cannot be parsed')
          },
        })
        await next()
      },
    ],
    [
      'read the body and kept an empty object',
      async ({ request, req }, next) => (await text(req), Object.assign(request, { body: {} }), next()),
    ],
  ])('T-3: the endpoint answers 400 and does not hang if a middleware %s', async (__, middleware) => {
    const app = await using(middleware, backchannelLogout(create(), { path }))
    const { body, ...init } = await form()
    const chunked = new Blob([String(body)]).stream()
    expect((await app.fetch(path, { ...init, body: chunked, duplex: 'half' } as RequestInit)).status).toBe(400)
    expect(app.errors).toEqual([])
    await app.close()
  })

  test('the endpoint asks for the body if the client waits for 100 Continue', async () => {
    const app = await using(backchannelLogout(create(), { path }))
    const body = `logout_token=${await op.logoutToken()}`
    const socket = connect(app.port, '127.0.0.1')
    socket.write(head(path, `content-length: ${body.length}`, 'expect: 100-continue', 'connection: close'))
    const [interim] = (await once(socket, 'data')) as [Buffer]
    expect(String(interim)).toBe('HTTP/1.1 100 Continue\r\n\r\n')
    socket.write(body)
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    expect(app.errors).toEqual([])
    await app.close()
  })

  test('if a connection closes during the body, the endpoint still answers the next request', async () => {
    let deliver = (): void => {}
    const delivered = new Promise<void>((resolve) => (deliver = resolve))
    const app = await using(backchannelLogout(create(undefined, deliver), { path }))
    const socket = connect(app.port, '127.0.0.1')
    socket.write(head(path, 'content-length: 1000') + 'logout_token=half')
    await once(app.server, 'request')
    socket.destroy()
    await delivered
    expect((await app.fetch(path, await form())).status).toBe(200)
    await app.close()
  })

  test('RP-4: the endpoint answers 413 while 10 MB arrive in chunks, and the connection stays usable', async () => {
    const app = await using(backchannelLogout(create(), { path }))
    await expectRoomAfterLargeBody(app.port, path, await op.logoutToken())
    expect(app.errors).toEqual([])
    await app.close()
  })

  test('after a body that was too slow and too large, the connection serves the next request', async () => {
    const app = await using(backchannelLogout(create(), { path }))
    await expectRoomAfterSlowBody(app.port, path, await op.logoutToken())
    expect(app.errors).toEqual([])
    await app.close()
  })

  test('the endpoint answers only at its exact path, with any query string', async () => {
    const app = await using(backchannelLogout(create(), { path }), (ctx) => {
      ctx.body = 'elsewhere'
    })
    const bodies = await Promise.all(
      ['/', `${path}/`, `${path}/x`, '/x/backchannel-logout', `${path}x`].map(async (target) =>
        (await app.fetch(target, {})).text(),
      ),
    )
    expect(new Set(bodies)).toEqual(new Set(['elsewhere']))
    expect((await app.fetch(`${path}?tenant=/a`, await form())).status).toBe(200)
    await app.close()
  })

  test('the endpoint works in a router with a prefix', async () => {
    const router = new Router({ prefix: '/auth' }).all(path, backchannelLogout(create()))
    const app = await using(router.routes() as Middleware)
    expect((await app.fetch(`/auth${path}`, await form())).status).toBe(200)
    expect((await app.fetch(`/auth${path}`, {})).headers.get('allow')).toBe('POST')
    await app.close()
  })

  test('T-5: a success is answered 200 with content-length 0', async () => {
    const app = await using(backchannelLogout(create()))
    const response = await app.fetch(path, await form())
    expect([response.status, response.headers.get('content-length'), await response.text()]).toEqual([200, '0', ''])
    await app.close()
  })

  test('the receiver can come from the context', async () => {
    const [open, other] = [create(), create()]
    const choose: (ctx: ParameterizedContext) => BackchannelLogout = (ctx) =>
      ctx.get('x-tenant') === 'open' ? open : other
    const app = await using(
      backchannelLogout(choose, { path }),
      activeSession(choose, { session: () => op.session() }),
      (ctx) => {
        ctx.body = 'active'
      },
    )
    const { headers, ...init } = await form()
    expect((await app.fetch(path, { ...init, headers: { ...headers, 'x-tenant': 'open' } })).status).toBe(200)
    expect((await app.fetch('/', { headers: { 'x-tenant': 'open' } })).status).toBe(401)
    expect((await app.fetch('/', {})).status).toBe(200)
    await app.close()
  })

  test('after a logout, onLoggedOut answers. Without onLoggedOut, the answer is an empty 401', async () => {
    const logout = create()
    await logout.receive(await op.logoutToken())
    const redirecting = await using(
      activeSession(logout, { session: () => op.session(), onLoggedOut: async (ctx) => ctx.redirect('/login') }),
    )
    const byDefault = await using(activeSession(logout, { session: async () => op.session() }))
    expect((await redirecting.fetch('/', {})).headers.get('location')).toBe('/login')
    const response = await byDefault.fetch('/', {})
    expect([response.status, await response.text()]).toEqual([401, ''])
    expect([...redirecting.errors, ...byDefault.errors]).toEqual([])
    await Promise.all([redirecting.close(), byDefault.close()])
  })

  // For these values, Koa sends no answer.
  test.each([undefined, null])(
    'a function that fails with %s is an error, and the request is answered',
    async (value) => {
      const fail = async (): Promise<never> => Promise.reject(value)
      const logout = create()
      await logout.receive(await op.logoutToken())
      const session = () => op.session()
      for (const middleware of [
        activeSession(logout, { session: fail }),
        activeSession(logout, { session, onLoggedOut: fail }),
        activeSession(down(), { session, onUnavailable: fail }),
      ]) {
        const app = await using(middleware)
        expect((await app.fetch('/', {})).status).toBe(500)
        expect(app.errors).toMatchObject([{ message: 'a function failed without an error' }])
        await app.close()
      }
    },
  )

  test('if the store is down, onUnavailable answers. Without onUnavailable, the middleware throws an HttpError with 503', async () => {
    const handled = await using(
      activeSession(down(), {
        session: () => op.session(),
        onUnavailable(ctx, error) {
          ctx.status = 503
          ctx.body = { code: (error as { code: unknown }).code }
        },
      }),
    )
    const thrown = await using(activeSession(down(), { session: () => op.session() }))
    const response = await handled.fetch('/', {})
    expect([response.status, await response.json()]).toEqual([503, { code: 'ERR_LOGOUT_FAILED' }])
    expect(handled.errors).toEqual([])
    const error = await thrown.fetch('/', {})
    expect([error.status, await error.text()]).toEqual([503, 'Service Unavailable'])
    expect(thrown.errors).toMatchObject([{ status: 503, expose: false, cause: { code: 'ERR_LOGOUT_FAILED' } }])
    await Promise.all([handled.close(), thrown.close()])
  })
})

test('a path that does not begin with a slash is a TypeError', () => {
  expect(() => backchannelLogout(create(), { path: 'backchannel-logout' })).toThrow(TypeError)
})

test.each(wrongSessionOptions)('activeSession throws a TypeError: %s', (message, options) => {
  expect(() => activeSession(create(), options as never)).toThrow(new TypeError(message))
})

test('activeSession accepts options that are undefined', () => {
  expect(() => activeSession(create(), { session: () => null, onLoggedOut: undefined })).not.toThrow()
})

test('an unknown option of the endpoint is a TypeError, because without a path the endpoint answers every request', () => {
  const options = { pth: '/backchannel-logout' } as object
  expect(() => backchannelLogout(create(), options)).toThrow(
    new TypeError('pth is not an option. The options are: path'),
  )
})
