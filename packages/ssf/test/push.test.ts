import { BACKCHANNEL_LOGOUT_EVENT, createBackchannelLogout, MemoryStore, type LogoutStore } from '@bcl/core'
import { createSecurityEventReceiver } from '@bcl/ssf'
import { createTestIssuer } from '@bcl/testing'
import { describe, expect, test, vi } from 'vitest'
import {
  alice,
  authorization,
  clock,
  complex,
  issuer,
  op,
  receiving,
  session,
  signSet,
  types,
  type Receiving,
} from './support.js'

const stranger = await createTestIssuer({ issuer: 'https://other.example' })
const day = 86_400
const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** Returns which sessions have ended: s1, s2 and a session without a known sid of Alice, and s1 of Bob. */
async function endedSessions({ logout }: Pick<ReturnType<typeof receiving>, 'logout'>): Promise<string> {
  const sessions = [{ sid: 's1' }, { sid: 's2' }, { sid: undefined }, { sub: 'bob', sid: 's3' }]
  const ended = await Promise.all(sessions.map((claims) => logout.isLoggedOut(op.session(claims))))
  return ['s1', 's2', 'nosid', 'bob'].filter((_, index) => ended[index]).join(' ')
}

test('SE-12: two applications with one store each carry out an event that is for both', async () => {
  const store = new MemoryStore({ now: op.now })
  const [web, api] = ['web', 'api'].map((clientId) => {
    const destroySession = vi.fn()
    const audience = ['unused', `${clientId}-receiver`]
    const core = { issuers: [{ ...op.trusted, clientId }], destroySession }
    return { ...receiving({ store, core, transmitter: { audience } }), clientId, destroySession }
  }) as [Application, Application]
  const jwt = await signSet({ aud: ['web-receiver', 'api-receiver'] })
  for (const { logout, clientId } of [web, api])
    await logout.trackSession(op.session({ sid: 's1', clientId }), `row of ${clientId}`)

  for (const application of [web, api]) {
    for (let time = 0; time < 2; time += 1) expect((await application.push(jwt)).status).toBe(202)
    expect(application.deliveries.map(({ outcome }) => outcome)).toEqual(['handled', 'replayed'])
    expect(application.destroySession.mock.calls).toEqual([[`row of ${application.clientId}`, expect.anything()]])
    expect(await application.isLoggedOut({ sid: 's1', clientId: application.clientId })).toBe(true)
  }
})
type Application = Receiving & { clientId: string; destroySession: ReturnType<typeof vi.fn> }

describe('a right SET', () => {
  test('SE-1: ends all sessions of the user. The answer is an empty 202 that is not cached', async () => {
    const receiver = receiving()
    const { status, text, headers } = await receiver.push(await signSet())
    expect([status, text, headers.get('cache-control'), headers.get('content-type')]).toEqual([
      202,
      '',
      'no-store',
      null,
    ])
    expect(await endedSessions(receiver)).toBe('s1 s2 nosid')
    expect(receiver.deliveries).toMatchObject([{ outcome: 'handled', iss: issuer, types: [types.sessionRevoked] }])
  })

  test.each<[string, object, object, object?]>([
    ['SE-1: "sub" is ignored', { sub: 'bob' }, {}],
    ['SE-1: "exp" is in the future', { exp: clock.time + 1 }, {}],
    ['SE-1: a token that is seven days old', { iat: clock.time - 7 * day }, {}],
    ['SE-1: "iat" is ahead by the tolerance', { iat: clock.time + 60 }, {}],
    ['SE-1: ten events', { events: Object.fromEntries([...'0123456789'].map((name) => [name, {}])) }, {}],
    ['SE-1: "typ" is missing, and the setting allows it', {}, { typ: undefined }, { requireTyp: false }],
    ['SE-1: "typ" is JWT, and the setting allows it', {}, { typ: 'JWT' }, { requireTyp: false }],
    ['SE-1: "typ" in the long form', {}, { typ: 'application/SECEVENT+JWT' }],
    ['SE-3: "aud" is an array', { aud: ['other', 'receiver'] }, {}],
    ['SE-3: several audiences', {}, {}, { audience: ['a', 'receiver'] }],
    ['SE-3: a function finds the audience', {}, {}, { audience: async () => ['receiver'] }],
  ])('%s: 202', async (_, claims, header, transmitter = {}) => {
    const { push, deliveries } = receiving({ transmitter })
    expect([(await push(await signSet(claims, header))).status, deliveries[0]?.error]).toEqual([202, undefined])
  })

  test('SE-1: each of several events is handled', async () => {
    const receiver = receiving()
    const events = { [types.verification]: {}, [types.accountDisabled]: { reason: 'hijacking' }, 'urn:other': {} }
    expect((await receiver.push(await signSet({ events }))).status).toBe(202)
    expect(receiver.events.map(({ type, ended }) => [type, ended])).toEqual(
      expect.arrayContaining([
        [types.verification, 'nothing'],
        [types.accountDisabled, 'all'],
        ['urn:other', 'nothing'],
      ]),
    )
  })
})

