import type { BackchannelLogout, SessionClaims } from '@bcl/core'
import { testAdapter, type MountAdapter } from '@bcl/testing'
import { describe, expect, test } from 'vitest'
import { failedTests } from './failed-tests.ts'

describe('testAdapter', () => {
  const withHandle =
    (change: (response: Response, request: Request) => Response | Promise<Response>): MountAdapter =>
    (logout) => ({
      async fetch(path, init) {
        const request = new Request(`https://app.example${path}`, init)
        return change(await logout.handle(request.clone() as Request), request)
      },
    })
  const failedEndpointTests = (mount: MountAdapter) =>
    failedTests((register) => testAdapter(register, mount, { endpointOnly: true }))

  test.each<[string, (response: Response, request: Request) => Response, RegExp]>([
    [
      'answers a logout with 204',
      (response) =>
        response.status === 200 ? new Response(null, { status: 204, headers: response.headers }) : response,
      /RP-1: a form/,
    ],
    ['removes Cache-Control from answers', ({ status, body }) => new Response(body, { status }), /RP-1: a form/],
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
    [
      'replaces the body of answers',
      ({ status, headers }) => new Response('{"data":null}', { status, headers }),
      /RP-1: a form/,
    ],
  ])(
    'finds an adapter that %s',
    async (_, change, name) => {
      expect((await failedEndpointTests(withHandle(change))).join('\n')).toMatch(name)
    },
    60_000,
  )

  type Check = (logout: BackchannelLogout, session: SessionClaims | undefined) => Promise<number>
  const rightCheck: Check = async (logout, session) => (session && (await logout.isLoggedOut(session)) ? 401 : 200)
  const statusOf = (error: unknown): number => (error instanceof TypeError ? 500 : 503)
  const withCheck =
    (check: Check, statusOfError = statusOf): MountAdapter =>
    (logout, sessionOf) => ({
      async fetch(path, init) {
        const request = new Request(`https://app.example${path}`, init)
        if (path !== '/me') return logout.handle(request)
        const session = sessionOf(request.headers.get('x-test-session'))
        return new Response(null, { status: await check(logout, session).catch(statusOfError) })
      },
    })

  test.each<[string, MountAdapter, string[]]>([
    ['has no fault', withCheck(rightCheck), []],
    [
      'refuses a request without a session',
      withCheck(async (logout, session) => (session ? rightCheck(logout, session) : 401)),
      ['a request without a session passes', 'RP-37: a session is refused with 503 while the store is down'],
    ],
    [
      'lets sessions pass while the store is down',
      withCheck(rightCheck, (error) => (error instanceof TypeError ? 500 : 200)),
      ['RP-37: a session is refused with 503 while the store is down'],
    ],
    [
      'lets a malformed session pass',
      withCheck(rightCheck, (error) => (error instanceof TypeError ? 200 : 503)),
      ['RP-37: a malformed session is an error and does not pass'],
    ],
    [
      'ignores the sid',
      withCheck((logout, session) => rightCheck(logout, session && { ...session, sid: undefined })),
      ['RP-30: a logout ends its session, and other sessions of the user pass'],
    ],
    [
      'dates sessions half a minute late',
      withCheck((logout, session) => rightCheck(logout, session && { ...session, iat: session.iat + 31 })),
      ['RP-32: a session that began after the logout passes'],
    ],
  ])('finds the fault of a session check that %s', { timeout: 60_000 }, async (_, mount, wanted) => {
    expect((await failedTests((register) => testAdapter(register, mount))).toSorted()).toEqual(wanted.toSorted())
  })

  test('finds an endpoint that always answers 200', async () => {
    const mount: MountAdapter = () => ({
      fetch: async () => new Response(null, { status: 200, headers: { 'cache-control': 'no-store' } }),
    })
    const failed = await failedEndpointTests(mount)
    for (const requirement of ['RP-35', 'RP-24', 'RP-41']) expect(failed.join('\n')).toContain(requirement)
  })

  test('finds no fault in logout.handle', async () => {
    expect(await failedEndpointTests(withHandle((response) => response))).toEqual([])
  }, 60_000)

  test('finds an adapter whose check lets every request pass', async () => {
    const mount: MountAdapter = (logout) => ({
      fetch: async (path, init) =>
        path === '/me' ? new Response('active') : logout.handle(new Request(`https://app.example${path}`, init)),
    })
    expect((await failedTests((register) => testAdapter(register, mount))).length).toBeGreaterThanOrEqual(5)
  }, 60_000)
})
