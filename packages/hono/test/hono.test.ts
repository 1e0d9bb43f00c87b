import { activeSession, backchannelLogout } from '@bcl/hono'
import { createBackchannelLogout, MemoryStore, type LogoutEndpoint, type LogoutRequest } from '@bcl/core'
import { createTestIssuer, testAdapter, type MountAdapter } from '@bcl/testing'
import { wrongSessionOptions } from '@bcl-checks/test-support/session-options'
import { Hono, type MiddlewareHandler } from 'hono'
import { csrf } from 'hono/csrf'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { application } from './application.js'

const mountBehind =
  (...before: MiddlewareHandler[]): MountAdapter =>
  (...mounted) => {
    const app = application(before, ...mounted)
    return { fetch: (path, init) => app.request(path, init) }
  }

describe('Hono, endpoint before hono/csrf (T-2)', () => testAdapter(test, mountBehind()))

describe('Hono, after a middleware that sets a public Cache-Control (RP-42)', () =>
  testAdapter(
    test,
    mountBehind(async (c, next) => (c.res.headers.set('cache-control', 'public, max-age=60'), next())),
  ))

describe.each<[string, MiddlewareHandler]>([
  ['parseBody()', async (c, next) => (await c.req.parseBody(), next())],
  ['text()', async (c, next) => (await c.req.text(), next())],
  ['arrayBuffer()', async (c, next) => (await c.req.arrayBuffer(), next())],
  ['blob()', async (c, next) => (await c.req.blob(), next())],
  [
    'formData(), which leaves no bytes in Hono',
    async (c, next) => (await c.req.formData().catch(() => undefined), next()),
  ],
  ['json(), which throws on a form', async (c, next) => (await c.req.json().catch(() => undefined), next())],
  [
    'formData() and then text()',
    async (c, next) => (
      await c.req.formData().catch(() => undefined),
      await c.req.text().catch(() => undefined),
      next()
    ),
  ],
  [
    'text() and then formData()',
    async (c, next) => (await c.req.text(), await c.req.formData().catch(() => undefined), next()),
  ],
  ['raw.clone().text()', async (c, next) => (await c.req.raw.clone().text(), next())],
])('Hono, after a middleware that called %s (T-13)', (name, middleware) =>
  testAdapter(test, mountBehind(middleware), { parsesBody: name.startsWith('formData()') }),
)

const op = await createTestIssuer()
const create = () => createBackchannelLogout({ issuers: [op.trusted], sessionMaxAge: 3600, store: new MemoryStore() })
const form = async () => ({
  method: 'POST',
  headers: { 'content-type': 'application/x-www-form-urlencoded' },
  body: `logout_token=${await op.logoutToken()}`,
})

test.each<[string, MiddlewareHandler]>([
  ['read', async (c, next) => (await c.req.raw.text(), next())],
  ['cancelled', async (c, next) => (await c.req.raw.body?.cancel(), next())],
  ['locked', async (c, next) => (c.req.raw.body?.getReader(), next())],
])('T-13: the endpoint answers 400 and does not hang if a middleware has %s the raw body', async (_, middleware) => {
  const app = new Hono()
  app.use(middleware)
  app.all('/backchannel-logout', backchannelLogout(create()))
  expect((await app.request('/backchannel-logout', await form())).status).toBe(400)
})

test('T-2: hono/csrf before the endpoint refuses the provider', async () => {
  const app = new Hono()
  app.use(csrf())
  app.all('/backchannel-logout', backchannelLogout(create()))
  expect((await app.request('/backchannel-logout', await form())).status).toBe(403)
})

test('RP-4: the endpoint refuses a large body without reading all of it, even if content-length is small', async () => {
  const app = new Hono().all('/backchannel-logout', backchannelLogout(create()))
  const chunk = new Uint8Array(16 * 1024)
  let pulled = 0
  const body = new ReadableStream({
    pull(controller) {
      pulled += chunk.length
      controller.enqueue(chunk)
      if (pulled > 10 * 1024 * 1024) controller.close()
    },
  })
  const { method, headers } = await form()
  const request = { method, headers: { ...headers, 'content-length': '100' }, body, duplex: 'half' } as RequestInit
  expect((await app.request('/backchannel-logout', request)).status).toBe(413)
  expect(pulled).toBeLessThan(256 * 1024)
})

