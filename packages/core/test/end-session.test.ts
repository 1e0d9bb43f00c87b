import {
  createBackchannelLogout,
  MemoryStore,
  type LogoutEvent,
  type SessionClaims,
  type TrustedIssuer,
} from '@bcl/core'
import { createTestIssuer } from '@bcl/testing'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { create, createClock, deferred, refusal, SpyStore } from './support.js'

const op = await createTestIssuer()
const clock = createClock(op.now())
const start = clock.time

const session = (claims: Partial<SessionClaims> = {}): SessionClaims => ({
  iss: op.issuer,
  sub: 'alice',
  sid: 'laptop',
  iat: start - 60,
  ...claims,
})

/** A receiver. `isOut` tells whether it reports a session as logged out. */
function receiver(options: Parameters<typeof create>[1] = {}) {
  const store = new SpyStore()
  const logout = create(op, { now: clock.now, store, ...options })
  const isOut = (claims: Partial<SessionClaims> = {}) => logout.isLoggedOut(session(claims))
  return { logout, store, isOut }
}

/** A pattern for messages that start with this text. */
const startWith = (words: string): RegExp => new RegExp(`^${words}`)

describe('RP-30a: endSession', () => {
  test('ends this session, and copies of it, on every instance', async () => {
    const store = new SpyStore()
    const [here, there] = [receiver({ store }), receiver({ store })]
    await here.logout.endSession(session())
    expect([await here.isOut(), await there.isOut()]).toEqual([true, true])
  })

  test('ends no other session, with or without a known sid', async () => {
    const { logout, isOut } = receiver()
    await logout.endSession(session())
    expect(await isOut({ sid: 'phone' })).toBe(false)
    expect(await isOut({ sid: undefined })).toBe(false)
    expect(await isOut({ sub: 'bob', sid: 'tablet' })).toBe(false)
  })

  test('without a known sid, ends all sessions of the subject without a known sid, except later sessions', async () => {
    const { logout, isOut } = receiver()
    await logout.endSession(session({ sid: null }))
    expect(await isOut({ sid: '' })).toBe(true)
    expect(await isOut({ sid: undefined, iat: start - 61 })).toBe(true)
    expect(await isOut({ sid: undefined, iat: start - 59 })).toBe(false)
    expect(await isOut({ sid: 'laptop' })).toBe(false)
  })

  test.each([-60, 0, 60])(
    'a later sign-in with the same sid stays alive if the clock is wrong by %d s',
    async (off) => {
      // The `iat` of a session comes from the provider's clock. So the clock of this machine must not matter.
      const { logout, isOut } = receiver({
        now: () => clock.time + off,
        issuers: [{ ...op.trusted, clockTolerance: 120 }],
      })
      await logout.endSession(session({ iat: start }))
      expect(await isOut({ iat: start })).toBe(true)
      expect(await isOut({ iat: start + 1 })).toBe(false)
    },
  )

  test('ends a session that has only a sid', async () => {
    const { logout, isOut } = receiver()
    await logout.endSession({ iss: op.issuer, sid: 'laptop', iat: start - 60 })
    expect(await isOut()).toBe(true)
  })

  test('ends the session for each client of the issuer, or only for the given client', async () => {
    const issuers: TrustedIssuer[] = [
      { ...op.trusted, clientId: 'web' },
      { ...op.trusted, clientId: 'admin' },
    ]
    const all = receiver({ issuers })
    expect((await all.logout.endSession(session())).clientIds).toEqual(['web', 'admin'])
    expect([await all.isOut({ clientId: 'web' }), await all.isOut({ clientId: 'admin' })]).toEqual([true, true])
    const one = receiver({ issuers })
    expect((await one.logout.endSession(session({ clientId: 'web' }))).clientIds).toEqual(['web'])
    expect([await one.isOut({ clientId: 'web' }), await one.isOut({ clientId: 'admin' })]).toEqual([true, false])
  })

  test('ignores iatSkew and logoutScope, which apply to Logout Tokens only', async () => {
    const { logout, isOut } = receiver({ issuers: [{ ...op.trusted, iatSkew: 5, logoutScope: 'subject' }] })
    await logout.endSession(session())
    expect(await isOut({ iat: start - 59 })).toBe(false)
    expect(await isOut({ sid: 'phone' })).toBe(false)
  })

  test('with source security-event, also ends the sessions of the subject without a known sid', async () => {
    const { logout, isOut } = receiver()
    const origin = { source: 'security-event', jti: 'set-1', events: { type: {} }, claims: { txn: 1 } } as const
    const event = await logout.endSession(session(), origin)
    expect(event).toMatchObject({ ...origin, iss: op.issuer, sub: 'alice', sid: 'laptop', replayed: false })
    expect([await isOut(), await isOut({ sid: null }), await isOut({ sid: 'phone' })]).toEqual([true, true, false])
  })

  test.each<[string, object, named: string]>([
    ['no issuer', { iss: '' }, 'session.iss '],
    ['an issuer that is not trusted', { iss: 'https://other.example' }, 'session.iss '],
    ['a client that is not registered', { clientId: 'other' }, 'session.clientId '],
    ['neither sub nor sid', { sub: undefined, sid: null }, 'session '],
    ['an empty sub', { sub: '', sid: 'laptop' }, 'session.sub '],
    ['a date in milliseconds', { iat: start * 1000 }, 'session.iat '],
    ['a date in the future', { iat: start + 61 }, 'session.iat '],
    ['no date', { iat: undefined }, 'session.iat '],
    ['a date that is null', { iat: null }, 'session.iat '],
    ['a date that is a list', { iat: [] }, 'session.iat '],
    ['a sid that is a number', { sid: 7 }, 'session.sid '],
    ['a sid that is 0', { sid: 0 }, 'session.sid '],
    ['a sid that is false', { sid: false }, 'session.sid '],
    ['a sid that is NaN', { sid: NaN }, 'session.sid '],
  ])('%s is a TypeError that names the member, and nothing is written', async (_, wrong, named) => {
    const { logout, store } = receiver()
    const refused = logout.endSession({ ...session(), ...wrong } as SessionClaims)
    await expect(refused).rejects.toThrow(TypeError)
    await expect(refused).rejects.toThrow(startWith(named))
    expect(store.calls).toEqual([])
  })

  test('if the clients of an issuer have different tolerances, the largest one applies to the date', async () => {
    const { logout, isOut } = receiver({
      issuers: [
        { ...op.trusted, clockTolerance: 10 },
        { ...op.trusted, clientId: 'admin', clockTolerance: 60 },
      ],
    })
    const ahead = session({ iat: start + 30 })
    await logout.endSession(ahead)
    expect(await isOut(ahead)).toBe(true)
    await expect(isOut({ ...ahead, clientId: op.clientId })).rejects.toThrow('session.iat ')
  })
})

