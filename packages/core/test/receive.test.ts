import {
  BackchannelLogoutError,
  createBackchannelLogout,
  MemoryStore,
  type LogoutDelivery,
  type LogoutEvent,
  type LogoutStore,
  type TrustedIssuer,
} from '@bcl/core'
import { createTestIssuer } from '@bcl/testing'
import { decodeJwt } from 'jose'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { create, createClock, deferred, refusal, sharedIssuer, SpyStore, timersOf } from './support.js'

const clock = createClock()
const op = await sharedIssuer(clock)
/** Fails each `add` whose key contains `key`. */
const failingAdd = (key: string) => (call: string, name: string) => {
  if (call === 'add' && name.includes(key)) throw new Error('the store hiccups')
}

test('RP-24: the record of a token lives as long as the token is valid, and five more minutes', async () => {
  const later = createClock(4_000_000_000)
  const expiryOf = async (settings: Partial<TrustedIssuer>, claims: object) => {
    const store = new SpyStore()
    const logout = create(op, { store, now: later.now, issuers: [{ ...op.trusted, ...settings }] })
    await logout.receive(await op.logoutToken({ iat: later.time - 10, ...claims }))
    const [, values] = [...store.entries].find(([key]) => key.includes('"done"'))!
    return values.get('1')! - later.time
  }
  expect(await expiryOf({}, { exp: later.time + 100 })).toBe(100 + 60 + 300)
  expect(await expiryOf({ clockTolerance: 5, requireExp: false }, { exp: undefined })).toBe(120 - 10 + 5 + 300)
})

test('RP-30: a token without sub writes one marker', async () => {
  const store = new SpyStore()
  await create(op, { store }).receive(await op.logoutToken({ sub: undefined }))
  expect(store.calls.filter((call) => call.startsWith('add') && call.includes('"logout"'))).toHaveLength(1)
})

test('the same token shares the run in progress for as long as listeners and calls of the store may take', async () => {
  const now = vi.spyOn(performance, 'now').mockReturnValue(0)
  onTestFinished(() => now.mockRestore())
  const [begun, gate] = [deferred(), deferred()]
  const logout = create(op, { listenerTimeout: 60, storeTimeout: 10 })
  const listener = vi.fn(() => (begun.resolve(), gate.promise))
  logout.onLogout(listener)
  const token = await op.logoutToken()
  const first = logout.receive(token)
  await begun.promise
  now.mockReturnValue(109_000)
  const second = logout.receive(token)
  await new Promise((resolve) => setImmediate(resolve))
  gate.resolve()
  expect(await second).toBe(await first)
  expect(listener).toHaveBeenCalledOnce()
})

describe('the event that listeners get', () => {
  test("RP-34: the event has the claims, and Keycloak's additional event", async () => {
    const logout = create(op)
    const events: LogoutEvent[] = []
    logout.onLogout((event) => events.push(event))
    const claims = {
      jti: 'j1',
      iat: clock.time - 1,
      events: { 'http://schemas.openid.net/event/backchannel-logout': {}, revoke_offline_access: true },
      extra: { a: 1 },
    }
    const returned = await logout.receive(await op.logoutToken(claims))
    expect(events).toEqual([returned])
    expect(returned).toEqual({
      source: 'logout-token',
      iss: op.issuer,
      clientIds: [op.clientId],
      jti: 'j1',
      iat: clock.time - 1,
      sub: 'alice',
      sid: 'session-1',
      events: claims.events,
      claims: expect.objectContaining({ extra: { a: 1 }, exp: clock.time + 120 }),
      sessionIds: [],
      replayed: false,
    })
  })

  test('RP-23: a claim called __proto__ does no harm', async () => {
    const token = await op.sign(
      `{"__proto__":{"sub":"mallory"},"iss":"${op.issuer}","aud":"${op.clientId}","iat":${clock.time},"exp":${clock.time + 9},"jti":"p","sid":"s","events":{"http://schemas.openid.net/event/backchannel-logout":{}}}`,
      { alg: 'RS256', kid: op.key.kid },
    )
    const event = await create(op).receive(token)
    expect(event).not.toHaveProperty('sub')
    expect(({} as { sub?: string }).sub).toBeUndefined()
  })

  test('RP-35: receive calls all listeners, waits for them, and collects their failures', async () => {
    const destroySession = vi.fn(async () => Promise.reject(new Error('one')))
    const logout = create(op, { destroySession })
    await logout.trackSession(op.session(), 'local-1')
    const called = vi.fn()
    logout.onLogout(() => {
      throw new Error('two')
    })
    logout.onLogout(called)
    const error = await refusal(logout.receive(await op.logoutToken()))
    expect(error.code).toBe('ERR_LOGOUT_FAILED')
    expect((error.cause as AggregateError).errors.map(String)).toEqual(['Error: two', 'Error: one'])
    expect(called).toHaveBeenCalledOnce()
  })

  test('RP-39: a listener that does not end fails the logout after its time-out', async () => {
    const logout = create(op, { listenerTimeout: 0.02 })
    logout.onLogout(() => new Promise(() => {}))
    const error = await refusal(logout.receive(await op.logoutToken()))
    expect(error.code).toBe('ERR_LOGOUT_FAILED')
    expect(await logout.isLoggedOut(op.session())).toBe(true)
  })

  test('a removed listener is not called. A listener that was added twice is called twice', async () => {
    const logout = create(op)
    const listener = vi.fn()
    const end = logout.onLogout(listener)
    logout.onLogout(listener)
    await logout.receive(await op.logoutToken())
    end()
    end()
    await logout.receive(await op.logoutToken())
    expect(listener).toHaveBeenCalledTimes(3)
  })

  test('a listener that is not a function is a TypeError', () => {
    const listen = () => create(op).onLogout(undefined as never)
    expect(listen).toThrow(TypeError)
    expect(listen).toThrow('listener must be a function, got undefined')
  })
})

