import {
  createBackchannelLogout,
  MemoryStore,
  type BackchannelLogout,
  type LogoutRequest,
  type LogoutStore,
  type SessionClaims,
} from '@bcl/core'
import { handleWith, readBody } from '@bcl/core/kit'
import { createTestIssuer, type TestIssuer } from '../providers/test-issuer.js'
import { faultOf } from '../requests/fault-of.js'
import { requestCases, type CaseRequest } from '../requests/request-cases.js'
import { assert, assertEqual, type TestFunction } from './assert.js'

/** The application that {@link MountAdapter} makes. */
export interface MountedAdapter {
  /** Sends a request to the application. `path` starts with a slash. */
  fetch(path: string, init: RequestInit): Response | Promise<Response>
  /** Stops the application after the test. */
  close?: (() => unknown) | undefined
}

/**
 * Mounts an adapter in an application of its framework. The application has two routes:
 *
 * - `/backchannel-logout`, for all methods: the endpoint.
 * - `GET /me`: a route that answers 200, behind the session check.
 *
 * The session check gets the session from `sessionOf`, which parses the request header `x-test-session`.
 */
export type MountAdapter = (
  logout: BackchannelLogout,
  sessionOf: (header: string | null | undefined) => SessionClaims | undefined,
) => MountedAdapter | Promise<MountedAdapter>

const sessionOf = (header: string | null | undefined): SessionClaims | undefined =>
  header ? (JSON.parse(header) as SessionClaims) : undefined

const rejectAsDown = async (): Promise<never> => {
  throw new Error('the store is down')
}

const storeThatIsDown: LogoutStore = { add: rejectAsDown, values: rejectAsDown, remove: rejectAsDown }

/** The application in one test. */
interface Application {
  op: TestIssuer
  logout: BackchannelLogout
  /** Sends a request to the endpoint. */
  send(request: CaseRequest): Promise<Response>
  postToken(claims?: object): Promise<Response>
  /** Requests `/me`, with or without a session. Returns the status. */
  me(session?: Partial<SessionClaims>): Promise<number>
}

/**
 * Registers tests that check whether an adapter for a framework answers each of {@link requestCases} and ends sessions.
 *
 * @param test `test` of `node:test`, vitest, Jest or a similar library.
 * @param mount Mounts the adapter for one test.
 * @param options With `endpointOnly`, no test requests `/me`. Set `parsesBody` if a parser in front of the endpoint
 *   reads bodies of every media type. Then no test pushes a Security Event Token, because the parser loses the text of
 *   the token.
 * @example
 * ```ts
 * import { testAdapter } from '@bcl/testing'
 * import test from 'node:test'
 *
 * testAdapter(test, (logout) => ({ fetch: (path, init) => logout.handle(new Request(`https://app.example${path}`, init)) }), {
 *   endpointOnly: true,
 * })
 * ```
 */
