import { MemoryStore, type BackchannelLogout, type LogoutStore, type SessionClaims } from '@bcl/core'
import { createTestIssuer, faultOf, requestCases, testAdapter, testStore, type MountAdapter } from '@bcl/testing'
import { describe, expect, test } from 'vitest'

/** Runs what a suite registers, and gives the names of the tests that failed. */
async function failures(register: (test: (name: string, run: () => Promise<void>) => void) => void): Promise<string[]> {
  const tests: [string, () => Promise<void>][] = []
  register((name, run) => tests.push([name, run]))
  expect(tests.length).toBeGreaterThan(0)
  const failed: string[] = []
  await Promise.all(tests.map(([name, run]) => run().catch(() => failed.push(name))))
  return failed
}

const broken = (change: (good: MemoryStore) => Partial<LogoutStore>) => () => {
  const good = new MemoryStore()
  const store: LogoutStore = {
    add: (...args) => good.add(...args),
    values: (...args) => good.values(...args),
    remove: (...args) => good.remove(...args),
    ...change(good),
  }
  return { store }
}

describe('testStore finds a store that', () => {
  test.each<[string, (good: MemoryStore) => Partial<LogoutStore>, RegExp]>([
    ['forgets', () => ({ add: async () => {} }), /a value is found/],
    [
      'ignores case',
      (good) => ({
        add: (key, value, until) => good.add(key.toLowerCase(), value, until),
        values: (keys) => good.values(keys.map((key) => key.toLowerCase())),
      }),
      /keys that look alike/,
    ],
    [
      'trims',
      (good) => ({
        add: (key, value, until) => good.add(key.trim(), value, until),
        values: (keys) => good.values(keys.map((key) => key.trim())),
      }),
      /keys that look alike/,
    ],
    [
      'cuts long keys',
      (good) => ({
        add: (key, value, until) => good.add(key.slice(0, 255), value, until),
        values: (keys) => good.values(keys.map((key) => key.slice(0, 255))),
      }),
      /keys that look alike/,
    ],
    [
      'keeps one value',
      (good) => ({ values: async (keys) => (await good.values(keys)).map((values) => values.slice(-1)) }),
      /several values/,
    ],
    ['never expires', (good) => ({ add: (key, value) => good.add(key, value, Infinity) }), /expired/],
    [
      'keeps the earlier expiry',
      (good) => ({ add: async (key, value, until) => (await good.remove(key, value), good.add(key, value, until)) }),
      /repeated add/,
    ],
    [
      'removes too much',
      (good) => ({
        remove: async (key) => {
          for (const value of (await good.values([key]))[0]!) await good.remove(key, value)
        },
      }),
      /removed value/,
    ],
    [
      'mixes up the order',
      (good) => ({ values: async (keys) => (await good.values(keys)).toReversed() }),
      /in their order/,
    ],
    [
      'ignores the case of values',
      (good) => ({
        add: (key, value, until) => good.add(key, value.toLowerCase(), until),
        remove: (key, value) => good.remove(key, value.toLowerCase()),
      }),
      /values that look alike/,
    ],
    [
      'looks at an expiry only when it is added',
      (good) => ({
        add: async (key, value, until) => {
          if (until > Date.now() / 1000) await good.add(key, value, Infinity)
        },
      }),
      /found until then, and not after/,
    ],
    [
      'has room for 32 bits of time',
      (good) => ({ add: (key, value, until) => good.add(key, value, until > 2 ** 31 ? 0 : until) }),
      /years ahead/,
    ],
    [
      'takes whole seconds alone',
      (good) => ({
        add: async (key, value, until) => {
          if (!Number.isInteger(until)) throw new Error('not an integer')
          await good.add(key, value, until)
        },
      }),
      /with a fraction/,
    ],
    [
      'writes back what it has read',
      () => {
        const entries = new Map<string, string[]>()
        const change = async (key: string, edit: (values: string[]) => string[]): Promise<void> => {
          const read = entries.get(key) ?? []
          await new Promise((resolve) => setTimeout(resolve, 1))
          entries.set(key, edit(read))
        }
        return {
          add: (key, value) => change(key, (values) => [...new Set([...values, value])]),
          remove: (key, value) => change(key, (values) => values.filter((one) => one !== value)),
          values: async (keys) => keys.map((key) => entries.get(key) ?? []),
        }
      },
      /calls may overlap/,
    ],
    [
      'takes a few keys at once',
      (good) => ({
        values: async (keys) => [...(await good.values(keys.slice(0, 100))), ...keys.slice(100).map(() => [])],
      }),
      /a thousand keys/,
    ],
    ['publishes to nobody', () => ({ publish: async () => {}, subscribe: async () => async () => {} }), /publishes/],
  ])(
    '%s',
    async (_, change, name) => {
      const failed = await failures((register) => testStore(register, broken(change)))
      expect(failed.join('\n')).toMatch(name)
    },
    60_000,
  )
})

