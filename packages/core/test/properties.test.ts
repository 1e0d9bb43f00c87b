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

  test('a change of one bit of the signature', async () => {
    expect(await accepts(token, [op.trusted])).toBe(true)
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length * 8 - 1), async (bit) => {
        const changed = Buffer.from(bytes)
        changed[bit >> 3]! ^= 1 << (bit & 7)
        expect(await accepts(`${header}.${payload}.${changed.toString('base64url')}`, [op.trusted])).toBe(false)
      }),
    )
  })

  test('a change of a claim or a header parameter', async () => {
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

  test('RP-10a: a change of any character', async () => {
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

  test('the status is 200, 400, 405 or 413, and nothing is thrown', async () => {
    await fc.assert(
      fc.asyncProperty(method, contentType, body, async (...[m, c, b]) => {
        const answer = await logout.respond({ method: m, contentType: c, body: b as LogoutRequest['body'] })
        expect([200, 400, 405, 413]).toContain(answer.status)
        expect(answer.headers['cache-control']).toBe('no-store')
      }),
      { numRuns: 3000 },
    )
  })

  test('the status is 200 or 400 for a signed token with any claims', async () => {
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
          // A claim that cannot become text is still a JSON object.
          fc.oneof({ weight: 4, arbitrary: fc.jsonValue() }, fc.constantFrom({ toString: '' }, [{ toString: 0 }])),
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

test('RP-19: different tuples of (issuer, client, jti, sub, sid) have different store keys, and keys are printable ASCII', async () => {
  const op = await createTestIssuer({ alg: 'ES256' })
  const secret = 'a secret that only this test knows of'
  const name = fc.oneof(
    fc.string({ minLength: 1, unit: 'binary' }),
    fc.constantFrom('","', '"', '\\', '\\"', '[', 'sid', 'sub', '\ud800', 'é', '\\u00e9', ' ', '\u007f', 'null'),
  )
  const logout = fc.record({ iss: name, aud: name, jti: name, sub: name, sid: fc.option(name, { nil: undefined }) })
  await fc.assert(
    fc.asyncProperty(fc.array(logout, { minLength: 2, maxLength: 5 }), async (logouts) => {
      const store = new SpyStore()
      const receiver = create(op, {
        store,
        issuers: (issuer) =>
          [...new Set(logouts.map(({ aud }) => aud))].map((clientId) => ({
            issuer,
            clientId,
            algorithms: ['HS256'],
            clientSecret: secret,
          })),
      })
      const tuples = new Set<string>()
      for (const { iss, aud, jti, sub, sid } of logouts) {
        const claims = { iss, aud, jti, sub, sid, iat: op.now(), exp: op.now() + 60 }
        const events = { [BACKCHANNEL_LOGOUT_EVENT]: {} }
        const token = await op.sign({ ...claims, events }, { alg: 'HS256' }, new TextEncoder().encode(secret))
        await receiver.receive(token)
        if (sid !== undefined) tuples.add(JSON.stringify(['logout', 'sid', iss, sid]))
        tuples.add(JSON.stringify(['logout', sid === undefined ? 'sub' : 'nosid', iss, sub]))
        tuples.add(JSON.stringify(['done', iss, aud, jti, sub, sid]))
      }
      const keys = [...store.entries.keys()]
      expect(keys.length).toBe(tuples.size)
      for (const key of [...keys, ...[...store.entries.values()].flatMap((values) => [...values.keys()])])
        expect(key).toMatch(/^[\x20-\x7e]+$/)
    }),
    { numRuns: 300 },
  )
})

describe('RP-32: the rule gives the same results as a model', async () => {
  const secret = 'a secret that only this test knows of'
  const op = await createTestIssuer({ alg: 'ES256' })
  const names = ['test-client', 'other-client']
  const issuers = names.map((clientId) => ({
    issuer: op.issuer,
    clientId,
    algorithms: ['HS256'],
    clientSecret: secret,
    trustedAudiences: names,
  }))
  const maxAge = 40
  const clients = fc.constantFrom(...names)
  const fraction = fc.constantFrom(0, 0.1, 0.9)
  const sub = fc.constantFrom('alice', 'bob')
  const sid = fc.option(fc.constantFrom('s1', 's2'), { nil: undefined })
  const instance = fc.nat(1)
  const step = fc.oneof(
    fc.record({
      kind: fc.constant('login' as const),
      sub,
      sid,
      clientId: fc.option(clients, { nil: undefined }),
      fraction,
      instance,
    }),
    fc.record({ kind: fc.constant('refresh' as const), which: fc.nat(9) }),
    fc.record({
      kind: fc.constant('logout' as const),
      sub: fc.option(sub, { nil: undefined }),
      sid,
      aud: fc.subarray(names, { minLength: 1 }),
      late: fc.nat(20),
      fraction,
      instance,
    }),
    fc.record({ kind: fc.constant('replay' as const), which: fc.nat(9), instance }),
    // A pause of 400 s is long enough for all stored entries to expire.
    fc.record({
      kind: fc.constant('wait' as const),
      seconds: fc.oneof({ weight: 9, arbitrary: fc.nat(12) }, fc.constant(400)),
    }),
  )
  interface Logout {
    sub: string | undefined
    sid: string | undefined
    aud: string[]
    iat: number
  }
  const isCovered = (session: SessionClaims, logout: Logout): boolean =>
    Math.floor(logout.iat) >= Math.floor(session.iat) &&
    (session.clientId === undefined || logout.aud.includes(session.clientId)) &&
    (logout.sid === undefined
      ? logout.sub === session.sub
      : session.sid === undefined
        ? logout.sub === session.sub
        : logout.sid === session.sid)

  test('a session has ended exactly if it is too old or an accepted logout covers it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const clock = createClock(Math.floor(Date.now() / 1000))
        const store = new MemoryStore({ now: clock.now })
        const destroyed = new Set<string>()
        const destroySession = (id: string) => destroyed.add(id)
        const instances = [0, 1].map(() =>
          create(op, { store, issuers, sessionMaxAge: maxAge, now: clock.now, destroySession }),
        )
        const sessions: SessionClaims[] = []
        const tracked = new Map<string, SessionClaims>()
        const logouts: Logout[] = []
        const sent: string[] = []
        const isOver = (session: SessionClaims): boolean =>
          logouts.some((logout) => isCovered(session, logout)) || clock.time - Math.floor(session.iat) > maxAge
        for (const action of steps) {
          if (action.kind === 'wait') clock.time += action.seconds
          if (action.kind === 'login') {
            const { sub: name, sid: known, clientId } = action
            const session = { iss: op.issuer, sub: name, sid: known, iat: clock.time + action.fraction, clientId }
            const id = `local-${sessions.length}`
            const isNew = await instances[action.instance]!.trackSession(session, id)
            // A logout of the same second may have arrived before the sign-in.
            expect(isNew).toBe(!isOver(session))
            sessions.push(session)
            if (isNew) tracked.set(id, session)
          }
          // A renewed cookie keeps the claims of the session.
          if (action.kind === 'refresh' && sessions[action.which])
            sessions.push(JSON.parse(JSON.stringify(sessions[action.which])) as SessionClaims)
          if (action.kind === 'logout' && (action.sub !== undefined || action.sid !== undefined)) {
            const { aud, late } = action
            const logout = { sub: action.sub, sid: action.sid, aud, iat: clock.time - late + action.fraction }
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
          for (const session of sessions)
            for (const one of instances) expect(await one.isLoggedOut(session)).toBe(isOver(session))
          for (const [id, session] of tracked) {
            const isMeant = logouts.some((logout) => isCovered(session, logout))
            // A session that is too old is no longer stored. So a later logout need not destroy it.
            if (clock.time - Math.floor(session.iat) <= maxAge || !isMeant) expect(destroyed.has(id)).toBe(isMeant)
          }
        }
      }),
      { numRuns: 150 },
    )
  })
})