describe('RP-30a: endAllSessions', () => {
  const alice = { iss: op.issuer, sub: 'alice' }

  test('ends all present sessions of the user, and no session of another user', async () => {
    const { logout, isOut } = receiver()
    const event = await logout.endAllSessions(alice)
    expect(event).toMatchObject({ source: 'application', iat: start, sub: 'alice', replayed: false })
    expect('sid' in event || 'jti' in event).toBe(false)
    for (const sid of ['laptop', 'phone', null]) expect(await isOut({ sid })).toBe(true)
    expect(await isOut({ iat: start })).toBe(true)
    expect(await isOut({ iat: start + 1 })).toBe(false)
    expect(await isOut({ sub: 'bob', sid: 'x' })).toBe(false)
  })

  test('a session with the same second as `before` ends, and a later session stays alive', async () => {
    const { logout, isOut } = receiver()
    await logout.endAllSessions({ ...alice, before: start - 100.5 })
    expect([await isOut({ iat: start - 101 }), await isOut({ iat: start - 100 })]).toEqual([true, false])
  })

  test("if the provider's clock is ahead, only endSession ends the caller's own session", async () => {
    const { logout, isOut } = receiver()
    const own = session({ iat: start + 30 })
    await logout.endAllSessions(alice)
    expect(await isOut(own)).toBe(false)
    await logout.endSession(own)
    expect(await isOut(own)).toBe(true)
    expect(await isOut({ sid: 'phone' })).toBe(true)
  })

  test("if the provider's clock is behind, a new sign-in is refused until that clock reaches `before`", async () => {
    const { logout, isOut } = receiver()
    await logout.endAllSessions(alice)
    expect([await isOut({ iat: start - 30 }), await isOut({ iat: start + 1 })]).toEqual([true, false])
  })

  test('with many clients, each stored entry is parsed only once', async () => {
    const clientIds = Array.from({ length: 50 }, (_, index) => `client-${index}`)
    const { logout, isOut } = receiver({ issuers: clientIds.map((clientId) => ({ ...op.trusted, clientId })) })
    await logout.endAllSessions({ ...alice, before: start - 100 })
    await Promise.all(clientIds.map((clientId) => logout.trackSession(session({ clientId }), `of ${clientId}`)))
    const parse = vi.spyOn(JSON, 'parse')
    onTestFinished(() => parse.mockRestore())
    const { sessionIds } = await logout.endAllSessions(alice)
    // 50 older logouts, 50 new ones, and 50 tracked sessions.
    expect(parse).toHaveBeenCalledTimes(150)
    expect(new Set(sessionIds)).toEqual(new Set(clientIds.map((clientId) => `of ${clientId}`)))
    expect(await isOut({ clientId: clientIds[49] })).toBe(true)
  })

  test.each<[string, object, named: string]>([
    ['before in the future', { before: start + 61 }, 'subject.before '],
    ['before in milliseconds', { before: start * 1000 }, 'subject.before '],
    ['no subject', { sub: '' }, 'subject.sub '],
    ['a subject that is a number', { sub: 7 }, 'subject.sub '],
    ['before that is null', { before: null }, 'subject.before '],
    ['before that is a text', { before: '' }, 'subject.before '],
    ['an issuer that is not trusted', { iss: 'https://other.example' }, 'subject.iss '],
    ['a client that is not registered', { clientId: 'other' }, 'subject.clientId '],
    ['a misspelt member', { befor: start }, 'subject.befor '],
  ])('%s is a TypeError that names the member, and nothing is written', async (_, wrong, named) => {
    const { logout, store } = receiver()
    const refused = logout.endAllSessions({ ...alice, ...wrong })
    await expect(refused).rejects.toThrow(TypeError)
    await expect(refused).rejects.toThrow(startWith(named))
    expect(store.calls).toEqual([])
  })
})