describe('RP-24: replay', () => {
  test('a repeated token is acknowledged, and listeners are not called', async () => {
    const logout = create(op)
    const listener = vi.fn()
    logout.onLogout(listener)
    const token = await op.logoutToken()
    expect((await logout.receive(token)).replayed).toBe(false)
    const second = await logout.receive(token)
    expect([second.replayed, second.sessionIds]).toEqual([true, []])
    expect(listener).toHaveBeenCalledOnce()
  })

  test('with replay "reject", a repeated token is refused', async () => {
    const logout = create(op, { replay: 'reject' })
    const token = await op.logoutToken()
    await logout.receive(token)
    expect((await refusal(logout.receive(token))).code).toBe('ERR_LOGOUT_TOKEN_REPLAYED')
  })

  test('RP-24b: the same jti with another iat, sub or sid is a different logout', async () => {
    const logout = create(op, { replay: 'reject' })
    for (const claims of [
      {},
      { iat: clock.time - 1 },
      { sub: 'bob' },
      { sid: 'session-2' },
      { sid: undefined },
      { sub: undefined },
    ]) {
      expect((await logout.receive(await op.logoutToken({ jti: 'same', ...claims }))).replayed).toBe(false)
    }
  })

  test('RP-24a: a failed logout is carried out when its token arrives again', async () => {
    const logout = create(op)
    let fails = true
    const listener = vi.fn(() => {
      if (fails) throw new Error('not yet')
    })
    logout.onLogout(listener)
    const token = await op.logoutToken()
    await refusal(logout.receive(token))
    fails = false
    expect((await logout.receive(token)).replayed).toBe(false)
    expect((await logout.receive(token)).replayed).toBe(true)
    expect(listener).toHaveBeenCalledTimes(2)
  })

  test('copies of a token that arrive at the same time share one run', async () => {
    const logout = create(op, { replay: 'reject' })
    const listener = vi.fn()
    logout.onLogout(listener)
    const token = await op.logoutToken()
    const events = await Promise.all([logout.receive(token), logout.receive(token), logout.receive(token)])
    expect(new Set(events).size).toBe(1)
    expect(listener).toHaveBeenCalledOnce()
  })

  test('if the runtime has ended a run of a token, the token can be received again', async () => {
    const logout = create(op)
    const token = await op.logoutToken()
    const listener = vi.fn<() => unknown>(() => new Promise(() => {}))
    logout.onLogout(listener)
    const time = vi.spyOn(performance, 'now')
    const dead = logout.receive(token)
    await vi.waitFor(() => expect(listener).toHaveBeenCalledOnce())
    listener.mockImplementation(() => {})
    time.mockImplementation(() => 1e12)
    expect((await logout.receive(token)).replayed).toBe(false)
    time.mockRestore()
    expect(listener).toHaveBeenCalledTimes(2)
    await refusal(dead)
  })

  test('if a marker cannot be parsed, no marker is removed', async () => {
    const unhandled = vi.fn()
    process.on('unhandledRejection', unhandled)
    const store = new SpyStore()
    const logout = create(op, { store })
    await logout.receive(await op.logoutToken({ iat: clock.time - 9 }))
    for (const [key, values] of store.entries) if (key.includes('"nosid"')) values.set('garbage', Infinity)
    store.before = (call) => {
      if (call === 'remove') throw new Error('the store fails')
    }
    expect((await refusal(logout.receive(await op.logoutToken()))).code).toBe('ERR_LOGOUT_FAILED')
    await new Promise((resolve) => setImmediate(resolve))
    process.off('unhandledRejection', unhandled)
    expect(unhandled).not.toHaveBeenCalled()
    expect(store.calls.some((call) => call.startsWith('remove'))).toBe(false)
  })

  test.each<[string, sessionMaxAge: number, settings: Partial<TrustedIssuer>, life: number | undefined, taken: number]>(
    [
      ['until exp and the tolerance', 3600, {}, 120, 179],
      ['until exp and the tolerance, even if sessionMaxAge is shorter', 600, {}, 86_400, 86_459],
      ['until exp and a configured tolerance', 600, { clockTolerance: 5 }, 86_400, 86_404],
      [
        'without exp, until maxTokenAge and the tolerance',
        60,
        { requireExp: false, maxTokenAge: 5000 },
        undefined,
        5060,
      ],
      ['without exp and maxTokenAge, for 120 s and the tolerance', 3600, { requireExp: false }, undefined, 180],
      ['with exp and maxTokenAge, until maxTokenAge and the tolerance', 60, { maxTokenAge: 5000 }, 86_400, 5060],
    ],
  )(
    'RP-24c: the record is kept as long as the token is accepted: %s',
    async (_, sessionMaxAge, settings, life, taken) => {
      const moving = createClock(Math.floor(Date.now() / 1000))
      const issuers = [{ ...op.trusted, ...settings }]
      const logout = create({ ...op, now: moving.now }, { issuers, sessionMaxAge, replay: 'reject' })
      const listener = vi.fn()
      logout.onLogout(listener)
      const token = await op.logoutToken({ iat: moving.time, exp: life && moving.time + life })
      await logout.receive(token)
      moving.time += taken
      expect((await refusal(logout.receive(token))).code).toBe('ERR_LOGOUT_TOKEN_REPLAYED')
      moving.time += 1
      expect((await refusal(logout.receive(token))).code).toBe('ERR_LOGOUT_TOKEN_EXPIRED')
      expect(listener).toHaveBeenCalledOnce()
    },
  )

  test.each([1e12, 1e15, Number.MAX_SAFE_INTEGER + 1, 1e300])(
    'no entry expires after the year 9999, even if exp is %d',
    async (exp) => {
      const store = new SpyStore()
      const logout = create(op, { store, replay: 'reject' })
      const token = await op.logoutToken({ exp })
      expect((await logout.receive(token)).replayed).toBe(false)
      expect((await refusal(logout.receive(token))).code).toBe('ERR_LOGOUT_TOKEN_REPLAYED')
      const expiries = [...store.entries.values()].flatMap((values) => [...values.values()])
      for (const expiry of expiries) expect(new Date(expiry * 1000).getUTCFullYear()).toBeLessThanOrEqual(9999)
      expect(expiries.every(Number.isSafeInteger)).toBe(true)
    },
  )
})