describe('a wrong SET', () => {
  const logoutEvents = { [BACKCHANNEL_LOGOUT_EVENT]: {} }
  test.each<[string, string, () => Promise<unknown>, object?]>([
    ['SE-1: no token', 'invalid_request', async () => ''],
    ['SE-1: not canonical', 'invalid_request', async () => `${await signSet()}=`],
    ['SE-1: a body that a parser made', 'invalid_request', async () => ({ a: 1 })],
    ['SE-1: "typ" is missing', 'invalid_request', () => signSet({}, { typ: undefined })],
    ['SE-1: "typ" is JWT', 'invalid_request', () => signSet({}, { typ: 'JWT' })],
    ['SE-1: "typ" is at+jwt', 'invalid_request', () => signSet({}, { typ: 'at+jwt' }), { requireTyp: false }],
    ['SE-1: "jti" is missing', 'invalid_request', () => signSet({ jti: undefined })],
    ['SE-1: "jti" is a number', 'invalid_request', () => signSet({ jti: 1 })],
    ['SE-1: "iat" is missing', 'invalid_request', () => signSet({ iat: undefined })],
    ['SE-1: "iat" is a string', 'invalid_request', () => signSet({ iat: `${clock.time}` })],
    ['SE-1: "iat" is far ahead', 'invalid_request', () => signSet({ iat: clock.time + 61 })],
    [
      'SE-1: a token that is older than seven days',
      'invalid_request',
      () => signSet({ iat: clock.time - 7 * day - 61 }),
    ],
    ['SE-1: "exp" has passed', 'invalid_request', () => signSet({ exp: clock.time - 60 })],
    ['SE-1: "exp" is a string', 'invalid_request', () => signSet({ exp: 'never' })],
    ['SE-1: "nbf" is ahead', 'invalid_request', () => signSet({ nbf: clock.time + 61 })],
    ['SE-1: "events" is missing', 'invalid_request', () => signSet({ events: undefined })],
    ['SE-1: "events" is an array', 'invalid_request', () => signSet({ events: [types.sessionRevoked] })],
    ['SE-1: "events" is empty', 'invalid_request', () => signSet({ events: {} })],
    [
      'SE-1: eleven events',
      'invalid_request',
      () => signSet({ events: Object.fromEntries([...'0123456789a'].map((name) => [name, {}])) }),
    ],
    ['SE-1: no subject', 'invalid_request', () => signSet({ sub_id: undefined })],
    ['SE-1: a subject without format', 'invalid_request', () => signSet({ sub_id: { iss: issuer, sub: 'alice' } })],
    ['SE-2: another issuer', 'invalid_issuer', () => signSet({ iss: stranger.issuer })],
    ['SE-2: the issuer with a slash', 'invalid_issuer', () => signSet({ iss: `${issuer}/` })],
    ['SE-2: no issuer', 'invalid_issuer', () => signSet({ iss: undefined })],
    ['SE-2: the key of another issuer', 'invalid_key', () => signSet({}, {}, stranger.key.privateKey)],
    ['SE-2: an unknown kid', 'invalid_key', () => signSet({}, { kid: 'unknown' })],
    ['SE-2: HS256', 'invalid_key', () => signSet({}, { alg: 'HS256' }, new Uint8Array(32))],
    ['SE-2: an algorithm that is not pinned', 'invalid_key', () => signSet(), { algorithms: ['ES256'] }],
    [
      'SE-2: the algorithm "none"',
      'invalid_key',
      async () => `${encode({ alg: 'none', typ: 'secevent+jwt' })}.${(await signSet()).split('.')[1]}.`,
    ],
    [
      'SE-2: the signature of another token',
      'invalid_key',
      async () => {
        const [header, , signature] = (await signSet({ sub_id: session('x') })).split('.')
        return [header, (await signSet()).split('.')[1], signature].join('.')
      },
    ],
    ['SE-2: a list of issuers', 'invalid_issuer', () => signSet({ iss: [issuer] })],
    ['SE-3: an audience in a nested list', 'invalid_audience', () => signSet({ aud: [['receiver']] })],
    ['SE-2: "crit"', 'invalid_request', async () => `${btoa('{"alg":"RS256","crit":["x"]}').replaceAll('=', '')}.e30.`],
    ['SE-3: another audience', 'invalid_audience', () => signSet({ aud: 'other' })],
    ['SE-3: no audience', 'invalid_audience', () => signSet({ aud: undefined })],
    [
      'SE-3: an audience that the function does not return',
      'invalid_audience',
      () => signSet(),
      { audience: () => 'other' },
    ],
    ['SE-13: a Logout Token', 'invalid_request', () => op.logoutToken({ aud: 'receiver' })],
    [
      'SE-13: a Logout Token with the typ of a SET',
      'invalid_request',
      () => op.logoutToken({ aud: 'receiver', sub_id: alice }, { typ: 'JWT' }),
      { requireTyp: false },
    ],
    ['SE-13: the event of a Logout Token', 'invalid_request', () => signSet({ events: logoutEvents })],
  ])('%s: 400 %s', async (_, err, make, transmitter) => {
    const receiver = receiving({ transmitter })
    const { status, text, headers } = await receiver.push(await make())
    expect([status, headers.get('content-type'), headers.get('cache-control')]).toEqual([
      400,
      'application/json',
      'no-store',
    ])
    expect(JSON.parse(text)).toEqual({ err, description: expect.stringMatching(/./) })
    expect(text).not.toMatch(/alice|acme/)
    expect(receiver.deliveries).toMatchObject([{ outcome: 'refused', code: expect.stringMatching(/^ERR_/) }])
    expect(receiver.events).toEqual([])
    expect(await endedSessions(receiver)).toBe('')
  })

  test('SE-13: a SET at the endpoint for Logout Tokens is refused', async () => {
    const { logout } = receiving()
    await expect(logout.receive(await signSet({ aud: op.clientId, sub: 'alice' }))).rejects.toMatchObject({
      code: 'ERR_LOGOUT_TOKEN_INVALID',
    })
  })
})