describe('endSession and endAllSessions have all effects of a received logout', () => {
  test('they notify watchers, broadcast, destroy tracked sessions and call listeners', async () => {
    const published: string[] = []
    const store = Object.assign(new SpyStore(), {
      publish: async (message: string) => void published.push(message),
    })
    const destroySession = vi.fn()
    const { logout } = receiver({ store, destroySession })
    const [heard, watched] = [vi.fn(), vi.fn()]
    logout.onLogout(heard)
    logout.watch(session(), watched)
    await logout.trackSession(session(), 'id-1')
    await logout.trackSession(session({ sid: 'phone' }), 'id-2')
    const event = await logout.endSession(session())
    expect(watched).toHaveBeenCalledOnce()
    expect(event.sessionIds).toEqual(['id-1'])
    expect(destroySession.mock.calls).toEqual([['id-1', event]])
    expect(heard.mock.calls).toEqual([[event]])
    expect(published.length).toBe(1)
    expect((await logout.endAllSessions({ iss: op.issuer, sub: 'alice' })).sessionIds).toEqual(['id-2'])
    await logout.close()
  })

  test('a listener that changes the event does not stop destroySession', async () => {
    const destroySession = vi.fn()
    const { logout } = receiver({ destroySession })
    logout.onLogout((event) => void ((event.sessionIds as string[]).length = 0))
    await logout.trackSession(session(), 'id-1')
    await logout.endSession(session())
    expect(destroySession).toHaveBeenCalledOnce()
  })

  test('a later marker of the same client supersedes an earlier marker, whatever wrote them', async () => {
    const { logout, store } = receiver()
    const markers = () =>
      [...store.entries].filter(([key]) => key.includes('logout')).flatMap(([, values]) => [...values.keys()])
    await logout.endSession(session({ iat: start - 90 }))
    await logout.endSession(session({ iat: start - 60 }))
    expect(markers()).toEqual([JSON.stringify(['test-client', start - 60])])
    await logout.receive(await op.logoutToken({ iat: start - 50, exp: start + 60, sid: 'laptop', sub: undefined }))
    expect(markers()).toEqual([JSON.stringify(['test-client', start - 50])])
  })

  test('without a key, listeners run each time. With a key, listeners run once, even on two instances or after a failure', async () => {
    const store = new SpyStore()
    const [here, there] = [receiver({ store }), receiver({ store })]
    const heard = vi.fn()
    for (const { logout } of [here, there]) logout.onLogout(heard)
    await here.logout.endSession(session())
    await here.logout.endSession(session())
    expect(heard).toHaveBeenCalledTimes(2)
    heard.mockRejectedValueOnce(new Error('once'))
    expect((await refusal(here.logout.endSession(session(), { key: 'k' }))).code).toBe('ERR_LOGOUT_FAILED')
    const outcomes: LogoutEvent[] = []
    for (const { logout } of [here, there, here]) outcomes.push(await logout.endSession(session(), { key: 'k' }))
    expect(outcomes.map(({ replayed }) => replayed)).toEqual([false, true, true])
    expect(heard).toHaveBeenCalledTimes(4)
    expect((await there.logout.endAllSessions({ iss: op.issuer, sub: 'alice' }, { key: 'other' })).replayed).toBe(false)
    await expect(here.logout.endSession(session(), { key: '' })).rejects.toThrow('origin.key')
  })

  test('a key counts for one session or one subject only', async () => {
    const destroySession = vi.fn()
    const { logout } = receiver({ destroySession })
    const [laptop, phone, unknown] = [session(), session({ sid: 'phone' }), session({ sid: undefined })]
    for (const [index, each] of [laptop, phone, unknown].entries()) await logout.trackSession(each, `id-${index}`)
    const origin = { key: 'k' }
    expect(await logout.endSession(laptop, origin)).toMatchObject({ replayed: false, sessionIds: ['id-0'] })
    expect(await logout.endSession(unknown, origin)).toMatchObject({ replayed: false, sessionIds: ['id-2'] })
    const all = { iss: op.issuer, sub: 'alice' }
    expect(await logout.endAllSessions(all, origin)).toMatchObject({ replayed: false, sessionIds: ['id-1'] })
    expect(destroySession).toHaveBeenCalledTimes(3)
    expect((await logout.endAllSessions(all, origin)).replayed).toBe(true)
  })

  test('simultaneous calls with the same key share one run', async () => {
    const { logout } = receiver()
    const heard = vi.fn()
    logout.onLogout(heard)
    await Promise.all([1, 2, 3].map(() => logout.endSession(session(), { key: 'k' })))
    expect(heard).toHaveBeenCalledOnce()
  })

  test('simultaneous calls for different logouts with the same key all end their sessions', async () => {
    const { logout, isOut } = receiver()
    const origin = { key: 'event-1' }
    await Promise.all([
      logout.endSession(session(), origin),
      logout.endSession(session({ sid: 'phone' }), origin),
      logout.endAllSessions({ iss: op.issuer, sub: 'bob' }, origin),
    ])
    expect([await isOut(), await isOut({ sid: 'phone' }), await isOut({ sub: 'bob', sid: 'x' })]).toEqual([
      true,
      true,
      true,
    ])
  })

  test('a misspelt member is a TypeError', async () => {
    const { logout } = receiver()
    await expect(logout.endSession(session(), { Key: 'k' } as object)).rejects.toThrow('Did you mean key?')
    await expect(logout.endSession(session(), { kye: 'k' } as object)).rejects.toThrow('Did you mean key?')
    const subject = { iss: op.issuer, sub: 'alice', befor: start }
    await expect(logout.endAllSessions(subject)).rejects.toThrow('Did you mean before?')
  })

  test('RP-38: if the store is down, the call rejects, but its marker counts at once and is written later', async () => {
    const { logout, store, isOut } = receiver()
    let isDown = true
    store.before = (call) => {
      if (isDown && call === 'add') throw new Error('down')
    }
    expect((await refusal(logout.endSession(session()))).code).toBe('ERR_LOGOUT_FAILED')
    expect(await isOut()).toBe(true)
    isDown = false
    await logout.close()
    expect(await receiver({ store }).isOut()).toBe(true)
  })

  test('RP-38: fifty logouts that the store always refuses do not keep back another logout', async () => {
    const { logout, store } = receiver()
    let isDown = true
    store.before = (call, key) => {
      if (call === 'add' && (isDown || key.includes('refused'))) throw new Error('the store refuses')
    }
    const end = (sid: string) => refusal(logout.endSession(session({ sid })))
    await Promise.all(Array.from({ length: 50 }, (_, index) => end(`refused-${index}`)))
    await end('accepted')
    isDown = false
    await logout.close()
    expect(await receiver({ store }).isOut({ sid: 'accepted' })).toBe(true)
  })

  test('RP-39a: close waits for endSession and endAllSessions', async () => {
    const { logout, store } = receiver()
    const gate = deferred()
    const asked = deferred()
    store.before = (call) => {
      if (call !== 'add') return undefined
      asked.resolve()
      return gate.promise
    }
    const ended = logout.endSession(session())
    await asked.promise
    let isClosed = false
    const closed = logout.close().then(() => (isClosed = true))
    await new Promise((resolve) => setImmediate(resolve))
    expect(isClosed).toBe(false)
    gate.resolve()
    await Promise.all([ended, closed])
  })

  test('RP-39a: close also waits for an endSession that is still asking the issuer function', async () => {
    const answer = deferred()
    const { logout, store, isOut } = receiver({ issuers: async () => (await answer.promise, op.trusted) })
    const ended = logout.endSession(session())
    let isClosed = false
    const closed = logout.close().then(() => (isClosed = true))
    await new Promise((resolve) => setImmediate(resolve))
    expect([isClosed, store.calls]).toEqual([false, []])
    answer.resolve()
    await Promise.all([ended, closed])
    expect(await isOut()).toBe(true)
  })

  test('a sign-in that finishes after the logout does not make the session work again', async () => {
    const { logout, isOut } = receiver()
    const [tracked] = await Promise.all([logout.trackSession(session(), 'id'), logout.endSession(session())])
    expect(await isOut()).toBe(true)
    expect(await logout.trackSession(session(), 'again')).toBe(false)
    expect(typeof tracked).toBe('boolean')
  })

  test('they work with an issuer function, even if the provider never sends Logout Tokens', async () => {
    const logout = createBackchannelLogout({
      issuers: async (issuer) => ({ issuer, clientId: 'c' }),
      sessionMaxAge: 3600,
      store: new MemoryStore(),
      now: clock.now,
      fetch: () => Promise.reject(new Error('nobody asks')),
    })
    await logout.endSession(session())
    expect(await logout.isLoggedOut(session())).toBe(true)
  })
})