test('an answer without a body has no content-type', async () => {
  const logout = create()
  const app = new Hono()
  app.all('/backchannel-logout', backchannelLogout(logout))
  app.use('/me', activeSession(logout, { session: () => op.session() }))
  for (const response of [await app.request('/backchannel-logout', await form()), await app.request('/me')]) {
    expect(response.body).toBeNull()
    expect(response.headers.get('content-type')).toBeNull()
  }
})

test("the endpoint reads the stream of Node's request, except a used stream or an encoded body", async () => {
  const app = new Hono().all('/backchannel-logout', backchannelLogout(create()))
  const { method, headers, body } = await form()
  const send = async (incoming: unknown, more: object = {}, text = 'none') =>
    (await app.request('/backchannel-logout', { method, headers: { ...headers, ...more }, body: text }, { incoming }))
      .status
  const incoming = (headers = {}) => Object.assign(Readable.from([Buffer.from(String(body))]), { headers })
  expect(await send(incoming())).toBe(200)
  const read = incoming()
  await buffer(read)
  expect(await send(read)).toBe(400)
  const encoded = incoming({ 'content-encoding': 'gzip' })
  expect(await send(encoded)).toBe(400)
  if (!encoded.readableEnded) await once(encoded, 'end') // a body that is not read does not block the connection
  // On Workers a binding can have any name. A binding to another service seems to have every method.
  const service = new Proxy({}, { get: () => () => expect.fail('a method of a binding was called') })
  for (const binding of [undefined, null, 'a binding', {}, service]) expect(await send(binding, {}, body)).toBe(200)
})

test('the endpoint works in a sub-app with a base path', async () => {
  const sub = new Hono().basePath('/auth').all('/backchannel-logout', backchannelLogout(create()))
  const app = new Hono().route('/tenant', sub)
  expect((await app.request('/tenant/auth/backchannel-logout', await form())).status).toBe(200)
  expect((await app.request('/tenant/auth/backchannel-logout')).headers.get('allow')).toBe('POST')
})

test('the receiver can come from the context', async () => {
  const logout = create()
  const app = new Hono<{ Bindings: { open: boolean }; Variables: { sub: string } }>()
  app.all(
    '/backchannel-logout',
    backchannelLogout((c) => (c.env.open ? logout : create())),
  )
  app.use(
    '/me',
    activeSession((c) => (c.env.open ? logout : create()), { session: () => op.session() }),
  )
  app.get('/me', (c) => c.text('active'))
  expect((await app.request('/backchannel-logout', await form(), { open: true })).status).toBe(200)
  expect((await app.request('/me', {}, { open: true })).status).toBe(401)
  expect((await app.request('/me', {}, { open: false })).status).toBe(200)
})

test('after a logout, onLoggedOut answers. If the store is down, onUnavailable answers', async () => {
  const logout = create()
  await logout.receive(await op.logoutToken())
  const app = new Hono()
  app.use('/over', activeSession(logout, { session: () => op.session(), onLoggedOut: (c) => c.redirect('/login') }))
  const storeError = new Error('the store is down')
  const down = createBackchannelLogout({
    issuers: [op.trusted],
    sessionMaxAge: 3600,
    store: {
      add: () => Promise.reject(storeError),
      values: () => Promise.reject(storeError),
      remove: () => Promise.reject(storeError),
    },
  })
  app.use(
    '/down',
    activeSession(down, {
      session: async () => op.session(),
      onUnavailable: (c, error) => c.json({ error: String(error) }, 503),
    }),
  )
  app.use('/plain', activeSession(down, { session: () => op.session() }))
  expect((await app.request('/over')).headers.get('location')).toBe('/login')
  const response = await app.request('/down')
  expect(response.status).toBe(503)
  expect(await response.json()).toEqual({ error: 'BackchannelLogoutError: the store failed' })
  expect((await app.request('/plain')).status).toBe(503)
  let reported: Error | undefined
  app.onError((error, c) => ((reported = error), c.body(null, 500)))
  await app.request('/plain')
  expect(reported).toMatchObject({ message: 'Service Unavailable', cause: { code: 'ERR_LOGOUT_FAILED' } })
})

test('the endpoint takes any receiver that has respond, and passes the authorization to it', async () => {
  const received: LogoutRequest[] = []
  const receiver: LogoutEndpoint = {
    async respond(request) {
      received.push(request)
      return { status: 202, headers: {}, body: '' }
    },
  }
  const app = new Hono().all('/events', backchannelLogout(receiver)).all(
    '/per-request',
    backchannelLogout(() => receiver),
  )
  const init = { method: 'POST', headers: { authorization: 'Bearer secret' } }
  for (const path of ['/events', '/per-request']) expect((await app.request(path, init)).status).toBe(202)
  await app.request('/events', { method: 'POST' })
  expect(received.map(({ authorization }) => authorization)).toEqual(['Bearer secret', 'Bearer secret', undefined])
})