describe('the request', () => {
  test.each<[string, number, string | undefined, object, unknown?]>([
    ['another method', 405, undefined, { method: 'GET', authorization: null }],
    ['no Authorization', 401, 'authentication_failed', { authorization: null, contentType: 'text/plain' }],
    ['a wrong Authorization', 401, 'authentication_failed', { authorization: 'Bearer other' }],
    ['a prefix of the Authorization', 401, 'authentication_failed', { authorization: authorization.slice(0, -1) }],
    ['another media type', 400, 'invalid_request', { contentType: 'application/json' }, 'a'.repeat(65_537)],
    ['no media type', 400, 'invalid_request', { contentType: null }],
    ['a body that is too large', 413, undefined, {}, 'a'.repeat(65_537)],
    ['no body', 400, 'invalid_request', {}, null],
    ['a media type that only begins in this way', 400, 'invalid_request', { contentType: 'application/secevent+jwtx' }],
    ['a media type that only ends in this way', 400, 'invalid_request', { contentType: 'xapplication/secevent+jwt' }],
    ['a media type between spaces', 202, undefined, { contentType: ' application/secevent+jwt ; a=b' }],
    ['a media type with parameters', 202, undefined, { contentType: 'Application/SecEvent+JWT; charset=utf-8' }],
  ])('%s: %d %s', async (_, status, err, request, body) => {
    const { push } = receiving()
    const answer = await push(body === undefined ? await signSet() : body, request)
    expect(answer.status).toBe(status)
    if (err) expect(JSON.parse(answer.text).err).toBe(err)
    else expect(answer.text).toBe('')
    expect(answer.headers.get('www-authenticate')).toBe(status === 401 ? 'Bearer' : null)
    expect(answer.headers.get('allow')).toBe(status === 405 ? 'POST' : null)
  })

  test.each([
    ['no Authorization', 401, {}],
    ['another media type', 400, { authorization, 'content-type': 'application/json' }],
    ['a body that is too large', 413, { authorization, 'content-type': 'application/secevent+jwt' }],
  ])('%s: the whole body is read, because unread data blocks the connection', async (_, status, headers) => {
    const whole = Promise.withResolvers<void>()
    let pulled = 0
    const body = new ReadableStream({
      pull(controller) {
        controller.enqueue(new Uint8Array(16 * 1024))
        pulled += 1
        if (pulled < 20) return
        controller.close()
        whole.resolve()
      },
      cancel: () => whole.reject(new Error('was cancelled')),
    })
    const request = new Request('https://app.example', { method: 'POST', headers, body, duplex: 'half' } as RequestInit)
    expect((await receiving().receiver.handle(request)).status).toBe(status)
    await whole.promise
  })

  test.each<[string, object, unknown, string]>([
    ['another method', { method: 'GET' }, '', 'method is refused'],
    ['a wrong Authorization', { authorization: 'x' }, '', 'authorization is refused'],
    ['another media type', { contentType: 'x; application/secevent+jwt' }, '', 'media type is refused'],
    ['a body that is too large', {}, 'a'.repeat(65_537), 'size is refused'],
    ['a body that cannot be read', {}, () => Promise.reject(new Error('aborted')), 'body is refused'],
  ])('%s: the record says what was refused', async (_, request, body, message) => {
    const { push, deliveries } = receiving()
    const { status } = await push(body, request)
    expect(status).toBeLessThan(500)
    expect(deliveries).toMatchObject([{ outcome: 'refused', error: { message } }])
    expect(deliveries[0]!.durationMs).toBeLessThan(performance.now())
  })

  test('if the Authorization belongs to another transmitter, the record says so', async () => {
    const other = { issuer: stranger.issuer, audience: 'receiver', keys: stranger.jwks }
    const own = { issuer, audience: 'receiver', keys: op.jwks, pushAuthorization: authorization }
    const { push, deliveries } = receiving({ transmitters: [own, other] })
    expect((await push(await signSet(), { authorization: null })).status).toBe(401)
    expect(deliveries).toMatchObject([{ error: { message: 'authorization is refused' } }])
  })

  test.each([undefined, null])('respond never rejects: without a request, the answer is 503 (%s)', async (request) => {
    const deliveries: unknown[] = []
    const receiver = createSecurityEventReceiver({
      logout: receiving().logout,
      transmitters: [{ issuer, audience: 'receiver', keys: op.jwks }],
      onDelivery: (delivery) => void deliveries.push(delivery),
    })
    expect((await receiver.respond(request as never)).status).toBe(503)
    expect(deliveries).toMatchObject([{ outcome: 'failed', code: 'ERR_LOGOUT_FAILED' }])
  })

  test('a body that does not end is an outage within the time-out', async () => {
    const { push } = receiving({ timeout: 0.05 })
    const body = new ReadableStream({ start: (controller) => controller.enqueue(new TextEncoder().encode('eyJ')) })
    expect((await push(body)).status).toBe(503)
  })

  test('close waits for a push in progress', async () => {
    const found = Promise.withResolvers<string>()
    const asked = Promise.withResolvers<void>()
    const audience = () => {
      asked.resolve()
      return found.promise
    }
    const { push, receiver } = receiving({ transmitter: { audience } })
    const jwt = await signSet()
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const pushed = push(jwt)
      await asked.promise
      let isClosed = false
      const closed = receiver.close().then(() => (isClosed = true))
      await vi.advanceTimersByTimeAsync(5000)
      expect(isClosed).toBe(false)
      found.resolve('receiver')
      expect((await pushed).status).toBe(202)
      await closed
    } finally {
      vi.useRealTimers()
    }
  })

  test('with several transmitters, the Authorization must belong to the transmitter that signed the token', async () => {
    const transmitters = [
      { issuer, audience: 'receiver', keys: op.jwks, pushAuthorization: authorization },
      { issuer: stranger.issuer, audience: 'receiver', keys: stranger.jwks, pushAuthorization: 'Bearer other' },
    ]
    const { push } = receiving({ transmitters })
    const jwt = await signSet()
    const answers = await Promise.all(
      [authorization, 'Bearer other', 'Bearer third'].map((value) => push(jwt, { authorization: value })),
    )
    expect(answers.map(({ status }) => status)).toEqual([202, 401, 401])
    // The value of another transmitter passes the first check, so this answer is 400 and not 401.
    expect((await push('no token', { authorization: 'Bearer other' })).status).toBe(400)
  })

  test('without pushAuthorization, any value is accepted', async () => {
    const { push } = receiving({ transmitter: { pushAuthorization: undefined } })
    expect((await push(await signSet(), { authorization: 'Basic x' })).status).toBe(202)
  })

  test('handle answers a Request, even if its body is a stream', async () => {
    const { receiver } = receiving()
    const headers = { 'content-type': 'application/secevent+jwt', authorization }
    const request = new Request('https://app.example/security-events', {
      method: 'POST',
      headers,
      body: await signSet(),
    })
    expect((await receiver.handle(request)).status).toBe(202)
  })
})

