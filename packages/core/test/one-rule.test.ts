import { type SessionClaims } from '@bcl/core'
import { describe, expect, test, vi } from 'vitest'
import { create, createClock, sharedIssuer, SpyStore } from './support.js'

const clock = createClock()
const op = await sharedIssuer(clock)
const now = clock.time

/** Sends Logout Tokens with these claims. Then returns for each session whether it has ended. */
async function after(tokens: object[], sessions: Partial<SessionClaims>[], settings: object = {}): Promise<boolean[]> {
  const logout = create(op, {
    issuers: [
      { ...op.trusted, ...settings },
      { ...op.trusted, ...settings, clientId: 'second-client' },
    ],
  })
  for (const claims of tokens) await logout.receive(await op.logoutToken(claims))
  return Promise.all(sessions.map((session) => logout.isLoggedOut(op.session(session))))
}

const noSid = { sid: undefined }

describe('RP-30: the sessions that a logout ends', () => {
  test('with sid, ends that session and the sessions of the subject without a known sid', async () => {
    const sessions = [{}, { sid: 'session-2' }, noSid, { sid: null }, { sid: '' }, { ...noSid, sub: 'bob' }]
    expect(await after([{}], sessions)).toEqual([true, false, true, true, true, false])
  })

  test('with only a sid, ends only that session', async () => {
    expect(await after([{ sub: undefined }], [{}, { sid: 'session-2' }, noSid])).toEqual([true, false, false])
  })

  test('without sid, ends every session of the subject', async () => {
    expect(await after([noSid], [{}, { sid: 'session-2' }, noSid, { sub: 'bob' }])).toEqual([true, true, true, false])
  })

  test('with logoutScope "subject", ends all sessions of the subject', async () => {
    const sessions = [{}, { sid: 'session-2' }, noSid, { sub: 'bob' }, { sub: 'bob', sid: 'session-2' }]
    expect(await after([{}], sessions, { logoutScope: 'subject' })).toEqual([true, true, true, true, false])
    expect(await after([{ sub: undefined }], sessions, { logoutScope: 'subject' })).toEqual([
      true,
      false,
      false,
      true,
      false,
    ])
  })

  test('RP-33: if the sid matches, the session ends even with another sub', async () => {
    expect(await after([{ sub: 'pairwise' }], [{}, noSid])).toEqual([true, false])
  })

  test('RP-25, RP-31: the logout of an unknown session succeeds', async () => {
    expect(await after([{ sid: 'never', sub: 'nobody' }], [{}])).toEqual([false])
  })

  test('a logout of a client ends sessions with this clientId and sessions without a clientId', async () => {
    const sessions = [{ clientId: 'test-client' }, { clientId: 'second-client' }, {}]
    expect(await after([{ aud: 'second-client' }], sessions)).toEqual([false, true, true])
    expect(await after([{ aud: 'second-client' }, {}], sessions)).toEqual([true, true, true])
  })
})

describe('RP-19: sid is opaque', () => {
  const names = [
    'a b',
    '"a"',
    'a\\b',
    'a|b',
    'a:b',
    'a%20b',
    'a,b',
    '[a]',
    '\\u0061',
    'é',
    '😀',
    '\ud800',
    'a\u0000b',
    'session-1 ',
    'SESSION-1',
  ]
  test.each(names)('%j', async (name) => {
    expect(await after([{ sid: name, sub: undefined }], [{ sid: name }, {}])).toEqual([true, false])
    expect(await after([{ sub: name, sid: undefined }], [{ sub: name }, {}])).toEqual([true, false])
  })

  test('equal sub and sid values do not match each other', async () => {
    expect(await after([{ sid: 'alice', sub: undefined }], [noSid, { sid: 'alice' }])).toEqual([false, true])
    expect(await after([{ sub: 'session-1', sid: undefined }], [{}, { sub: 'session-1' }])).toEqual([false, true])
  })
})