describe('testAdapter', () => {
  const withHandle =
    (change: (response: Response, request: Request) => Response | Promise<Response>): MountAdapter =>
    (logout) => ({
      async fetch(path, init) {
        const request = new Request(`https://app.example${path}`, init)
        return change(await logout.handle(request.clone() as Request), request)
      },
    })
  const endpoint = (mount: MountAdapter) => failures((register) => testAdapter(register, mount, { endpointOnly: true }))

  test.each<[string, (response: Response, request: Request) => Response, RegExp]>([
    [
      'answers 204',
      (response) =>
        response.status === 200 ? new Response(null, { status: 204, headers: response.headers }) : response,
      /RP-1: a form/,
    ],
    ['lets answers be stored', ({ status, body }) => new Response(body, { status }), /RP-1: a form/],
    [
      'answers 500 to a bad token',
      (response) => (response.status === 400 ? new Response(null, { status: 500 }) : response),
      /RP-13/,
    ],
    [
      'answers 404 to GET',
      (response, { method }) => (method === 'GET' ? new Response(null, { status: 404 }) : response),
      /RP-3: GET/,
    ],
    ['wraps its answers', ({ status, headers }) => new Response('{"data":null}', { status, headers }), /RP-1: a form/],
  ])(
    'finds an adapter that %s',
    async (_, change, name) => {
      expect((await endpoint(withHandle(change))).join('\n')).toMatch(name)
    },
    60_000,
  )

  type Check = (logout: BackchannelLogout, session: SessionClaims | undefined) => Promise<number>
  const rightly: Check = async (logout, session) => (session && (await logout.isLoggedOut(session)) ? 401 : 200)
  const statusOf = (error: unknown): number => (error instanceof TypeError ? 500 : 503)
  const withCheck =
    (check: Check, whenItFails = statusOf): MountAdapter =>
    (logout, sessionOf) => ({
      async fetch(path, init) {
        const request = new Request(`https://app.example${path}`, init)
        if (path !== '/me') return logout.handle(request)
        const session = sessionOf(request.headers.get('x-test-session'))
        return new Response(null, { status: await check(logout, session).catch(whenItFails) })
      },
    })

  test.each<[string, MountAdapter, string[]]>([
    ['has none', withCheck(rightly), []],
    [
      'refuses who has no session',
      withCheck(async (logout, session) => (session ? rightly(logout, session) : 401)),
      ['a request without a session passes', 'RP-37: with the store down a session is refused with 503'],
    ],
    [
      'lets pass while the store is down',
      withCheck(rightly, (error) => (error instanceof TypeError ? 500 : 200)),
      ['RP-37: with the store down a session is refused with 503'],
    ],
    [
      'lets pass a session that is none',
      withCheck(rightly, (error) => (error instanceof TypeError ? 200 : 503)),
      ['RP-37: a session that is none is an error, and does not pass'],
    ],
    [
      'forgets the sid',
      withCheck((logout, session) => rightly(logout, session && { ...session, sid: undefined })),
      ['RP-30: a session passes until it is logged out, others beside it still do'],
    ],
    [
      'dates sessions half a minute late',
      withCheck((logout, session) => rightly(logout, session && { ...session, iat: session.iat + 31 })),
      ['RP-32: a session that began after the logout passes'],
    ],
  ])('finds what is wrong with a check that %s', { timeout: 60_000 }, async (_, mount, wanted) => {
    expect((await failures((register) => testAdapter(register, mount))).toSorted()).toEqual(wanted.toSorted())
  })

  test('finds an endpoint that answers before the listeners have finished, and carries out a token twice', async () => {
    const early: MountAdapter = () => ({
      fetch: async () => new Response(null, { status: 200, headers: { 'cache-control': 'no-store' } }),
    })
    const failed = await endpoint(early)
    for (const requirement of ['RP-35', 'RP-24', 'RP-41']) expect(failed.join('\n')).toContain(requirement)
  })

  test('finds nothing wrong with handle', async () => {
    expect(await endpoint(withHandle((response) => response))).toEqual([])
  }, 60_000)

  test('finds an adapter whose check lets everybody pass', async () => {
    const mount: MountAdapter = (logout) => ({
      fetch: async (path, init) =>
        path === '/me' ? new Response('active') : logout.handle(new Request(`https://app.example${path}`, init)),
    })
    expect((await failures((register) => testAdapter(register, mount))).length).toBeGreaterThanOrEqual(5)
  }, 60_000)
})

describe('the issuer in memory', () => {
  test('serves discovery and keys, and counts', async () => {
    const op = await createTestIssuer({ issuer: 'https://op.example.com/path/' })
    const { issuer, jwks_uri: uri } = (await (
      await op.fetch('https://op.example.com/path/.well-known/openid-configuration')
    ).json()) as Record<string, string>
    expect([issuer, uri]).toEqual(['https://op.example.com/path/', 'https://op.example.com/path/jwks'])
    expect(await (await op.fetch(new URL(uri!))).json()).toEqual(op.jwks)
    expect((await op.fetch(new Request('https://op.example.com/'))).status).toBe(404)
    expect(op.requests.length).toBe(3)
    await op.rotate({ keepOld: false })
    expect(op.jwks.keys.map(({ kid }) => kid)).toEqual([op.key.kid])
  })

  test('faultOf says what is wrong with an answer', () => {
    const row = { status: 400, name: 'x' }
    const headers = { 'cache-control': 'no-store', 'content-type': 'application/json' }
    const fault = (body: string, init: ResponseInit) => faultOf(row, new Response(body, init), body)
    expect(requestCases.length).toBeGreaterThan(30)
    expect(fault('{"error":"invalid_request","error_description":"x"}', { status: 400, headers })).toBeUndefined()
    expect(fault('{"error":"other","error_description":"x"}', { status: 400, headers })).toContain('other')
    expect(fault('{"error":"invalid_request","error_description":"\\""}', { status: 400, headers })).toContain(
      'description',
    )
    expect(fault('x', { status: 400, headers: { 'cache-control': 'no-store' } })).toContain('text/plain')
    expect(fault('', { status: 200, headers })).toContain('200')
  })
})