describe('metadata and keys', () => {
  const base = 'https://op.example.com'
  const inserted = `${base}/.well-known/ssf-configuration/realms/acme`
  const appended = `${issuer}/.well-known/ssf-configuration`
  const serve = (at: string, metadata: object = {}) => {
    const asked: string[] = []
    const fetch = async (url: string) => {
      asked.push(url)
      if (url === at) return Response.json({ issuer, jwks_uri: `${issuer}/jwks`, ...metadata })
      return op.fetch(url)
    }
    return { asked, fetch: fetch as typeof globalThis.fetch }
  }

  test.each([
    ['inserted before the path', inserted, [inserted]],
    ['appended to the issuer', appended, [inserted, appended]],
  ])('SE-4: metadata %s', async (_, at, expected) => {
    const { asked, fetch } = serve(at)
    const { push, receiver } = receiving({ fetch, transmitter: { keys: undefined } })
    await receiver.warm()
    expect(asked).toEqual([...expected, `${issuer}/jwks`])
    expect((await push(await signSet())).status).toBe(202)
    expect(asked).toHaveLength(expected.length + 1)
  })

  test('SE-4: the option metadata names another address', async () => {
    const at = 'https://op.example.com/.well-known/risc-configuration'
    const { asked, fetch } = serve(at)
    const { push } = receiving({ fetch, transmitter: { keys: undefined, metadata: new URL(at) } })
    expect((await push(await signSet())).status).toBe(202)
    expect(asked[0]).toBe(at)
  })

  test('SE-4: metadata of another issuer counts as an outage', async () => {
    const { fetch } = serve(inserted, { issuer: 'https://other.example' })
    const { push, deliveries } = receiving({ fetch, transmitter: { keys: undefined } })
    const { status, text, headers } = await push(await signSet())
    expect([status, text, headers.get('retry-after')]).toEqual([503, '', '5'])
    expect(deliveries).toMatchObject([{ outcome: 'failed', code: 'ERR_LOGOUT_KEYS_UNAVAILABLE' }])
  })

  test('SE-6: an event with an unknown critical member ends nothing', async () => {
    const { fetch } = serve(inserted, { critical_subject_members: ['planet', 'user'] })
    const receiver = receiving({ fetch, transmitter: { keys: undefined } })
    const planet = { format: 'opaque', id: 'mars' }
    expect((await receiver.push(await signSet({ sub_id: complex({ user: alice, planet }) }))).status).toBe(202)
    expect(receiver.events).toMatchObject([{ ended: 'nothing', reason: 'critical' }])
    expect((await receiver.push(await signSet({ sub_id: complex({ user: alice }) }))).status).toBe(202)
    expect(await endedSessions(receiver)).toBe('s1 s2 nosid')
  })

  test('SE-3: an audience function that fails or never answers causes an outage. A good answer is cached', async () => {
    const fails = receiving({ transmitter: { audience: () => Promise.reject(new Error('down')) } })
    expect((await fails.push(await signSet())).status).toBe(503)
    const silent = receiving({ timeout: 0.05, transmitter: { audience: () => new Promise<string>(() => {}) } })
    expect((await silent.push(await signSet())).status).toBe(503)
    const audience = vi.fn(() => 'receiver')
    const works = receiving({ transmitter: { audience } })
    for (let count = 0; count < 3; count += 1) await works.push(await signSet())
    expect(audience).toHaveBeenCalledTimes(1)
  })
})

const user = (sub: string, iss = issuer) => ({ format: 'iss_sub', iss, sub })
const s1 = session('s1')