describe('tracked sessions', () => {
  const setUp = () => {
    const destroyed: string[] = []
    const store = new SpyStore()
    const logout = create(op, { store, destroySession: (id) => destroyed.push(id) })
    return { destroyed, store, logout }
  }

  test('are destroyed by a logout of their session, and other sessions are not', async () => {
    const { destroyed, logout } = setUp()
    await logout.trackSession(op.session(), 'a')
    await logout.trackSession(op.session(), 'b')
    await logout.trackSession(op.session({ sid: 'session-2' }), 'c')
    await logout.trackSession(op.session({ sid: undefined }), 'd')
    await logout.trackSession(op.session({ iat: clock.time }), 'later')
    const event = await logout.receive(await op.logoutToken({ iat: clock.time - 1 }))
    expect(event.sessionIds.toSorted()).toEqual(['a', 'b', 'd'])
    expect(destroyed.toSorted()).toEqual(['a', 'b', 'd'])
    await logout.receive(await op.logoutToken({ sid: undefined }))
    expect(destroyed.toSorted()).toEqual(['a', 'b', 'c', 'd', 'later'])
  })

  test('are each destroyed once by a logout of their subject', async () => {
    const { destroyed, logout } = setUp()
    await logout.trackSession(op.session({ sid: undefined }), 'a')
    await logout.receive(await op.logoutToken({ sid: undefined }))
    expect(destroyed).toEqual(['a'])
  })

  test('of another client are not destroyed', async () => {
    const destroyed: string[] = []
    const issuers = [op.trusted, { ...op.trusted, clientId: 'second-client' }]
    const logout = create(op, { issuers, destroySession: (id) => destroyed.push(id) })
    await logout.trackSession(op.session({ clientId: 'second-client' }), 'second')
    await logout.trackSession(op.session({ clientId: 'test-client' }), 'first')
    await logout.receive(await op.logoutToken())
    expect(destroyed).toEqual(['first'])
  })

  test('RP-32: are not created if the logout came before the sign-in', async () => {
    const { store, logout } = setUp()
    await logout.receive(await op.logoutToken())
    const size = [...store.entries.values()].flatMap((values) => [...values]).length
    expect(await logout.trackSession(op.session(), 'late')).toBe(false)
    expect([...store.entries.values()].flatMap((values) => [...values]).length).toBe(size)
    expect(await logout.trackSession(op.session({ iat: clock.time - 3601 }), 'old')).toBe(false)
  })

  test('are named in the event even without destroySession', async () => {
    const logout = create(op)
    await logout.trackSession(op.session(), 'a')
    expect((await logout.receive(await op.logoutToken())).sessionIds).toEqual(['a'])
  })

  test('are removed from the store by untrackSession and after destroySession', async () => {
    const { destroyed, store, logout } = setUp()
    await logout.trackSession(op.session(), 'a')
    await logout.trackSession(op.session(), 'b')
    await logout.untrackSession(op.session(), 'a')
    await logout.receive(await op.logoutToken({ sub: undefined }))
    expect(destroyed).toEqual(['b'])
    const tracked = [...store.entries].filter(([key]) => key.includes('"session"')).flatMap(([, values]) => [...values])
    expect(tracked).toEqual([])
  })

  test('T-11: a session that a rolling save restores is still logged out', async () => {
    const saved = new Map([['local', op.session()]])
    const logout = create(op, { destroySession: (id) => saved.delete(id) })
    await logout.trackSession(op.session(), 'local')
    await logout.receive(await op.logoutToken())
    expect(saved.size).toBe(0)
    saved.set('local', op.session())
    expect(await logout.isLoggedOut(saved.get('local')!)).toBe(true)
  })

  test('are named in the next event again if destroySession failed', async () => {
    let fails = true
    const logout = create(op, {
      destroySession: () => {
        if (fails) throw new Error('not yet')
      },
    })
    await logout.trackSession(op.session(), 'a')
    const token = await op.logoutToken()
    await refusal(logout.receive(token))
    fails = false
    expect((await logout.receive(token)).sessionIds).toEqual(['a'])
  })
})

