import {
  BACKCHANNEL_LOGOUT_EVENT,
  MemoryStore,
  verifyLogoutToken,
  type LogoutRequest,
  type SessionClaims,
} from '@bcl/core'
import { createTestIssuer } from '@bcl/testing'
import * as fc from 'fast-check'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { describe, expect, test } from 'vitest'
import { create, createClock, SpyStore } from './support.js'

const part = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
const accepts = (token: string, issuers: Parameters<typeof verifyLogoutToken>[1]) =>
  verifyLogoutToken(token, issuers).then(
    () => true,
    () => false,
  )

describe.each(['RS256', 'ES256', 'EdDSA'])('RP-13: any change of a good %s token is refused', async (alg) => {
  const op = await createTestIssuer({ alg })
  const token = await op.logoutToken()
  const [header, payload, signature] = token.split('.') as [string, string, string]
  const bytes = Buffer.from(signature, 'base64url')

  test('of a bit of the signature', async () => {
    expect(await accepts(token, [op.trusted])).toBe(true)
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length * 8 - 1), async (bit) => {
        const changed = Buffer.from(bytes)
        changed[bit >> 3]! ^= 1 << (bit & 7)
        expect(await accepts(`${header}.${payload}.${changed.toString('base64url')}`, [op.trusted])).toBe(false)
      }),
    )
  })

  test('of a claim, or a header parameter', async () => {
    const claims = decodeJwt(token) as Record<string, unknown>
    const parameters = decodeProtectedHeader(token) as Record<string, unknown>
    const name = fc.oneof(
      fc.constantFrom(...Object.keys(claims), ...Object.keys(parameters), 'crit', 'b64', 'jwk'),
      fc.string(),
    )
    await fc.assert(
      fc.asyncProperty(fc.boolean(), name, fc.jsonValue(), async (inHeader, member, value) => {
        const old = inHeader ? parameters : claims
        fc.pre(JSON.stringify({ ...old, [member]: value }) !== JSON.stringify(old))
        const changed = part({ ...old, [member]: value })
        expect(
          await accepts(inHeader ? `${changed}.${payload}.${signature}` : `${header}.${changed}.${signature}`, [
            op.trusted,
          ]),
        ).toBe(false)
      }),
    )
  })

  test('RP-10a: of a character anywhere', async () => {
    const twin = alg === 'ES256'
    await fc.assert(
      fc.asyncProperty(fc.nat(token.length - 1), fc.constantFrom(...'AZaz09-_=. \n+/é'), async (index, char) => {
        fc.pre(token[index] !== char)
        expect(await accepts(token.slice(0, index) + char + token.slice(index + 1), [op.trusted])).toBe(false)
      }),
      { numRuns: twin ? 200 : 100 },
    )
  })
})

describe('RP-3, RP-40 to RP-44: any request gets an answer', async () => {
  const op = await createTestIssuer({ alg: 'ES256' })
  const logout = create(op)
  const token = await op.logoutToken()
  const text = fc.oneof(
    fc.string(),
    fc.constant(`logout_token=${token}`),
    fc.webQueryParameters(),
    fc.string().map((value) => `logout_token=${value}`),
  )
  const body: fc.Arbitrary<unknown> = fc.oneof(
    text,
    fc.uint8Array(),
    fc.object(),
    fc.constant(null),
    fc.anything(),
    fc.dictionary(fc.constantFrom('logout_token', 'logout_token[]', 'x'), fc.anything()),
  )
  const contentType = fc.oneof(fc.constant('application/x-www-form-urlencoded'), fc.string(), fc.constant(null))
  const method = fc.oneof(fc.constant('POST'), fc.constantFrom('GET', 'post', 'PUT'), fc.string())

  test('of 200, 400, 405 or 413, never a throw', async () => {
    await fc.assert(
      fc.asyncProperty(method, contentType, body, async (...[m, c, b]) => {
        const answer = await logout.respond({ method: m, contentType: c, body: b as LogoutRequest['body'] })
        expect([200, 400, 405, 413]).toContain(answer.status)
        expect(answer.headers['cache-control']).toBe('no-store')
      }),
      { numRuns: 3000 },
    )
  })

  test('also to a token of any claims that is signed', async () => {
    const claims = {
      iss: op.issuer,
      aud: op.clientId,
      iat: op.now(),
      exp: op.now() + 60,
      jti: 'j',
      sub: 's',
      events: { [BACKCHANNEL_LOGOUT_EVENT]: {} },
    }
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(
          fc.constantFrom(...Object.keys(claims), 'sid', 'nbf', 'azp', 'nonce', '__proto__'),
          fc.jsonValue(),
        ),
        async (changes) => {
          const signed = await op.sign({ ...claims, ...changes }, { alg: 'ES256', kid: op.key.kid })
          const answer = await logout.respond({
            method: 'POST',
            contentType: 'application/x-www-form-urlencoded',
            body: `logout_token=${signed}`,
          })
          expect([200, 400]).toContain(answer.status)
          expect(answer.body).not.toContain('temporarily')
        },
      ),
      { numRuns: 1000 },
    )
  })
})