describe('subjects', () => {
  test.each<[string, object, string, string?]>([
    ['SE-6: iss_sub', alice, 's1 s2 nosid'],
    ['SE-6: iss_sub without sub', { format: 'iss_sub', iss: issuer }, '', 'subject'],
    ['SE-6: email', { format: 'email', email: 'alice@example.com' }, '', 'subject'],
    ['SE-6: phone_number', { format: 'phone_number', phone_number: '+1555' }, '', 'subject'],
    ['SE-6: account', { format: 'account', uri: 'acct:alice@example.com' }, '', 'subject'],
    ['SE-6: did', { format: 'did', url: 'did:example:1' }, '', 'subject'],
    ['SE-6: uri', { format: 'uri', uri: 'urn:alice' }, '', 'subject'],
    ['SE-6: opaque', session('s1'), '', 'subject'],
    ['SE-6: aliases', { format: 'aliases', identifiers: [alice] }, '', 'subject'],
    ['SE-6: an unknown member that is not critical', complex({ user: alice, planet: s1 }), 's1 s2 nosid'],
    ['SE-7: user', complex({ user: alice }), 's1 s2 nosid'],
    ['SE-7: user and session', complex({ user: alice, session: s1 }), 's1 nosid'],
    ['SE-7: user and ALL', complex({ user: alice, session: session('ALL') }), 's1 s2 nosid'],
    ['SE-7: user and tenant', complex({ user: alice, tenant: s1 }), 's1 s2 nosid'],
    ['SE-7: user, session and tenant', complex({ user: alice, session: s1, tenant: s1 }), 's1 nosid'],
    ['SE-7: session', complex({ session: s1 }), 's1'],
    ['SE-7: a user that is null', complex({ user: null, session: s1 }), '', 'subject'],
    ['SE-7: a complex user', complex({ user: complex({ user: alice }) }), '', 'subject'],
    ['SE-7: a user whose sub is a list', complex({ user: { ...alice, sub: ['alice'] } }), '', 'subject'],
    ['SE-7: a list of sessions', complex({ user: alice, session: [s1] }), '', 'scope'],
    ['SE-7: a session with an empty id', complex({ user: alice, session: session('') }), '', 'scope'],
    [
      'SE-5: a user of another issuer, with a sid of ours',
      complex({ user: { ...alice, iss: 'https://other.example' }, session: s1 }),
      '',
      'issuer',
    ],
    ['SE-7: tenant', complex({ tenant: s1 }), '', 'scope'],
    ['SE-7: ALL', complex({ session: session('ALL') }), '', 'scope'],
    ['SE-7: nothing', complex({}), '', 'scope'],
    ['SE-7: user and device', complex({ user: alice, device: s1 }), '', 'scope'],
    ['SE-7: user and application', complex({ user: alice, application: s1 }), '', 'scope'],
    ['SE-7: user and group', complex({ user: alice, group: s1 }), '', 'scope'],
    ['SE-7: user and org_unit', complex({ user: alice, org_unit: s1 }), '', 'scope'],
    ['SE-7: user and a session in another format', complex({ user: alice, session: alice }), '', 'scope'],
    ['SE-7: a user in another format', complex({ user: { format: 'email', email: 'a@b.c' } }), '', 'subject'],
    ['SE-5: a user of another issuer', user('alice', 'https://other.example'), '', 'issuer'],
  ])('%s: %s ends %j', async (_, subject, ended, reason) => {
    const receiver = receiving()
    expect((await receiver.push(await signSet({ sub_id: subject }))).status).toBe(202)
    expect(await endedSessions(receiver)).toBe(ended)
    expect(receiver.events).toMatchObject([{ subject, type: types.sessionRevoked, ...(reason && { reason }) }])
    if (reason) expect(receiver.ended).toEqual([])
  })

  test.each<[string, object, object | null | undefined, string]>([
    ['SE-6: iss_sub, undefined', alice, undefined, 's1 s2 nosid'],
    ['SE-6: iss_sub, null', alice, null, ''],
    ['SE-6: iss_sub, another user', alice, { iss: issuer, sub: 'bob' }, 'bob'],
    ['SE-6: email, undefined', { format: 'email', email: 'a@b.c' }, undefined, ''],
    ['SE-6: email, null', { format: 'email', email: 'a@b.c' }, null, ''],
    ['SE-6: email, a user', { format: 'email', email: 'a@b.c' }, { iss: issuer, sub: 'alice' }, 's1 s2 nosid'],
    ['SE-6: opaque, a session', session('x'), { iss: issuer, sub: 'alice', sid: 's2' }, 's2 nosid'],
    ['SE-6: opaque, only a sid', session('x'), { iss: issuer, sid: 's2' }, 's2'],
    ['SE-6: opaque, nobody', session('x'), { iss: issuer }, ''],
    ['SE-6: complex, null', complex({ user: alice }), null, ''],
    [
      'SE-7: a session of a user that resolveSubject found',
      complex({ user: session('x'), session: s1 }),
      user('alice'),
      's1 nosid',
    ],
    [
      'SE-7: a device of a user that resolveSubject found',
      complex({ user: session('x'), device: s1 }),
      user('alice'),
      '',
    ],
    ['SE-5: another issuer', session('x'), { iss: 'https://other.example', sub: 'alice' }, ''],
  ])('%s: resolveSubject decides', async (_, subject, resolved, ended) => {
    const resolveSubject = vi.fn(async () => resolved as never)
    const receiver = receiving({ resolveSubject })
    expect((await receiver.push(await signSet({ sub_id: subject }))).status).toBe(202)
    expect(resolveSubject.mock.calls).toEqual([[subject, expect.objectContaining({ type: types.sessionRevoked })]])
    expect(await endedSessions(receiver)).toBe(ended)
  })

  test('SE-6: the older form of RISC, with "subject" inside the event, is accepted', async () => {
    const transmitter = { subjectIssuers: [issuer] }
    const subject = { subject_type: 'iss-sub', iss: issuer, sub: 'alice' }
    const receiver = receiving({ transmitter })
    const events = { [types.accountDisabled]: { subject, reason: 'hijacking' } }
    expect((await receiver.push(await signSet({ sub_id: undefined, events }))).status).toBe(202)
    expect(receiver.events).toMatchObject([{ subject: { format: 'iss_sub', sub: 'alice' } }])
    expect(await endedSessions(receiver)).toBe('s1 s2 nosid')
  })

  test('SE-5: an issuer must be both a subject issuer of the transmitter and trusted by logout', async () => {
    const other = 'https://other.example'
    const unknown = receiving({ transmitter: { subjectIssuers: [other] } })
    const jwt = await signSet({ sub_id: user('alice', other) })
    expect((await unknown.push(jwt)).status).toBe(202)
    expect(unknown.events).toMatchObject([{ ended: 'nothing', reason: 'issuer' }])
    const foreign = receiving({ core: { issuers: [op.trusted, stranger.trusted] } })
    expect((await foreign.push(jwt)).status).toBe(202)
    expect(foreign.events).toMatchObject([{ ended: 'nothing', reason: 'issuer' }])
    expect(foreign.ended).toEqual([])
    const right = receiving({
      core: { issuers: [op.trusted, stranger.trusted] },
      transmitter: { subjectIssuers: [other] },
    })
    expect((await right.push(jwt)).status).toBe(202)
    expect(right.ended).toMatchObject([{ iss: other, sub: 'alice' }])
  })

  test('SE-7: a session alone ends nothing if the transmitter has two subject issuers', async () => {
    const receiver = receiving({ transmitter: { subjectIssuers: [issuer, 'https://other.example'] } })
    expect((await receiver.push(await signSet({ sub_id: complex({ session: s1 }) }))).status).toBe(202)
    expect(receiver.events).toMatchObject([{ ended: 'nothing', reason: 'subject' }])
    expect(receiver.ended).toEqual([])
  })
})