describe('the order of receive', () => {
  test('write the markers, read the store, call listeners, write the record', async () => {
    const store = new SpyStore()
    const logout = create(op, { store })
    logout.onLogout(() => store.calls.push('listener'))
    await logout.receive(await op.logoutToken())
    expect(store.calls.map((call) => call.replace(/^(\w+) .*?"(\w+)".*$/, '$1 $2'))).toEqual([
      'add logout',
      'add logout',
      'values done',
      'listener',
      'add done',
    ])
  })

  test('RP-38: if the store fails for a moment, the marker is still written within the request', async () => {
    const store = new SpyStore()
    let failures = 2
    store.before = (call) => {
      if (call === 'add' && failures-- > 0) throw new Error('the store hiccups')
    }
    const logout = create(op, { store })
    await logout.receive(await op.logoutToken())
    expect(await logout.isLoggedOut(op.session())).toBe(true)
  })

  test('RP-38: if the store is down, a marker counts on this instance at once and is written later', async () => {
    const store = new SpyStore()
    const hints: string[] = []
    Object.assign(store, { publish: async (hint: string) => void hints.push(hint) })
    const other = create(op, { store })
    const onError = vi.fn()
    const logout = create(op, { store, storeTimeout: 0.2, onError })
    store.before = () => {
      throw new Error('the store is down')
    }
    const heard = vi.fn()
    const listener = vi.fn()
    logout.watch(op.session(), heard)
    logout.onLogout(listener)
    const error = await refusal(logout.receive(await op.logoutToken()))
    expect([error.code, String((error.cause as Error).message)]).toEqual(['ERR_LOGOUT_FAILED', 'the store is down'])
    expect(listener).not.toHaveBeenCalled()
    expect(heard).toHaveBeenCalledOnce()
    expect(await logout.isLoggedOut(op.session())).toBe(true)
    expect((await refusal(logout.isLoggedOut(op.session({ sid: 'session-2' })))).code).toBe('ERR_LOGOUT_FAILED')
    // The retries fail too.
    onError.mockClear()
    await vi.waitFor(() => expect(onError).toHaveBeenCalled(), 5000)
    expect(hints).toEqual([])
    store.before = () => {}
    await vi.waitFor(async () => expect(await other.isLoggedOut(op.session())).toBe(true), 5000)
    await vi.waitFor(() => expect(hints.length).toBe(2))
    const keys = hints.flatMap((hint) => (JSON.parse(hint) as [number, ...string[]]).slice(1))
    expect(keys.toSorted()).toEqual([...store.entries.keys()].toSorted())
    await logout.close()
  })

  test('RP-38: a marker counts on this instance before the store has answered', async () => {
    const store = new SpyStore()
    const [asked, answers] = [deferred(), deferred()]
    store.before = (call) => {
      if (call === 'values') throw new Error('the store is down')
      asked.resolve()
      return answers.promise
    }
    const logout = create(op, { store })
    const received = logout.receive(await op.logoutToken())
    await asked.promise
    expect(await logout.isLoggedOut(op.session())).toBe(true)
    store.before = () => {}
    answers.resolve()
    await received
    store.entries.clear()
    expect(await logout.isLoggedOut(op.session())).toBe(false)
  })

  test('RP-38: the pending logouts of two clients with the same subject are both written', async () => {
    const store = new SpyStore()
    store.before = () => {
      throw new Error('the store is down')
    }
    const issuers = [op.trusted, { ...op.trusted, clientId: 'second' }]
    const onError = vi.fn()
    const logout = create(op, { store, issuers, onError })
    for (const aud of [op.clientId, 'second']) {
      await refusal(logout.receive(await op.logoutToken({ aud, sid: undefined })))
      expect(await logout.isLoggedOut(op.session({ clientId: aud }))).toBe(true)
    }
    store.before = () => {}
    onError.mockClear()
    await logout.close()
    expect(onError).not.toHaveBeenCalled()
    expect([...store.entries.values()].map((values) => [...values.keys()])).toEqual([
      [`["${op.clientId}",${clock.time}]`, `["second",${clock.time}]`],
    ])
  })

  test('the answer waits for a slow broadcast, because some runtimes stop all work after the answer', async () => {
    const published = deferred()
    const store = Object.assign(new SpyStore(), { publish: () => published.promise })
    let answered = false
    const received = create(op, { store })
      .receive(await op.logoutToken())
      .then(() => (answered = true))
    const isDone = () => expect([...store.entries.keys()].some((key) => key.includes('"done"'))).toBe(true)
    await vi.waitFor(isDone)
    await new Promise(setImmediate)
    expect(answered).toBe(false)
    published.resolve()
    await received
  })

  test('a check leaves no timer, and sets none for a store in memory', async () => {
    const logout = create(op)
    expect(await timersOf(() => logout.isLoggedOut(op.session()))).toEqual({ set: 0, left: 0 })
    const store = new SpyStore()
    store.before = () => new Promise(setImmediate)
    const slow = create(op, { store })
    expect(await timersOf(() => slow.isLoggedOut(op.session()))).toEqual({ set: 1, left: 0 })
    store.before = async () => {
      await new Promise(setImmediate)
      throw new Error('the store is down')
    }
    expect(await timersOf(() => refusal(slow.isLoggedOut(op.session())))).toEqual({ set: 1, left: 0 })
  })

  test('RP-35: a logout that arrives while now is not a number is also stored', async () => {
    let time = Number.NaN
    const logout = create(op, { store: new MemoryStore(), now: () => time })
    await logout.receive(await op.logoutToken())
    time = op.now()
    expect(await logout.isLoggedOut(op.session())).toBe(true)
  })

  test('without the option now, the system clock is used', async () => {
    const real = await createTestIssuer()
    const { issuer, clientId, jwks } = real
    const logout = createBackchannelLogout({
      issuers: [{ issuer, clientId, keys: jwks }],
      sessionMaxAge: 3600,
      store: new MemoryStore(),
    })
    await logout.receive(await real.logoutToken())
    expect(await logout.isLoggedOut(real.session())).toBe(true)
    await expect(logout.isLoggedOut(real.session({ iat: Date.now() / 1000 + 3600 }))).rejects.toThrow(TypeError)
  })

  test('RP-38: a marker that is written after its failed request is also broadcast', async () => {
    const store = new SpyStore()
    const hints: string[] = []
    Object.assign(store, { publish: async (hint: string) => void hints.push(hint) })
    const slow = deferred()
    store.before = (call) => (call === 'add' ? slow.promise : undefined)
    const logout = create(op, { store, storeTimeout: 5 })
    await refusal(logout.receive(await op.logoutToken({ sid: undefined })))
    expect(hints).toEqual([])
    slow.resolve()
    await vi.waitFor(() => expect(hints.length).toBe(1))
    await logout.close()
  })

  test('RP-38: only the latest of several pending logouts of one subject is written', async () => {
    const store = new SpyStore()
    store.before = () => {
      throw new Error('the store is down')
    }
    const logout = create(op, { store })
    const tokens = [3, 1, 2].map((second) => op.logoutToken({ iat: clock.time - second, sid: undefined }))
    await Promise.all(tokens.map(async (token) => refusal(logout.receive(await token))))
    expect(await logout.isLoggedOut(op.session({ iat: clock.time - 1 }))).toBe(true)
    store.before = () => {}
    await logout.close()
    expect([...store.entries.values()].map((values) => [...values.keys()])).toEqual([
      [JSON.stringify([op.clientId, clock.time - 1])],
    ])
  })

  test('RP-38: at close, the other markers are written even if the store refuses one marker', async () => {
    const store = new SpyStore()
    store.before = () => {
      throw new Error('the store is down')
    }
    const onError = vi.fn()
    const logout = create(op, { store, onError })
    const tokens = await Promise.all([
      op.logoutToken({ sid: 'poison', sub: undefined }),
      op.logoutToken({ sub: undefined }),
    ])
    await Promise.all(tokens.map((token) => refusal(logout.receive(token))))
    store.before = (call, key) => {
      if (call === 'add' && key.includes('poison')) throw new Error('this shard is down')
    }
    await logout.close()
    expect(await create(op, { store }).isLoggedOut(op.session())).toBe(true)
    expect(onError).toHaveBeenCalled()
  })

  test('RP-38: if the store takes only one of two markers, the logout fails, and neither marker is lost', async () => {
    for (const kind of ['"sid"', '"nosid"']) {
      const store = new SpyStore()
      store.before = failingAdd(kind)
      const listener = vi.fn()
      const logout = create(op, { store })
      logout.onLogout(listener)
      expect((await refusal(logout.receive(await op.logoutToken()))).code).toBe('ERR_LOGOUT_FAILED')
      expect(listener).not.toHaveBeenCalled()
      const sessions = [op.session(), op.session({ sid: undefined })]
      for (const session of sessions) expect(await logout.isLoggedOut(session)).toBe(true)
      store.before = () => {}
      await logout.close()
      for (const session of sessions) expect(await create(op, { store }).isLoggedOut(session)).toBe(true)
    }
  })

  test('RP-38: if the store always refuses one marker, the other markers are not delayed', async () => {
    const store = new SpyStore()
    store.before = () => {
      throw new Error('the store is down')
    }
    const logout = create(op, { store })
    const tokens = [await op.logoutToken({ sid: 'poison', sub: undefined }), await op.logoutToken({ sub: undefined })]
    await Promise.all(tokens.map((token) => refusal(logout.receive(token))))
    store.before = (call, key) => {
      if (call === 'add' && key.includes('poison')) throw new Error('this shard is down')
    }
    const other = create(op, { store })
    await vi.waitFor(async () => expect(await other.isLoggedOut(op.session())).toBe(true), 8000)
    expect(await logout.isLoggedOut(op.session({ sid: 'poison' }))).toBe(true)
    store.before = () => {}
    await logout.close()
    expect(await other.isLoggedOut(op.session({ sid: 'poison' }))).toBe(true)
  })

  test('RP-38: pending markers are written when the next logout finds that the store works', async () => {
    const store = new SpyStore()
    store.before = failingAdd('logout')
    const logout = create(op, { store })
    await refusal(logout.receive(await op.logoutToken()))
    store.before = () => {}
    await logout.receive(await op.logoutToken({ sid: 'session-2', sub: 'bob' }))
    await vi.waitFor(async () => expect(await create(op, { store }).isLoggedOut(op.session())).toBe(true))
    await logout.close()
  })

  test('RP-38: later calls of the store are also retried after a short failure', async () => {
    for (const step of ['values', 'add']) {
      const store = new SpyStore()
      const listener = vi.fn()
      const logout = create(op, { store })
      logout.onLogout(listener)
      let failures = 1
      store.before = (call, key) => {
        if (call === step && key.includes('"done"') && failures-- > 0) throw new Error('the store hiccups')
      }
      expect((await logout.receive(await op.logoutToken())).replayed).toBe(false)
      expect(listener).toHaveBeenCalledOnce()
    }
  })

  test('RP-39b: if the answer of the store lacks a key or has a key too many, the check fails, and the session does not count as alive', async () => {
    const wrongAnswers: LogoutStore['values'][] = [
      async () => [],
      async () => [[]],
      async () => [undefined, []] as never,
      async () => Array(2) as never,
      async (keys) => [...keys.map(() => []), []],
      async () => undefined as never,
      async () => ({ 0: [], 1: [], 2: [], 3: [] }) as never,
      () => ({ 0: [], 1: [], 2: [], 3: [] }) as never,
    ]
    const check = async (values: LogoutStore['values']): Promise<void> => {
      const logout = create(op, { store: Object.assign(new SpyStore(), { values }) })
      expect((await refusal(logout.isLoggedOut(op.session()))).code).toBe('ERR_LOGOUT_FAILED')
      expect((await refusal(logout.receive(await op.logoutToken()))).code).toBe('ERR_LOGOUT_FAILED')
    }
    // Each logout fails after 1.5 s, so the checks run at the same time.
    await Promise.all(wrongAnswers.map(check))
  })

  test('RP-38: close also writes markers that arrived after the start of a running flush', async () => {
    const store = new SpyStore()
    store.before = failingAdd('logout')
    const logout = create(op, { store, storeTimeout: 5 })
    await refusal(logout.receive(await op.logoutToken()))
    const [begun, ended] = [deferred(), deferred()]
    store.before = async () => {
      begun.resolve()
      await ended.promise
      throw new Error('the store is down')
    }
    await begun.promise
    store.before = failingAdd('logout')
    await refusal(logout.receive(await op.logoutToken({ sid: 'session-2', sub: 'bob' })))
    store.before = () => {}
    const closed = logout.close()
    ended.resolve()
    await closed
    const other = create(op, { store })
    expect(await other.isLoggedOut(op.session())).toBe(true)
    expect(await other.isLoggedOut(op.session({ sid: 'session-2', sub: 'bob' }))).toBe(true)
  })

  test('RP-38: a repeated logout is pending only once', async () => {
    const store = new SpyStore()
    store.before = failingAdd('logout')
    const logout = create(op, { store })
    const tokens = await Promise.all(Array.from({ length: 5 }, () => op.logoutToken({ sid: undefined })))
    await Promise.all(tokens.map((token) => refusal(logout.receive(token))))
    store.before = () => {}
    store.calls.length = 0
    await logout.close()
    expect(store.calls).toHaveLength(1)
    expect(await create(op, { store }).isLoggedOut(op.session())).toBe(true)
  })

  test('RP-39: if the store rejects with a value that is not an Error, the logout fails too', async () => {
    const store = new SpyStore()
    store.before = () => {
      throw Object.create(null)
    }
    expect(await refusal(create(op, { store }).isLoggedOut(op.session()))).toMatchObject({
      code: 'ERR_LOGOUT_FAILED',
      cause: { message: '[withheld]' },
    })
  })

  test('RP-38: close writes pending markers', async () => {
    const store = new SpyStore()
    store.before = failingAdd('logout')
    const logout = create(op, { store })
    await refusal(logout.receive(await op.logoutToken()))
    store.before = () => {}
    await logout.close()
    expect(await create(op, { store }).isLoggedOut(op.session())).toBe(true)
  })

  test('RP-39: if the store never answers, the logout fails after the time-out of the store', async () => {
    const logout = create(op, {
      store: {
        add: () => new Promise(() => {}),
        values: () => new Promise(() => {}),
        remove: () => new Promise(() => {}),
      },
      storeTimeout: 0.05,
    })
    expect((await refusal(logout.receive(await op.logoutToken()))).code).toBe('ERR_LOGOUT_FAILED')
    expect((await refusal(logout.isLoggedOut(op.session({ sid: 'other' })))).code).toBe('ERR_LOGOUT_FAILED')
  })

  test('10,000 logouts of one subject leave one marker', async () => {
    const store = new SpyStore()
    const secret = new TextEncoder().encode('s'.repeat(32))
    const issuers = [{ ...op.trusted, algorithms: ['HS256'], clientSecret: 's'.repeat(32) }]
    const logout = create(op, { store, issuers, sessionMaxAge: 86_400 })
    const template = decodeJwt(await op.logoutToken({ sid: undefined }))
    for (let second = 10_000; second > 0; second -= 1) {
      const claims = { ...template, iat: clock.time - second, jti: String(second) }
      await logout.receive(await op.sign(claims, { alg: 'HS256' }, secret))
    }
    const markers = [...store.entries].filter(([key]) => key.includes('"logout"'))
    expect(markers.map(([, values]) => values.size)).toEqual([1])
    expect(await logout.isLoggedOut(op.session({ iat: clock.time - 1 }))).toBe(true)
    expect(await logout.isLoggedOut(op.session({ iat: clock.time }))).toBe(false)
  }, 60_000)

  test('a marker of another client is not superseded', async () => {
    const store = new SpyStore()
    const logout = create(op, { store, issuers: [op.trusted, { ...op.trusted, clientId: 'second-client' }] })
    await logout.receive(await op.logoutToken({ iat: clock.time - 5, aud: 'second-client' }))
    await logout.receive(await op.logoutToken())
    expect(await logout.isLoggedOut(op.session({ clientId: 'second-client' }))).toBe(true)
  })

  test('a broadcast that fails does not fail the logout', async () => {
    const store = Object.assign(new SpyStore(), { publish: () => Promise.reject(new Error('no broadcast')) })
    const onError = vi.fn()
    await create(op, { store, onError }).receive(await op.logoutToken())
    expect(onError.mock.calls.map(([error]) => (error as BackchannelLogoutError).code)).toEqual(['ERR_LOGOUT_FAILED'])
  })

  test('a stored entry that is not a tracked session is reported without its text', async () => {
    const store = new SpyStore()
    const logout = create(op, { store })
    await logout.trackSession(op.session(), 'local')
    for (const [key] of store.entries) store.entries.set(key, new Map([['SECRET garbage', Infinity]]))
    const error = await refusal(logout.receive(await op.logoutToken()))
    expect([error.code, String(error.cause), error.message.includes('SECRET')]).toEqual([
      'ERR_LOGOUT_FAILED',
      'undefined',
      false,
    ])
  })

  test('RP-45: work that the answer does not need delays the answer by at most one call of the store', async () => {
    const hang = () => new Promise<never>(() => {})
    const store = Object.assign(new SpyStore(), { publish: hang, remove: hang })
    const logout = create(op, { store, storeTimeout: 0.05 })
    await logout.trackSession(op.session(), 'local')
    await logout.receive(await op.logoutToken({ iat: clock.time - 9 }))
    expect((await logout.receive(await op.logoutToken())).replayed).toBe(false)
  })

  test('a stored entry that is not a marker is an error, and the session does not count as alive', async () => {
    const store = new SpyStore()
    const logout = create(op, { store })
    await logout.receive(await op.logoutToken())
    for (const [key, values] of store.entries)
      store.entries.set(key, new Map([...values].map(([, until]) => ['{}', until])))
    await expect(logout.isLoggedOut(op.session())).rejects.toThrow('reading an entry failed')
  })
})

