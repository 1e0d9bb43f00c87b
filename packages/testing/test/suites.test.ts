import { MemoryStore, type LogoutStore } from '@bcl/core'
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