test('RP-19: no two of (issuer, client, jti, sub, sid) share a store key, and keys are printable ASCII', async () => {
  const op = await createTestIssuer({ alg: 'ES256' })
  const name = fc.oneof(
    fc.string({ minLength: 1, unit: 'binary' }),
    fc.constantFrom('","', '"', '\\', '\\"', '[', 'sid', '\ud800', 'é', '\\u00e9', ' ', '\u007f'),
  )
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.tuple(name, fc.option(name, { nil: undefined })), {
        minLength: 2,
        maxLength: 4,
        selector: (tuple) => JSON.stringify(tuple),
      }),
      async (tuples) => {
        const store = new SpyStore()
        const logout = create(op, { store })
        const seen = new Map<string, string>()
        for (const [sub, sid] of tuples) {
          const before = new Set(store.entries.keys())
          await logout.receive(await op.logoutToken({ sub, sid, jti: 'same', iat: op.now() }))
          for (const key of store.entries.keys()) {
            expect(key).toMatch(/^[\x20-\x7e]+$/)
            if (!before.has(key)) seen.set(key, JSON.stringify([sub, sid]))
          }
        }
        // One "done" entry for each: the tuples are all different.
        expect([...store.entries.keys()].filter((key) => key.includes('"done"')).length).toBe(tuples.length)
      },
    ),
    { numRuns: 200 },
  )
})

describe('RP-32: the rule, against a model', async () => {
  const secret = 'a secret that only this test knows of'
  const op = await createTestIssuer({ alg: 'ES256' })
  const issuers = ['test-client', 'other-client'].map((clientId) => ({
    issuer: op.issuer,
    clientId,
    algorithms: ['HS256'],
    clientSecret: secret,
  }))
  const maxAge = 40
  const clients = fc.constantFrom('test-client', 'other-client')
  const sub = fc.constantFrom('alice', 'bob')
  const sid = fc.option(fc.constantFrom('s1', 's2'), { nil: undefined })
  const step = fc.oneof(
    fc.record({ kind: fc.constant('login' as const), sub, sid, clientId: fc.option(clients, { nil: undefined }) }),
    fc.record({
      kind: fc.constant('logout' as const),
      sub: fc.option(sub, { nil: undefined }),
      sid,
      aud: clients,
      late: fc.nat(20),
      instance: fc.nat(1),
    }),
    fc.record({ kind: fc.constant('replay' as const), which: fc.nat(9), instance: fc.nat(1) }),
    fc.record({ kind: fc.constant('wait' as const), seconds: fc.nat(12) }),
  )

  test('never a session alive that a 200 covers, never one dead that no logout covers and no age ends', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const clock = createClock(Math.floor(Date.now() / 1000))
        const store = new MemoryStore({ now: clock.now })
        const instances = [0, 1].map(() => create(op, { store, issuers, sessionMaxAge: maxAge, now: clock.now }))
        const sessions: SessionClaims[] = []
        const logouts: { sub: string | undefined; sid: string | undefined; aud: string; iat: number }[] = []
        const sent: string[] = []
        for (const action of steps) {
          if (action.kind === 'wait') clock.time += action.seconds
          if (action.kind === 'login') {
            const { sub: name, sid: session, clientId } = action
            sessions.push({ iss: op.issuer, sub: name, sid: session, iat: clock.time, clientId })
          }
          if (action.kind === 'logout' && (action.sub !== undefined || action.sid !== undefined)) {
            const { aud, late } = action
            const logout = { sub: action.sub, sid: action.sid, aud, iat: clock.time - late }
            const claims = {
              iss: op.issuer,
              jti: String(sent.length),
              exp: clock.time + 30,
              events: { [BACKCHANNEL_LOGOUT_EVENT]: {} },
              ...logout,
            }
            const token = await op.sign(claims, { alg: 'HS256' }, new TextEncoder().encode(secret))
            await instances[action.instance]!.receive(token)
            sent.push(token)
            logouts.push(logout)
          }
          if (action.kind === 'replay' && sent[action.which])
            await instances[action.instance]!.receive(sent[action.which]!).catch(() => {})
          for (const session of sessions) {
            const covered = logouts.some(
              (logout) =>
                logout.iat >= session.iat &&
                (session.clientId === undefined || session.clientId === logout.aud) &&
                (logout.sid === undefined
                  ? logout.sub === session.sub
                  : session.sid === undefined
                    ? logout.sub === session.sub
                    : logout.sid === session.sid),
            )
            const expected = covered || clock.time - session.iat > maxAge
            for (const instance of instances) expect(await instance.isLoggedOut(session)).toBe(expected)
          }
        }
      }),
      { numRuns: 150 },
    )
  })
})