export function testAdapter(
  test: TestFunction,
  mount: MountAdapter,
  { endpointOnly = false, parsesBody = false }: { endpointOnly?: boolean; parsesBody?: boolean } = {},
): void {
  let issuer: Promise<TestIssuer> | undefined
  const check = (
    name: string,
    run: (app: Application) => Promise<void>,
    createStore: () => LogoutStore = () => new MemoryStore(),
  ): void => {
    test(name, async () => {
      const op = await (issuer ??= createTestIssuer())
      const logout = createBackchannelLogout({ issuers: [op.trusted], sessionMaxAge: 3600, store: createStore() })
      const mounted = await mount(logout, sessionOf)
      const send = async ({ query = '', ...init }: CaseRequest): Promise<Response> =>
        mounted.fetch(`/backchannel-logout${query}`, init)
      const formHeaders = { 'content-type': 'application/x-www-form-urlencoded' }
      try {
        await run({
          op,
          logout,
          send,
          postToken: async (claims) =>
            send({ method: 'POST', headers: formHeaders, body: `logout_token=${await op.logoutToken(claims)}` }),
          async me(session) {
            const header = session && { 'x-test-session': JSON.stringify(op.session(session)) }
            const response = await mounted.fetch('/me', { method: 'GET', headers: { ...header } })
            await response.text()
            return response.status
          },
        })
      } finally {
        await mounted.close?.()
        await logout.close()
      }
    })
  }

  for (const row of requestCases) {
    check(`${row.requirement}: ${row.name} is answered ${row.status}`, async ({ op, send }) => {
      const response = await send(await row.make(op))
      const fault = faultOf(row, response, await response.text())
      assert(fault === undefined, `${row.name}: ${fault}`)
    })
  }

  check('RP-35: 200 comes after the listeners have finished, and 400 if one fails', async ({ logout, postToken }) => {
    const order: string[] = []
    const unsubscribe = logout.onLogout(async ({ sid }) => {
      await new Promise((resolve) => setTimeout(resolve, 5))
      order.push(`listener got ${sid}`)
    })
    const response = await postToken()
    order.push(`answered ${response.status}`)
    assertEqual(order, ['listener got session-1', 'answered 200'], 'order')
    unsubscribe()
    logout.onLogout(() => {
      throw new Error('a listener fails')
    })
    const failed = await postToken()
    assertEqual(failed.status, 400, 'status')
    assertEqual(((await failed.json()) as { error: unknown }).error, 'temporarily_unavailable', 'error')
  })

  check('RP-24: the second delivery of a token is answered 200 and has no effect', async ({ op, logout, send }) => {
    let calls = 0
    logout.onLogout(() => (calls += 1))
    const body = `logout_token=${await op.logoutToken()}`
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const first = await send({ method: 'POST', headers, body })
    const second = await send({ method: 'POST', headers, body })
    assertEqual([first.status, second.status, calls], [200, 200, 1], 'statuses and calls')
  })

  check(
    'RP-41: a logout is answered 400 while the store is down',
    async ({ postToken }) => {
      const response = await postToken()
      assertEqual(response.status, 400, 'status')
      assertEqual(((await response.json()) as { error: unknown }).error, 'temporarily_unavailable', 'error')
    },
    () => storeThatIsDown,
  )

  if (!parsesBody) {
    test('SE-1: a receiver gets a pushed Security Event Token unchanged, and its answer is sent unchanged', async () => {
      const op = await (issuer ??= createTestIssuer())
      const logout = createBackchannelLogout({ issuers: [op.trusted], sessionMaxAge: 3600, store: new MemoryStore() })
      const received: unknown[] = []
      const sent = 'a.b.c'
      const respond = async ({ method, contentType, authorization, body }: LogoutRequest) => {
        received.push([method, contentType, authorization, await readBody(body)])
        return { status: 202, headers: { 'cache-control': 'no-store', 'x-receiver': 'security events' }, body: '' }
      }
      const handle = (request: Request) => handleWith(respond, request)
      const mounted = await mount({ ...logout, respond, handle }, sessionOf)
      try {
        const headers = { 'content-type': 'application/secevent+jwt', authorization: 'Bearer secret' }
        const response = await mounted.fetch('/backchannel-logout', { method: 'POST', headers, body: sent })
        const answer = [response.status, response.headers.get('x-receiver'), await response.text()]
        assertEqual(answer, [202, 'security events', ''], 'answer')
        assertEqual(received, [['POST', 'application/secevent+jwt', 'Bearer secret', sent]], 'request')
      } finally {
        await mounted.close?.()
        await logout.close()
      }
    })
  }

  if (endpointOnly) return

  check('a request without a session passes', async ({ me }) => {
    assertEqual(await me(), 200, 'status')
  })

  check('RP-30: a logout ends its session, and other sessions of the user pass', async ({ me, postToken }) => {
    assertEqual([await me({}), await me({ sid: 'session-2' })], [200, 200], 'statuses before')
    assertEqual((await postToken()).status, 200, 'status of the logout')
    assertEqual([await me({}), await me({ sid: 'session-2' })], [401, 200], 'statuses after')
  })

  check('RP-30: a token without sid ends all sessions of its subject', async ({ me, postToken }) => {
    await postToken({ sid: undefined })
    assertEqual([await me({}), await me({ sid: 'session-2' }), await me({ sub: 'bob' })], [401, 401, 200], 'statuses')
  })

  check('RP-32: a session that began after the logout passes', async ({ op, me, postToken }) => {
    await postToken({ iat: op.now() - 30 })
    assertEqual([await me({}), await me({ iat: op.now() - 29 })], [401, 200], 'statuses')
  })

  check('RP-36: a session older than sessionMaxAge is refused', async ({ op, me }) => {
    assertEqual(await me({ iat: op.now() - 3700 }), 401, 'status')
  })

  check(
    'RP-37: a session is refused with 503 while the store is down',
    async ({ me }) => {
      assertEqual([await me({}), await me()], [503, 200], 'statuses')
    },
    () => storeThatIsDown,
  )

  check('RP-37: a malformed session is an error and does not pass', async ({ op, me }) => {
    assertEqual([await me({ iat: op.now() * 1000 }), await me({ sub: '' })], [500, 500], 'statuses')
  })
}