describe('failure between any two steps', () => {
  const steps = ['add logout', 'values', 'listener', 'destroy', 'add done', 'remove'] as const

  test.each(steps.flatMap((step) => [[step, 'retries'] as const, [step, 'does not retry'] as const]))(
    'at "%s", with a sender that %s',
    async (step, sender) => {
      const store = new SpyStore()
      let fails = false
      const failAt = (name: string) => {
        if (fails && name.startsWith(step)) throw new Error(`fails at ${step}`)
      }
      store.before = (call, key) =>
        failAt(
          call === 'add'
            ? `add ${key.includes('"done"') ? 'done' : key.includes('"logout"') ? 'logout' : 'session'}`
            : call,
        )
      const called: string[] = []
      const logout = create(op, {
        store,
        destroySession: (id) => {
          failAt('destroy')
          called.push(id)
        },
      })
      logout.onLogout(() => {
        failAt('listener')
        called.push('listener')
      })
      await logout.trackSession(op.session(), 'local')
      await logout.receive(await op.logoutToken({ iat: clock.time - 90, jti: 'earlier' }))
      called.length = 0
      fails = true

      const token = await op.logoutToken()
      const first = await logout.receive(token).then(
        () => 200,
        () => 400,
      )
      // A failed removal of old markers does not fail the logout. Any other failed step does.
      expect(first).toBe(step === 'remove' ? 200 : 400)
      fails = false
      // The session has ended on this instance in each case, by the stored marker or by the pending marker.
      expect(await logout.isLoggedOut(op.session())).toBe(true)
      if (sender === 'retries') {
        expect((await logout.receive(token)).replayed).toBe(step === 'remove')
        expect(new Set(called)).toEqual(new Set(['local', 'listener']))
      }
      await logout.close()
      expect(await create(op, { store }).isLoggedOut(op.session())).toBe(true)
    },
  )
})

