import { createBackchannelLogout, MemoryStore, type BackchannelLogout, type LogoutStore } from '@bcl/core'
import { activeSession, backchannelLogout, type ActiveSessionOptions } from '@bcl/express'
import { createTestIssuer } from '@bcl/testing'
import { expectRoomAfterLargeBody, expectRoomAfterSlowBody, head } from '@bcl-checks/test-support/connection'
import { wrongSessionOptions } from '@bcl-checks/test-support/session-options'
import express5, { type Request, type RequestHandler } from 'express'
import express4 from 'express4'
import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import serverless from 'serverless-http'
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

describe.each<[string, typeof express5]>([
  ['Express 5', express5],
  ['Express 4', express4],
])('%s', (_, express) => {
  const using = async (...middlewares: RequestHandler[]): Promise<Served> => {
    const app = express()
    for (const middleware of middlewares) app.use(middleware)
    return serve(app)
  }
  const checking = async (logout: BackchannelLogout, options?: Partial<ActiveSessionOptions>): Promise<Served> =>
    using(activeSession(logout, { session: () => op.session(), ...options }), (_request, response) => {
      response.send('active')
    })

  describe('backchannelLogout', () => {
    test.each<[string, RequestHandler]>([
      ['read the body to the end', async (request, _response, next) => (await text(request), next())],
      ['discarded the body', async (request, _response, next) => (await once(request.resume(), 'end'), next())],
      [
        'stopped reading the body at the limit of a parser',
        (request, response, next) =>
          express.urlencoded({ limit: 10, extended: false })(request, response, () => next()),
      ],
      [
        'put the body behind a getter that throws',
        async (request, _response, next) => {
          await text(request)
          Object.defineProperty(request, 'body', {
            get() {
              throw new Error('the body cannot be parsed')
            },
          })
          next()
        },
      ],
      [
        'read the body and kept an empty object',
        async (request, _response, next) => (await text(request), Object.assign(request, { body: {} }), next()),
      ],
    ])('T-3: answers 400 and does not hang if a middleware %s', async (__, middleware) => {
      const app = await using(middleware, backchannelLogout(create()))
      const { body, ...init } = await form()
      const chunked = new Blob([String(body)]).stream()
      expect((await app.fetch(path, { ...init, body: chunked, duplex: 'half' } as RequestInit)).status).toBe(400)
      expect(app.errors).toEqual([])
      await app.close()
    })

    test('asks for the body if the client waits for 100 Continue', async () => {
      const app = await using(backchannelLogout(create()))
      const body = `logout_token=${await op.logoutToken()}`
      const socket = connect(app.port, '127.0.0.1')
      socket.write(head(path, `content-length: ${body.length}`, 'expect: 100-continue', 'connection: close'))
      const [interim] = (await once(socket, 'data')) as [Buffer]
      expect(String(interim)).toBe('HTTP/1.1 100 Continue\r\n\r\n')
      socket.write(body)
      expect(await text(socket)).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
      await app.close()
    })

    test('if a connection closes during the body, the endpoint still answers the next request', async () => {
      const { promise, resolve } = Promise.withResolvers<void>()
      const app = await using(backchannelLogout(create(undefined, resolve)))
      const socket = connect(app.port, '127.0.0.1')
      socket.write(head(path, 'content-length: 1000') + 'logout_token=half')
      await once(app.server, 'request')
      socket.destroy()
      await promise
      expect((await app.fetch(path, await form())).status).toBe(200)
      expect(app.errors).toEqual([])
      await app.close()
    })

    test('RP-4: answers 413 while 10 MB arrive in chunks, and the connection stays usable', async () => {
      const app = await using(backchannelLogout(create()))
      await expectRoomAfterLargeBody(app.port, path, await op.logoutToken())
      await app.close()
    })

    test('RP-4: after a body that was too slow and too large, the connection serves the next request', async () => {
      const app = await using(backchannelLogout(create()))
      await expectRoomAfterSlowBody(app.port, path, await op.logoutToken())
      await app.close()
    })

    test('T-5: a success is answered 200 with content-length 0', async () => {
      const app = await using(backchannelLogout(create()))
      const response = await app.fetch(path, await form())
      expect([response.status, response.headers.get('content-length'), await response.text()]).toEqual([200, '0', ''])
      await app.close()
    })

    test('answers 405 to other methods, also behind a trusted proxy', async () => {
      const app = express()
      app.set('trust proxy', true)
      app.all(path, backchannelLogout(create()))
      const served = await serve(app)
      const headers = {
        'x-forwarded-proto': 'https',
        'x-forwarded-host': 'app.example',
        'x-forwarded-for': '192.0.2.1',
      }
      const refused = await Promise.all(
        ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS'].map(async (method) => served.fetch(path, { method, headers })),
      )
      expect(refused.map(({ status }) => status)).toEqual([405, 405, 405, 405, 405])
      expect(refused.map((response) => response.headers.get('allow'))).toEqual(Array(5).fill('POST'))
      const accepted = await form()
      const all = { ...(accepted.headers as Record<string, string>), ...headers }
      expect((await served.fetch(path, { ...accepted, headers: all })).status).toBe(200)
      await served.close()
    })

    test('works on a serverless platform', async () => {
      const app = express()
      app.all(path, backchannelLogout(create()))
      const handler = serverless(app)
      const event = (body: string, httpMethod = 'POST'): object => ({
        httpMethod,
        path,
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        isBase64Encoded: true,
        body: Buffer.from(body).toString('base64'),
        requestContext: {},
      })
      const ask = async (body: string, method?: string): Promise<unknown> =>
        ((await handler(event(body, method), {})) as { statusCode: number }).statusCode
      expect(await ask(`logout_token=${await op.logoutToken()}`)).toBe(200)
      expect(await ask('logout_token=x')).toBe(400)
      expect(await ask(`x=${'A'.repeat(70_000)}`)).toBe(413)
      expect(await ask('', 'GET')).toBe(405)
    })

    test('a function can choose the receiver, which can be any object with respond', async () => {
      const choose = (request: Request) => {
        const tenant = request.get('x-tenant')
        if (tenant === undefined) throw new Error('no tenant')
        return {
          respond: async ({ authorization }: { authorization?: string | null | undefined }) => ({
            status: 202,
            headers: {},
            body: `${tenant} ${authorization}`,
          }),
        }
      }
      const app = await using(backchannelLogout(choose))
      const headers = { 'x-tenant': 'one', authorization: 'Bearer secret' }
      const response = await app.fetch(path, { method: 'POST', headers })
      expect([response.status, await response.text()]).toEqual([202, 'one Bearer secret'])
      expect(app.errors).toEqual([])
      expect((await app.fetch(path, {})).status).toBe(500)
      expect(app.errors).toMatchObject([{ message: 'no tenant' }])
      await app.close()
    })
  })

  describe('activeSession', () => {
    test('after a logout, onLoggedOut answers. Without onLoggedOut, the answer is an empty 401', async () => {
      const logout = create()
      await logout.receive(await op.logoutToken())
      const redirecting = await checking(logout, { onLoggedOut: (__, response) => response.redirect('/login') })
      const byDefault = await checking(logout, { session: async () => op.session() })
      expect((await redirecting.fetch('/', {})).headers.get('location')).toBe('/login')
      const response = await byDefault.fetch('/', {})
      expect([response.status, await response.text()]).toEqual([401, ''])
      expect([...redirecting.errors, ...byDefault.errors]).toEqual([])
      await Promise.all([redirecting.close(), byDefault.close()])
    })

    test('if the store is down, onUnavailable answers. Without onUnavailable, an error with status 503 goes to next', async () => {
      const handled = await checking(down(), {
        onUnavailable: (__, response, error) => response.status(503).json({ code: (error as { code: unknown }).code }),
      })
      const byDefault = await checking(down())
      const response = await handled.fetch('/', {})
      expect([response.status, await response.json()]).toEqual([503, { code: 'ERR_LOGOUT_FAILED' }])
      expect(handled.errors).toEqual([])
      expect((await byDefault.fetch('/', {})).status).toBe(503)
      expect(byDefault.errors).toMatchObject([
        { message: 'Service Unavailable', status: 503, expose: false, cause: { code: 'ERR_LOGOUT_FAILED' } },
      ])
      await Promise.all([handled.close(), byDefault.close()])
    })

    test('an error of a function in the options goes to next', async () => {
      const fail = (): never => {
        throw new Error('no')
      }
      const logout = create()
      await logout.receive(await op.logoutToken())
      const apps = await Promise.all([
        checking(logout, { session: fail }),
        checking(logout, { session: async () => fail() }),
        checking(logout, { onLoggedOut: async () => fail() }),
        checking(down(), { onUnavailable: async () => fail() }),
      ])
      for (const app of apps) {
        expect((await app.fetch('/', {})).status).toBe(500)
        expect(app.errors).toMatchObject([{ message: 'no' }])
        await app.close()
      }
    })

    // With these values, `next` of Express goes on to the page.
    test.each<unknown>([undefined, null, 0, '', 'route', 'router'])(
      'a function that fails with %j does not let the request pass',
      async (value) => {
        const fail = async (): Promise<never> => Promise.reject(value)
        const logout = create()
        await logout.receive(await op.logoutToken())
        const apps = await Promise.all([
          checking(logout, { session: fail }),
          checking(logout, { onLoggedOut: fail }),
          checking(down(), { onUnavailable: fail }),
        ])
        for (const app of apps) {
          expect((await app.fetch('/', {})).status).toBe(500)
          expect(app.errors).toMatchObject([{ message: 'a function failed without an error', cause: value }])
          await app.close()
        }
        const app = await using(
          backchannelLogout(() => {
            throw value as Error
          }),
        )
        expect((await app.fetch(path, await form())).status).toBe(500)
        await app.close()
      },
    )

    test('an error in a later handler goes to next only once', async () => {
      const app = await using(activeSession(create(), { session: () => op.session() }), () => {
        throw new Error('later')
      })
      expect((await app.fetch('/', {})).status).toBe(500)
      expect(app.errors).toMatchObject([{ message: 'later' }])
      await app.close()
    })

    test('the receiver can come from the request', async () => {
      const [open, ended] = [create(), create()]
      await ended.receive(await op.logoutToken())
      const app = await using(
        activeSession((request) => (request.get('x-tenant') === 'open' ? open : ended), {
          session: () => op.session(),
        }),
        (__, response) => void response.send('active'),
      )
      expect((await app.fetch('/', { headers: { 'x-tenant': 'open' } })).status).toBe(200)
      expect((await app.fetch('/', {})).status).toBe(401)
      await app.close()
    })
  })
})

test.each(wrongSessionOptions)('activeSession throws a TypeError: %s', (message, options) => {
  expect(() => activeSession(create(), options as never)).toThrow(new TypeError(message))
})

test('activeSession accepts options that are undefined', () => {
  expect(() => activeSession(create(), { session: () => null, onLoggedOut: undefined })).not.toThrow()
})