test.each(wrongSessionOptions)('activeSession throws a TypeError: %s', (message, options) => {
  expect(() => activeSession(create(), options as never)).toThrow(new TypeError(message))
})

test('activeSession accepts options that are undefined', () => {
  expect(() => activeSession(create(), { session: () => null, onLoggedOut: undefined })).not.toThrow()
})

describe('on Workers, the runtime finishes the work if the client disconnects', () => {
  const started = (userAgent = 'Cloudflare-Workers') => {
    vi.stubGlobal('navigator', { userAgent })
    onTestFinished(() => void vi.unstubAllGlobals())
    const works: Promise<unknown>[] = []
    const context = {
      waitUntil: (work: Promise<unknown>) => void works.push(work),
      passThroughOnException() {},
      props: {},
    }
    return { works, context }
  }

  test('the endpoint gives its work to waitUntil', async () => {
    const { works, context } = started()
    const logout = create()
    const app = new Hono().all('/backchannel-logout', backchannelLogout(logout))
    void app.request('/backchannel-logout', await form(), {}, context)
    await expect.poll(() => works.length).toBe(1)
    await works[0]
    expect(await logout.isLoggedOut(op.session())).toBe(true)
  })

  /** Posts to an endpoint that answers after `delay` milliseconds. Returns for how long each answered request was held. */
  async function holds(requests: number, delay: number, status: number, body: string): Promise<(number | undefined)[]> {
    vi.useFakeTimers()
    onTestFinished(() => void vi.useRealTimers())
    const { works, context } = started()
    const wait = () => new Promise((resolve) => setTimeout(resolve, delay))
    const receiver: LogoutEndpoint = { respond: async () => (await wait(), { status, headers: {}, body }) }
    const app = new Hono().all('/events', backchannelLogout(receiver))
    const begun = Date.now()
    for (let count = 0; count < requests; count += 1) void app.request('/events', { method: 'POST' }, {}, context)
    const times = Array.from<number | undefined>({ length: requests })
    await vi.advanceTimersByTimeAsync(0)
    for (const [index, work] of works.entries()) void work.then(() => (times[index] = Date.now() - begun - delay))
    await vi.advanceTimersByTimeAsync(20_000)
    expect(vi.getTimerCount()).toBe(0)
    return times
  }

  test.each([
    [5000, 'the work of a security event goes on', 900, 503, ''],
    [5000, 'the work of a logout goes on', 1500, 400, '{"error":"temporarily_unavailable"}'],
    [0, 'a refused token leaves no work', 1500, 400, '{"error":"invalid_request"}'],
    [0, 'an answer at once leaves no work', 0, 503, '{"error":"temporarily_unavailable"}'],
  ])('after the answer, the endpoint holds the request %i ms: %s', async (held, _, delay, status, body) => {
    expect(await holds(1, delay, status, body)).toEqual([held])
  })

  test('the endpoint holds at most 100 requests at the same time', async () => {
    const times = await holds(150, 1000, 503, '')
    expect(times.filter((time) => time === 5000)).toHaveLength(100)
    expect(times.filter((time) => time === 0)).toHaveLength(50)
    expect(await holds(1, 1000, 503, '')).toEqual([5000])
  })

  test('activeSession gives its work to waitUntil, and a failed check is not reported twice', async () => {
    const { works, context } = started()
    const check = Promise.reject(new Error('the store failed'))
    const receiver = { ...create(), isLoggedOut: () => check }
    const app = new Hono().use(activeSession(receiver, { session: () => op.session() }))
    expect((await app.request('/', {}, {}, context)).status).toBe(503)
    expect(works).toHaveLength(1)
    await works[0]
  })

  test('an application that passes no context still answers', async () => {
    started()
    const app = new Hono().all('/backchannel-logout', backchannelLogout(create()))
    expect((await app.request('/backchannel-logout', await form())).status).toBe(200)
  })

  test('other runtimes finish the work by themselves', async () => {
    const { works, context } = started('Node.js/24')
    const app = new Hono().all('/backchannel-logout', backchannelLogout(create()))
    expect((await app.request('/backchannel-logout', await form(), {}, context)).status).toBe(200)
    expect(works).toEqual([])
  })
})