describe('RP-11h: with sessionIssuer, sessions have a different issuer than Logout Tokens', () => {
  const root = 'https://root.example'
  const issuers: TrustedIssuer[] = [{ ...op.trusted, sessionIssuer: root }]

  test.each(['a list', 'a function'])('a Logout Token ends these sessions, with %s', async (how) => {
    const find = (iss: string) => issuers.filter(({ issuer, sessionIssuer }) => [issuer, sessionIssuer].includes(iss))
    const { logout, isOut } = receiver({ issuers: how === 'a list' ? issuers : find })
    const event = await logout.receive(await op.logoutToken({ sid: 'laptop' }))
    expect([event.iss, (event.claims as { iss: string }).iss]).toEqual([root, op.issuer])
    expect(await isOut({ iss: root })).toBe(true)
    expect(await isOut({ iss: root, sid: 'phone' })).toBe(false)
    await expect(isOut({ iss: op.issuer })).rejects.toThrow('session.iss')
  })

  test('endSession accepts the issuer of the session', async () => {
    const { logout, isOut } = receiver({ issuers })
    await logout.endSession(session({ iss: root }))
    expect(await isOut({ iss: root })).toBe(true)
    await expect(logout.endSession(session())).rejects.toThrow(TypeError)
  })

  test('a Logout Token with the issuer of the sessions is refused', async () => {
    const { logout } = receiver({ issuers })
    expect(await refusal(logout.receive(await op.logoutToken({ iss: root })))).toMatchObject({ claim: 'iss' })
  })
})