describe('RP-32: a logout ends sessions that began in the same second or earlier', () => {
  test('a session in the same second is logged out, and a session one second later is alive', async () => {
    const sessions = [{ iat: now - 11 }, { iat: now - 10 }, { iat: now - 9 }]
    expect(await after([{ iat: now - 10 }], sessions)).toEqual([true, true, false])
  })

  test('RP-17a: a fraction of iat is ignored in sessions', async () => {
    const sessions = [{ iat: now - 10.1 }, { iat: now - 9.1 }, { iat: now - 9 }]
    expect(await after([{ iat: now - 10 }], sessions)).toEqual([true, true, false])
    const logout = create(op)
    const listeners = sessions.map((session) => {
      const listener = vi.fn()
      logout.watch(op.session(session), listener)
      return listener
    })
    await logout.receive(await op.logoutToken({ iat: now - 10 }))
    expect(listeners.map(({ mock }) => mock.calls.length)).toEqual([1, 1, 0])
    const tracked = sessions.map((session, index) => logout.trackSession(op.session(session), `local-${index}`))
    expect(await Promise.all(tracked)).toEqual([false, false, true])
    await logout.close()
  })

  test('RP-17a: a fraction of iat is ignored in tokens', async () => {
    const sessions = [{ iat: now - 10 }, { iat: now - 9.5 }, { iat: now - 9 }]
    expect(await after([{ iat: now - 9.1 }], sessions)).toEqual([true, true, false])
    expect((await create(op).receive(await op.logoutToken({ iat: now - 9.1 }))).iat).toBe(now - 10)
  })

  test('RP-17a: a tracked session whose iat has a fraction can be destroyed and untracked', async () => {
    const store = new SpyStore()
    const destroyed: string[] = []
    const logout = create(op, { store, destroySession: (id) => destroyed.push(id) })
    const session = op.session({ iat: now - 9.1 })
    await logout.trackSession(session, 'gone')
    await logout.trackSession(session, 'ended')
    await logout.untrackSession(session, 'gone')
    await logout.receive(await op.logoutToken({ iat: now - 10 }))
    expect(destroyed).toEqual(['ended'])
    const left = [...store.entries].filter(([key]) => key.includes('"session"')).flatMap(([, values]) => [...values])
    expect(left).toEqual([])
  })

  test('RP-17a: the clock tolerance also ignores a fraction', async () => {
    const strict = create(op, { issuers: [{ ...op.trusted, clockTolerance: 0 }] })
    expect(await strict.isLoggedOut(op.session({ iat: now + 0.9 }))).toBe(false)
    await expect(strict.isLoggedOut(op.session({ iat: now + 1 }))).rejects.toThrow(TypeError)
    expect((await strict.receive(await op.logoutToken({ iat: now + 0.9 }))).iat).toBe(now)
  })

  test('a late logout does not end a newer session', async () => {
    expect(await after([{ iat: now - 10 }, { iat: now - 30 }], [{ iat: now - 10 }, { iat: now - 9 }])).toEqual([
      true,
      false,
    ])
  })

  test('T-6: after a new sign-in, the old session is still refused', async () => {
    const logout = create(op)
    await logout.receive(await op.logoutToken({ iat: now - 10 }))
    expect(await logout.trackSession(op.session({ iat: now - 5 }), 'new')).toBe(true)
    expect(await logout.isLoggedOut(op.session({ iat: now - 5 }))).toBe(false)
    expect(await logout.isLoggedOut(op.session({ iat: now - 60 }))).toBe(true)
  })

  test('T-17: a logout and a new sign-in in one second: without sid the new session ends, with sid it stays alive', async () => {
    const newSession = { sid: 'session-2', iat: now }
    expect(await after([{ sid: undefined, iat: now }], [newSession])).toEqual([true])
    expect(await after([{ sid: 'session-1', iat: now }], [newSession])).toEqual([false])
  })

  test('T-14: iatSkew is added to the date of a logout', async () => {
    const sessions = [{ iat: now - 9 }, { iat: now - 8 }]
    expect(await after([{ iat: now - 10 }], sessions)).toEqual([false, false])
    expect(await after([{ iat: now - 10 }], sessions, { iatSkew: 1 })).toEqual([true, false])
  })
})

describe('RP-36: a session has an absolute end', () => {
  test('a session ends sessionMaxAge after its first ID Token, and not earlier', async () => {
    const sessions = [{ iat: now - 3600 }, { iat: now - 3601 }, { iat: now - 3600.1 }, { iat: now - 3599.1 }]
    expect(await after([], sessions)).toEqual([false, true, true, false])
  })

  test('a session that was logged out never works again, even at a very late check', async () => {
    const moving = createClock(Math.floor(Date.now() / 1000))
    const provider = { ...op, now: moving.now }
    const logout = create(provider)
    const session = { ...op.session(), iat: moving.time }
    await logout.receive(await op.logoutToken({ iat: moving.time, exp: moving.time + 120 }))
    for (const age of [0, 1, 3599, 3600, 3601, 3899, 3901, 86_400]) {
      moving.time = session.iat + age
      expect(await logout.isLoggedOut(session)).toBe(true)
    }
  })
})