describe('dates', () => {
  const at = clock.time - 100
  test.each<[string, object, object, number]>([
    ['event_timestamp', { iat: at, toe: at - 50 }, { event_timestamp: at - 10 }, at - 10],
    ['toe', { iat: at, toe: at - 20 }, {}, at - 20],
    ['iat', { iat: at }, {}, at],
    ['a time that is ahead', { iat: at }, { event_timestamp: at + 1000 }, at],
    ['milliseconds', { iat: at }, { event_timestamp: at * 1000 }, at],
    ['the largest number', { iat: at }, { event_timestamp: Number.MAX_VALUE }, at],
    ['a fraction', { iat: at + 0.9 }, { event_timestamp: at - 0.5 }, at - 1],
    ['a string', { iat: at }, { event_timestamp: 'now' }, at],
    ['an iat that is ahead by the tolerance', { iat: clock.time + 60 }, { event_timestamp: 1e15 }, clock.time + 60],
  ])('SE-8: %s', async (_, claims, values, expected) => {
    for (const type of [types.sessionRevoked, types.accountDisabled]) {
      const { push, ended, isLoggedOut } = receiving()
      expect((await push(await signSet({ ...claims, events: { [type]: values } }))).status).toBe(202)
      expect(ended).toMatchObject([{ iat: expected }])
      expect(await isLoggedOut({ iat: expected })).toBe(true)
      if (expected < clock.time) expect(await isLoggedOut({ iat: expected + 1 })).toBe(false)
    }
  })

  test('SE-8: a SET that arrives hours late ends no newer session', async () => {
    const { push, isLoggedOut } = receiving({ core: { sessionMaxAge: 7 * day } })
    const iat = clock.time - 7 * 3600
    expect((await push(await signSet({ iat }))).status).toBe(202)
    expect([await isLoggedOut({ iat }), await isLoggedOut({ iat: iat + 1 })]).toEqual([true, false])
  })

  test('SE-8: the one rule also decides between a SET, a Logout Token and a new sign-in', async () => {
    const { push, logout, isLoggedOut } = receiving()
    const iat = clock.time - 30
    const before = { iat: iat - 1, sid: 's1' }
    const after = { iat: iat + 1, sid: 's2' }
    await push(await signSet({ iat }))
    expect([await isLoggedOut(before), await isLoggedOut(after)]).toEqual([true, false])
    await logout.receive(await op.logoutToken({ iat: iat + 1, sid: 's2' }))
    expect(await isLoggedOut(after)).toBe(true)
    // An older SET arrives after the new sign-in. It does not end the new session.
    await push(await signSet({ iat: iat - 5 }))
    expect(await isLoggedOut({ iat: iat + 2, sid: 's3' })).toBe(false)
    expect(await isLoggedOut(before)).toBe(true)
  })
})