describe('an instance that dies between any two steps', () => {
  const steps = ['add logout', 'values', 'listener', 'add done'] as const

  test.each(steps)(
    'at "%s": only an unwritten marker is lost, and a retry on another instance carries out the logout',
    async (step) => {
      const store = new SpyStore()
      const reached = deferred()
      const die = (name: string) => {
        if (name !== step) return undefined
        reached.resolve()
        return new Promise<never>(() => {})
      }
      const dying = new SpyStore()
      dying.before = (call, key) => die(call === 'add' ? `add ${key.includes('"done"') ? 'done' : 'logout'}` : call)
      for (const method of ['add', 'values', 'remove'] as const) {
        const first = dying[method].bind(dying) as (...args: unknown[]) => Promise<unknown>
        const second = store[method].bind(store) as (...args: unknown[]) => Promise<unknown>
        Object.assign(dying, { [method]: async (...args: unknown[]) => (await first(...args), second(...args)) })
      }
      const logout = create(op, { store: dying, storeTimeout: 1e6, listenerTimeout: 1e6 })
      logout.onLogout(() => die('listener'))
      const token = await op.logoutToken()
      void logout.receive(token).catch(() => {})
      await reached.promise
      const other = create(op, { store })
      // The marker is written first, so the session has ended even if a later step fails.
      expect(await other.isLoggedOut(op.session())).toBe(step !== 'add logout')
      const listener = vi.fn()
      other.onLogout(listener)
      expect((await other.receive(token)).replayed).toBe(false)
      expect(listener).toHaveBeenCalledOnce()
      expect(await other.isLoggedOut(op.session())).toBe(true)
    },
  )
})

