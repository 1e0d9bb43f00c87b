import { BACKCHANNEL_LOGOUT_EVENT, isLogoutToken, sessionClaims } from '@bcl/core'
import { describe, expect, test } from 'vitest'
import { create, createClock, sharedIssuer } from './support.js'

const clock = createClock()
const op = await sharedIssuer(clock)
const idToken = {
  iss: op.issuer,
  sub: 'alice',
  aud: 'test-client',
  iat: clock.time,
  exp: clock.time + 300,
  sid: 'session-1',
  nonce: 'n',
}
const events = { [BACKCHANNEL_LOGOUT_EVENT]: {} }

describe('sessionClaims', () => {
  test('returns exactly the claims that a session needs', () => {
    expect(sessionClaims(idToken)).toEqual({ iss: op.issuer, sub: 'alice', sid: 'session-1', iat: clock.time })
  })

  test('RP-17a: returns iat in whole seconds', () => {
    expect(sessionClaims({ ...idToken, iat: clock.time + 0.9 }).iat).toBe(clock.time)
  })

  test.each([undefined, null, ''])('RP-37: treats sid %o as unknown', (sid) => {
    expect(sessionClaims({ ...idToken, sid })).toEqual({ iss: op.issuer, sub: 'alice', iat: clock.time })
  })

  test.each<[string, unknown]>([
    ['null', null],
    ['a list', [idToken]],
    ['text', 'alice'],
    ['no iss', { ...idToken, iss: undefined }],
    ['an empty iss', { ...idToken, iss: '' }],
    ['no sub', { ...idToken, sub: undefined }],
    ['sub as a number', { ...idToken, sub: 1 }],
    ['sid as a number', { ...idToken, sid: 1 }],
    ['no iat', { ...idToken, iat: undefined }],
    ['iat as text', { ...idToken, iat: '1' }],
    ['iat not finite', { ...idToken, iat: Infinity }],
    ['iat NaN', { ...idToken, iat: NaN }],
    ['a Logout Token', { ...idToken, events }],
    ['a token with any events', { ...idToken, events: {} }],
    ['a Logout Token by its typ (Rauthy)', { ...idToken, typ: 'logout+jwt' }],
  ])('T-10, RP-37: refuses %s', (_, claims) => {
    expect(() => sessionClaims(claims as object)).toThrow(TypeError)
    expect(() => sessionClaims(claims as object)).toThrow(/^(?:session\.|idTokenClaims )/)
  })
})

describe('isLogoutToken', () => {
  test('T-10: recognises a Logout Token by its header or its payload', async () => {
    expect(isLogoutToken(await op.logoutToken())).toBe(true)
    expect(isLogoutToken(await op.logoutToken({}, { typ: 'JWT' }))).toBe(true)
    expect(isLogoutToken(await op.logoutToken({ events: undefined }, { typ: 'application/LOGOUT+JWT' }))).toBe(true)
    expect(isLogoutToken(await op.logoutToken({ events: undefined }, { typ: 'JWT' }))).toBe(false)
    expect(isLogoutToken({ ...idToken, events })).toBe(true)
    expect(isLogoutToken({ events: { [BACKCHANNEL_LOGOUT_EVENT]: null } })).toBe(true)
    expect(isLogoutToken(idToken)).toBe(false)
  })

  test.each(['', '.', '..', 'a.b.c', 'null', 'e30', 'e30.e30.', 'bnVsbA.bnVsbA.'])('returns false for %o', (text) => {
    expect(isLogoutToken(text)).toBe(false)
  })

  test.each([null, [], undefined, 7, { typ: { toString: '' } }, { typ: 7, events: 7 }])(
    'returns false for %o',
    (value) => {
      expect(isLogoutToken(value as unknown as object)).toBe(false)
    },
  )
})

describe('RP-37: a wrong session is an error, never "not logged out"', () => {
  const logout = create(op)
  const good = op.session()

  const text = 'must be a non-empty string'
  const date = 'must be seconds, not milliseconds, and not in the future'
  test.each<[string, object | null | undefined, message: string]>([
    ['undefined', undefined, `session.iss ${text}, got undefined`],
    ['null', null, `session.iss ${text}, got undefined`],
    ['no iss', { ...good, iss: undefined }, `session.iss ${text}, got undefined`],
    [
      'an issuer that is not configured',
      { ...good, iss: `${op.issuer}/` },
      `session.iss is not trusted, got "${op.issuer}/"`,
    ],
    ['an empty sub', { ...good, sub: '' }, `session.sub ${text}`],
    ['no sub', { ...good, sub: undefined }, `session.sub ${text}`],
    ['sub as a number, which is not shown', { ...good, sub: 4711 }, `session.sub ${text}`],
    ['sid as a number, which is not shown', { ...good, sid: 4711 }, 'session.sid must be a string'],
    ['sid 0', { ...good, sid: 0 }, 'session.sid must be a string'],
    ['sid false', { ...good, sid: false }, 'session.sid must be a string'],
    ['no iat', { ...good, iat: undefined }, `session.iat ${date}, got undefined`],
    ['iat in milliseconds', { ...good, iat: clock.time * 1000 }, `session.iat ${date}, got 1800000000000`],
    ['iat 61 s ahead', { ...good, iat: clock.time + 61 }, `session.iat ${date}, got 1800000061`],
    ['iat not finite', { ...good, iat: -Infinity }, `session.iat ${date}, got -Infinity`],
    ['an empty clientId', { ...good, clientId: '' }, `session.clientId ${text}, got ""`],
    [
      'a clientId that is not configured',
      { ...good, clientId: 'other' },
      'session.clientId is not trusted, got "other"',
    ],
  ])('%s', async (_, value, message) => {
    const session = value as typeof good
    const refused = async (work: () => unknown): Promise<void> => {
      const error: unknown = await Promise.resolve()
        .then(work)
        .catch((reason: unknown) => reason)
      expect(error).toEqual(new TypeError(message))
    }
    await refused(() => logout.isLoggedOut(session))
    await refused(() => logout.trackSession(session, 'id'))
    await refused(() => logout.watch(session, () => {}))
  })

  test('an iat that is ahead by less than the tolerance is accepted', async () => {
    expect(await logout.isLoggedOut({ ...good, iat: clock.time + 60 })).toBe(false)
  })

  test('an empty sessionId is an error', async () => {
    await expect(logout.trackSession(good, '')).rejects.toThrow(new TypeError('sessionId must be a non-empty string'))
    await expect(logout.trackSession(good, 4711 as unknown as string)).rejects.toThrow(
      new TypeError('sessionId must be a non-empty string'),
    )
  })
})