describe('event types', () => {
  const endsAll = [types.accountDisabled, types.accountPurged, types.sessionsRevoked, types.tokensRevoked]
  test.each([
    ...endsAll.map((type) => [type, 's1 s2 nosid']),
    [types.sessionRevoked, 's1 nosid'],
    [types.credentialChange, ''],
    [types.accountEnabled, ''],
  ])('SE-9: %s ends %j for a user and a session', async (type, ended) => {
    const receiver = receiving()
    const subject = complex({ user: alice, session: s1 })
    const values = { event_timestamp: clock.time, reason: 'x' }
    expect((await receiver.push(await signSet({ sub_id: subject, events: { [type]: values } }))).status).toBe(202)
    expect(await endedSessions(receiver)).toBe(ended)
    expect(receiver.events).toMatchObject([{ type, subject, values, transmitter: issuer }])
    if (ended) expect(receiver.ended).toMatchObject([{ source: 'security-event', events: { [type]: values } }])
  })

  test.each([
    [types.credentialChange, true, 's1 s2 nosid'],
    [types.credentialChange, undefined, ''],
    [types.accountDisabled, false, ''],
    [types.accountDisabled, undefined, 's1 s2 nosid'],
    [types.verification, true, ''],
  ])('SE-9: endsSessions, %s: %s', async (type, answer, ended) => {
    const receiver = receiving({ endsSessions: () => answer })
    expect((await receiver.push(await signSet({ events: { [type]: {} } }))).status).toBe(202)
    expect(await endedSessions(receiver)).toBe(ended)
  })

  const stream = { format: 'opaque', id: 'stream-1' }
  test.each<[string, string, unknown, unknown]>([
    ['SE-10: verification', types.verification, { state: 'x' }, stream],
    ['SE-10: verification without state', types.verification, {}, stream],
    ['SE-10: verification, malformed', types.verification, null, 'stream-1'],
    ['SE-10: verification without subject', types.verification, [], undefined],
    ['SE-10: stream-updated', types.streamUpdated, { status: 'paused' }, stream],
    ['SE-10: stream-updated with an object', types.streamUpdated, { status: { status: 'paused' } }, stream],
    ['SE-10: stream-updated, malformed', types.streamUpdated, 7, stream],
    ['SE-11: an unknown type', 'https://example.com/unknown', { a: 1 }, alice],
    ['SE-11: a name that is special in JavaScript', '__proto__x', {}, alice],
  ])('%s: the answer is 202, and onEvent gets the event', async (_, type, values, subject) => {
    const receiver = receiving()
    expect((await receiver.push(await signSet({ sub_id: subject, events: { [type]: values } }))).status).toBe(202)
    expect(receiver.events).toMatchObject([{ type, ended: 'nothing', reason: 'type' }])
    expect(await endedSessions(receiver)).toBe('')
  })
})

/** A store that calls `before` at the start of each call. */
class SpyStore implements LogoutStore {
  readonly #store = new MemoryStore({ now: op.now })
  readonly added: string[] = []
  before: () => unknown = () => {}
  async add(key: string, value: string, expiresAt: number): Promise<void> {
    await this.before()
    this.added.push(key)
    await this.#store.add(key, value, expiresAt)
  }
  async values(keys: readonly string[]): Promise<string[][]> {
    await this.before()
    return this.#store.values(keys)
  }
  async remove(key: string, value: string): Promise<void> {
    await this.before()
    await this.#store.remove(key, value)
  }
}