describe('delivery records', () => {
  const post = (body: string) => ({ method: 'POST', contentType: 'application/x-www-form-urlencoded', body })

  test('each request gets one record. The record has iss and jti only if the token was verified', async () => {
    const deliveries: LogoutDelivery[] = []
    const logout = create(op, { onDelivery: (delivery) => deliveries.push(delivery) })
    const token = await op.logoutToken({ jti: 'j1' })
    let failing = false
    logout.onLogout(() => {
      if (failing) throw new Error('listener')
    })
    await logout.respond(post(`logout_token=${token}`))
    await logout.respond(post(`logout_token=${token}`))
    await logout.respond(post(''))
    await logout.respond(post(`logout_token=${await op.logoutToken({ iss: 'x' })}`))
    failing = true
    await logout.respond(post(`logout_token=${await op.logoutToken({ jti: 'j2' })}`))
    const named = { iss: op.issuer, clientIds: [op.clientId] }
    const durationMs = expect.any(Number) as number
    const error = expect.any(BackchannelLogoutError) as unknown
    expect(deliveries).toEqual([
      { outcome: 'logged_out', ...named, jti: 'j1', durationMs },
      { outcome: 'replayed', ...named, jti: 'j1', durationMs },
      { outcome: 'refused', code: 'ERR_LOGOUT_REQUEST_INVALID', error, durationMs },
      { outcome: 'refused', code: 'ERR_LOGOUT_TOKEN_CLAIM', error, durationMs },
      { outcome: 'failed', code: 'ERR_LOGOUT_FAILED', error, ...named, jti: 'j2', durationMs },
    ])
  })

  test('an error in onDelivery has no effect', async () => {
    for (const onDelivery of [
      () => {
        throw new Error('log')
      },
      () => Promise.reject(new Error('log')),
    ]) {
      const logout = create(op, { onDelivery: onDelivery as () => void })
      expect((await logout.respond(post(`logout_token=${await op.logoutToken()}`))).status).toBe(200)
    }
  })

  test('each request of a shared run gets a record', async () => {
    const onDelivery = vi.fn()
    const gate = deferred()
    const logout = create(op, { onDelivery })
    logout.onLogout(() => gate.promise)
    const body = `logout_token=${await op.logoutToken()}`
    const answers = [logout.respond(post(body)), logout.respond(post(body))]
    gate.resolve()
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200])
    expect(onDelivery).toHaveBeenCalledTimes(2)
  })
})