describe('once', () => {
  test('SE-12: the same event is acknowledged each time and carried out once', async () => {
    const { push, events, ended, deliveries } = receiving()
    const jwt = await signSet()
    for (let count = 0; count < 3; count += 1) expect((await push(jwt)).status).toBe(202)
    expect([events.length, ended.length]).toEqual([1, 1])
    expect(deliveries.map(({ outcome }) => outcome)).toEqual(['handled', 'replayed', 'replayed'])
  })

  test('SE-12: of 50 simultaneous SETs with the same jti, one is carried out, even if their signatures differ', async () => {
    const { push, events, ended } = receiving()
    const tokens = await Promise.all(
      Array.from({ length: 50 }, (_, index) => signSet({ jti: 'same', txn: `${index}` })),
    )
    expect(new Set((await Promise.all(tokens.map((jwt) => push(jwt)))).map(({ status }) => status))).toEqual(
      new Set([202]),
    )
    expect([events.length, ended.length]).toEqual([1, 1])
  })

  test('SE-12: a retry with a new iat is the same event', async () => {
    const { push, events } = receiving()
    for (const iat of [clock.time - 5, clock.time]) await push(await signSet({ jti: 'same', iat }))
    expect(events).toHaveLength(1)
  })

  test('SE-12: the same jti with another type or from another transmitter is another event', async () => {
    const other = { issuer: stranger.issuer, audience: 'receiver', keys: stranger.jwks, subjectIssuers: [issuer] }
    const { push, events } = receiving({
      transmitters: [{ issuer, audience: 'receiver', keys: op.jwks }, other],
    })
    await push(await signSet({ jti: 'same' }))
    await push(await signSet({ jti: 'same', events: { [types.accountDisabled]: {} } }))
    await push(await signSet({ jti: 'same', iss: other.issuer }, { kid: stranger.key.kid }, stranger.key.privateKey))
    expect(events).toHaveLength(3)
  })

  test('SE-12: the record is written last, so an event that failed half-way is carried out again', async () => {
    let failures = 2
    const onEvent = vi.fn(() => {
      if ((failures -= 1) >= 0) throw new Error('no')
    })
    const { push, isLoggedOut, deliveries } = receiving({ onEvent })
    const jwt = await signSet()
    expect((await push(jwt)).status).toBe(503)
    expect(await isLoggedOut()).toBe(true)
    expect([(await push(jwt)).status, (await push(jwt)).status, (await push(jwt)).status]).toEqual([503, 202, 202])
    expect(onEvent).toHaveBeenCalledTimes(3)
    expect(deliveries.map(({ outcome }) => outcome)).toEqual(['failed', 'failed', 'handled', 'replayed'])
  })

  test('SE-12: the order is marker, listeners, record', async () => {
    const store = new SpyStore()
    const { push } = receiving({ store, onEvent: () => void store.added.push('onEvent') })
    await push(await signSet({ jti: 'order' }))
    const order = store.added.map((key) => (key === 'onEvent' ? key : (JSON.parse(key) as string[])[1]))
    expect(order).toEqual(['logout', 'key', 'onEvent', 'done'])
  })

  test('SE-12: the record is kept until the token is too old', async () => {
    const { push, events } = receiving({ core: { sessionMaxAge: 60 } })
    const iat = clock.time
    const jwt = await signSet({ iat })
    await push(jwt)
    clock.time += 7 * day
    try {
      expect((await push(jwt)).status).toBe(202)
      clock.time += 61
      expect((await push(jwt)).status).toBe(400)
    } finally {
      clock.time = iat
    }
    expect(events).toHaveLength(1)
  })

  test.each([
    ['refuses', () => Promise.reject(new Error('down'))],
    ['never answers', () => new Promise(() => {})],
  ])(
    'SE-12: if the store %s, the answer is 503, but the session has ended here. The retry completes the event',
    async (_, before) => {
      const store = new SpyStore()
      const receiver = receiving({ store, timeout: 1.2, core: { storeTimeout: 1 } })
      const { push, isLoggedOut, logout, events } = receiver
      const told = new Promise<void>((resolve) => void logout.watch(op.session(), resolve))
      store.before = before
      const jwt = await signSet()
      const { status, text, headers } = await push(jwt)
      expect([status, text, headers.get('retry-after')]).toEqual([503, '', '5'])
      // The marker counts on this instance before the store has it.
      expect(await isLoggedOut()).toBe(true)
      await told
      expect(await isLoggedOut()).toBe(true)
      expect(events).toEqual([])
      store.before = () => {}
      await vi.waitFor(async () => expect((await push(jwt)).status).toBe(202), 10_000)
      expect(await isLoggedOut()).toBe(true)
      expect(events).toHaveLength(1)
      await receiver.receiver.close()
    },
  )

  test.each<[string, object]>([
    ['resolveSubject', { resolveSubject: () => Promise.reject(new Error('down')) }],
    ['endsSessions', { endsSessions: () => expect.fail('down') }],
    ['onEvent', { onEvent: () => new Promise(() => {}), timeout: 0.05 }],
    ['the issuer function', { core: { issuers: () => Promise.reject(new Error('down')) } }],
  ])('a failure of %s is an outage', async (_, options) => {
    const { push } = receiving(options)
    expect((await push(await signSet())).status).toBe(503)
  })

  test.each([
    ['resolveSubject', 2, {}],
    ['endsSessions', 2, {}],
    ['onEvent', 2, {}],
    ['onEvent', 7, { listenerTimeout: 7 }],
  ])(
    'SE-12: if %s hangs, the event fails after %d seconds, and a retry is carried out',
    async (name, seconds, options) => {
      const asked = Promise.withResolvers<void>()
      const hanging = vi.fn((): unknown => undefined)
      hanging.mockImplementationOnce(() => {
        asked.resolve()
        return new Promise(() => {})
      })
      const { push, deliveries, isLoggedOut } = receiving({ [name]: hanging, ...options })
      const jwt = await signSet()
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
      try {
        const first = push(jwt)
        await asked.promise
        await new Promise(setImmediate)
        await vi.advanceTimersByTimeAsync(seconds * 1000 - 1)
        expect(deliveries).toEqual([])
        await vi.advanceTimersByTimeAsync(1)
        expect((await first).status).toBe(503)
        expect((await push(jwt)).status).toBe(202)
      } finally {
        vi.useRealTimers()
      }
      expect(deliveries).toMatchObject([
        { outcome: 'failed', error: { message: 'the event failed', cause: { message: `took over ${seconds} s` } } },
        { outcome: 'handled' },
      ])
      expect(hanging).toHaveBeenCalledTimes(2)
      expect(await isLoggedOut()).toBe(true)
    },
  )
})

describe('options', () => {
  const logout = createBackchannelLogout({ issuers: [op.trusted], sessionMaxAge: 60, store: new MemoryStore() })
  const right = { issuer, audience: 'receiver' }
  test.each<[string, object, string]>([
    ['unknown', { onEvents: () => {} }, 'onEvents is not an option. Did you mean onEvent?'],
    ['logout', { logout: {} }, 'logout must be from createBackchannelLogout'],
    ['no transmitter', { transmitters: [] }, 'transmitters must be a list, got []'],
    ['time-out', { timeout: 0 }, 'timeout must be seconds above 0, got 0'],
    [
      'an unknown option of a transmitter',
      { transmitters: [{ ...right, audiences: 'x' }] },
      'transmitters[0].audiences is not an option. Did you mean audience?',
    ],
    [
      'audience',
      { transmitters: [{ issuer }] },
      'transmitters[0].audience must be a string or a list of strings, or a function, got undefined',
    ],
    [
      'a wrong secret, which is not shown',
      { transmitters: [{ ...right, pushAuthorization: 12_345 }] },
      'transmitters[0].pushAuthorization must be a non-empty string',
    ],
    ['HS256', { transmitters: [{ ...right, algorithms: ['HS256'] }] }, 'transmitters[0].algorithms must not have HS*'],
    [
      'metadata over http',
      { transmitters: [{ ...right, metadata: new URL('http://op.example.com/x') }] },
      'transmitters[0].metadata must be https, got "http://op.example.com/x"',
    ],
    ['one issuer twice', { transmitters: [right, right] }, 'transmitters must have different issuers'],
  ])('%s: TypeError', (_, options, message) => {
    const create = () => createSecurityEventReceiver({ logout, transmitters: [right], ...options } as never)
    expect(create).toThrow(new TypeError(message))
  })

  test('an issuer over http to another machine', () => {
    const transmitters = [{ issuer: 'http://op.example.com', audience: 'x' }]
    expect(() => createSecurityEventReceiver({ logout, transmitters })).toThrow(
      /^transmitters\[0\]\.issuer must be https/,
    )
    expect(() => createSecurityEventReceiver({ logout, transmitters, allowInsecureRequests: true })).not.toThrow()
  })
})
