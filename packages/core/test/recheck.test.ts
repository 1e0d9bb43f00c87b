import type { BackchannelLogoutOptions, LogoutStore } from '@bcl/core'
import { createTestIssuer } from '@bcl/testing'
import { describe, expect, test, vi } from 'vitest'
import { advance, create, createClock, deferred, refusal, SpyStore } from './support.js'

const op = await createTestIssuer()
const clock = createClock(op.now())
const session = (sid = 'laptop') => op.session({ sid, iat: clock.time - 60 })
const alice = { iss: op.issuer, sub: 'alice' }

/** A store that two instances share, with broadcasts. */
class BroadcastStore extends SpyStore {
  readonly listeners = new Set<(message: string) => void>()
  isLost = false
  subscriptions = 0
  publish = async (message: string): Promise<void> => {
    if (!this.isLost) for (const listener of this.listeners) listener(message)
  }
  subscribe = async (listener: (message: string) => void): Promise<() => Promise<void>> => {
    this.subscriptions += 1
    this.listeners.add(listener)
    return async () => void this.listeners.delete(listener)
  }
}

function instance(store: SpyStore, options: Partial<BackchannelLogoutOptions> = {}) {
  return create(op, { now: clock.now, store: store as LogoutStore, recheckAfter: 10, ...options })
}
const reads = (store: SpyStore): number => store.calls.filter((call) => call.startsWith('values')).length

describe('recheckAfter', () => {
  test('an "alive" answer is reused for recheckAfter, for this session only', async () => {
    const store = new SpyStore()
    const logout = instance(store)
    const laptop = session()
    for (let times = 0; times < 5; times += 1) expect(await logout.isLoggedOut(laptop)).toBe(false)
    expect(reads(store)).toBe(1)
    await logout.isLoggedOut(session('phone'))
    await logout.isLoggedOut({ ...laptop, iat: laptop.iat - 1 })
    await logout.isLoggedOut({ ...laptop, clientId: op.clientId })
    await logout.isLoggedOut({ ...laptop, sub: 'bob' })
    expect(reads(store)).toBe(5)
    await logout.isLoggedOut({ ...laptop, sub: 'bob' })
    expect(reads(store)).toBe(5)
    await logout.isLoggedOut(laptop)
    expect(reads(store)).toBe(6)
    advance(clock, 9.5)
    await logout.isLoggedOut(laptop)
    expect(reads(store)).toBe(6)
    advance(clock, 0.6)
    await logout.isLoggedOut(laptop)
    expect(reads(store)).toBe(7)
  })

  test('a session without sid is not the session whose sid is its sub', async () => {
    const store = new SpyStore()
    const logout = instance(store)
    await logout.isLoggedOut(session('bob'))
    const other = { ...session(), sub: 'bob', sid: undefined }
    await logout.isLoggedOut(other)
    expect(reads(store)).toBe(2)
    await logout.endSession(other)
    expect(await logout.isLoggedOut(session('bob'))).toBe(false)
    expect(await logout.isLoggedOut(other)).toBe(true)
  })

  test('if the application changes the session during a check, the answer is about the session at the start', async () => {
    for (const recheckAfter of [0, 10]) {
      const store = new SpyStore()
      await instance(store).endSession(session())
      const logout = instance(store, { recheckAfter })
      const laptop = session()
      const answer = logout.isLoggedOut(laptop)
      laptop.iat += 1 // a new sign-in replaces the claims in the same object
      expect(await answer).toBe(true)
      expect(await logout.isLoggedOut(session())).toBe(true)
      expect(await logout.isLoggedOut(laptop)).toBe(false)
    }
  })

  test('the default is 0, so each check reads the store', async () => {
    const store = new SpyStore()
    const logout = create(op, { now: clock.now, store })
    const laptop = session()
    for (let times = 0; times < 3; times += 1) await logout.isLoggedOut(laptop)
    expect(reads(store)).toBe(3)
  })

  test('a session that becomes too old is logged out at once, despite a cached answer', async () => {
    const store = new SpyStore()
    const logout = instance(store, { sessionMaxAge: 100, recheckAfter: 1000 })
    const laptop = session()
    expect(await logout.isLoggedOut(laptop)).toBe(false)
    advance(clock, 41)
    expect(await logout.isLoggedOut(laptop)).toBe(true)
  })

  test.each<[string, (logout: ReturnType<typeof instance>) => Promise<unknown>]>([
    [
      'a Logout Token',
      async (logout) => logout.receive(await op.logoutToken({ iat: clock.time, exp: clock.time + 99, sid: 'laptop' })),
    ],
    ['endSession', (logout) => logout.endSession(session())],
    ['endAllSessions', (logout) => logout.endAllSessions(alice)],
  ])('%s counts on this instance at once, also during a read of the store', async (_, end) => {
    const store = new SpyStore()
    const logout = instance(store)
    const laptop = session()
    expect(await logout.isLoggedOut(laptop)).toBe(false)
    // This read begins before the logout and is answered after the logout.
    const gate = deferred()
    let isHeld = true
    store.before = (call, key) => (isHeld && call === 'values' && !key.includes('done') ? gate.promise : undefined)
    advance(clock, 11)
    const early = logout.isLoggedOut(laptop)
    isHeld = false
    await end(logout)
    expect(await logout.isLoggedOut(laptop)).toBe(true)
    gate.resolve()
    await early
    expect(await logout.isLoggedOut(laptop)).toBe(true)
  })

  test('if the store is down, a logout on this instance counts at once', async () => {
    const store = new SpyStore()
    const logout = instance(store)
    const laptop = session()
    await logout.isLoggedOut(laptop)
    store.before = () => {
      throw new Error('down')
    }
    expect(await logout.isLoggedOut(laptop)).toBe(false)
    expect((await refusal(logout.endSession(laptop))).code).toBe('ERR_LOGOUT_FAILED')
    expect(await logout.isLoggedOut(laptop)).toBe(true)
    await logout.close()
  })

  test('a logout counts as soon as its first marker is stored', async () => {
    const store = new SpyStore()
    const logout = instance(store)
    const laptop = session()
    expect(await logout.isLoggedOut(laptop)).toBe(false)
    const [isStored, mayEnd] = [deferred(), deferred()]
    const add = store.add.bind(store)
    store.add = async (key, ...entry) => {
      if (!key.includes('"sid"')) await mayEnd.promise
      await add(key, ...entry)
      isStored.resolve()
    }
    const dates = { iat: clock.time, exp: clock.time + 120 }
    const received = logout.receive(await op.logoutToken({ sub: laptop.sub, sid: laptop.sid!, ...dates }))
    await isStored.promise
    for (let turn = 0; turn < 10; turn += 1) expect(await logout.isLoggedOut(laptop)).toBe(true)
    mayEnd.resolve()
    await received
  })

  test('a logout on another instance counts with its broadcast', async () => {
    const store = new BroadcastStore()
    const [here, there] = [instance(store), instance(store)]
    const laptop = session()
    await here.isLoggedOut(laptop)
    await here.isLoggedOut(session('phone'))
    await vi.waitFor(() => expect(store.listeners.size).toBe(1))
    await there.endSession(laptop)
    expect(await here.isLoggedOut(laptop)).toBe(true)
    const before = reads(store)
    expect(await here.isLoggedOut(session('phone'))).toBe(false)
    expect(reads(store)).toBe(before)
    await here.close()
    expect(store.listeners.size).toBe(0)
  })

  test.each([
    'lost',
    'missed, because the subscription has died',
    'missed, because the store has no subscribe',
    'missed, because the subscription fails',
  ])('a logout on another instance counts after at most recheckAfter if its broadcast is %s', async (kind) => {
    const store = /lost|died/.test(kind) ? new BroadcastStore() : new SpyStore()
    if (store instanceof BroadcastStore) store.isLost = kind === 'lost'
    const onError = vi.fn()
    const subscribe = vi.fn(() => Promise.reject(new Error('no connection')))
    if (kind.endsWith('fails')) Object.assign(store, { subscribe })
    const [here, there] = [instance(store, { onError }), instance(store)]
    const laptop = session()
    // The first check starts the subscription. Only the answer of the second check is cached.
    await here.isLoggedOut(laptop)
    await new Promise((resolve) => setImmediate(resolve))
    await here.isLoggedOut(laptop)
    if (store instanceof BroadcastStore) expect(store.listeners.size).toBe(1)
    if (store instanceof BroadcastStore && kind.endsWith('died')) store.listeners.clear()
    await there.endSession(laptop)
    advance(clock, 9.9)
    expect(await here.isLoggedOut(laptop)).toBe(false)
    advance(clock, 0.2)
    expect(await here.isLoggedOut(laptop)).toBe(true)
    if (!kind.endsWith('fails')) return
    expect(onError).toHaveBeenCalledOnce()
    for (let times = 0; times < 20; times += 1) await here.isLoggedOut(session(`other-${times}`))
    expect(subscribe).toHaveBeenCalledOnce()
  })

  test('answers from before the subscription do not count, because broadcasts may have been missed', async () => {
    const store = new BroadcastStore()
    const begun = deferred()
    const { subscribe } = store
    store.subscribe = async (listener) => (await begun.promise, subscribe(listener))
    const [here, there] = [instance(store), instance(store)]
    const laptop = session()
    expect(await here.isLoggedOut(laptop)).toBe(false)
    await there.endSession(laptop)
    begun.resolve()
    await vi.waitFor(() => expect(store.listeners.size).toBe(1))
    expect(await here.isLoggedOut(laptop)).toBe(true)
  })

  test('a subscription that never settles is reported once, and is tried again later', async () => {
    const store = new SpyStore()
    const onError = vi.fn()
    const subscribe = vi.fn(() => new Promise<never>(() => {}))
    const logout = instance(Object.assign(store, { subscribe }), { onError, storeTimeout: 0.02, pollInterval: 30 })
    for (let times = 0; times < 50; times += 1) await logout.isLoggedOut(session(`s${times}`))
    await vi.waitFor(() => expect(onError).toHaveBeenCalledOnce())
    await logout.isLoggedOut(session('again'))
    expect(subscribe).toHaveBeenCalledOnce()
    advance(clock, 31)
    await logout.isLoggedOut(session('later'))
    expect(subscribe).toHaveBeenCalledTimes(2)
  })

  test('a subscription that begins too late is ended once, and close does not report it again', async () => {
    const begun = deferred()
    const [onError, end] = [vi.fn(), vi.fn(async () => {})]
    const subscribe = async () => (await begun.promise, end)
    const logout = instance(Object.assign(new SpyStore(), { subscribe }), { onError, storeTimeout: 0.02 })
    await logout.isLoggedOut(session())
    await vi.waitFor(() => expect(onError).toHaveBeenCalledOnce())
    begun.resolve()
    await vi.waitFor(() => expect(end).toHaveBeenCalledOnce())
    await logout.close()
    expect([onError.mock.calls.length, end.mock.calls.length]).toEqual([1, 1])
  })

  test('a check after close starts no subscription', async () => {
    const store = new BroadcastStore()
    const logout = instance(store)
    await logout.close()
    expect(await logout.isLoggedOut(session())).toBe(false)
    expect(store.subscriptions).toBe(0)
  })

  test('trackSession reads the store, not the cached answer', async () => {
    const store = new SpyStore()
    const [here, there] = [instance(store), instance(store)]
    const laptop = session()
    expect(await here.isLoggedOut(laptop)).toBe(false)
    await there.endSession(laptop)
    expect(await here.trackSession(laptop, 'id')).toBe(false)
  })

  test('100,000 answers are cached, and one more evicts the least recently used answer', async () => {
    const store = new SpyStore()
    const logout = instance(store, { recheckAfter: 3600 })
    const first = session('first')
    await logout.isLoggedOut(first)
    for (let index = 0; index < 100_000; index += 1) await logout.isLoggedOut(session(`s${index}`))
    const before = reads(store)
    store.calls.length = 0
    await logout.isLoggedOut(session('s99999'))
    expect(reads(store)).toBe(0)
    await logout.isLoggedOut(first)
    expect([before, reads(store)]).toEqual([100_001, 1])
    // The answer for s1 was used last, so the answer for s2 is evicted first.
    await logout.isLoggedOut(session('s1'))
    await logout.isLoggedOut(session('s100000'))
    await logout.isLoggedOut(session('s1'))
    expect(reads(store)).toBe(2)
    await logout.isLoggedOut(session('s2'))
    expect(reads(store)).toBe(3)
  })

  test('if other instances broadcast more than 100,000 markers, all cached answers are dropped', async () => {
    const store = new BroadcastStore()
    const logout = instance(store, { recheckAfter: 3600 })
    const laptop = session()
    await logout.isLoggedOut(laptop)
    await vi.waitFor(() => expect(store.listeners.size).toBe(1))
    await logout.isLoggedOut(laptop)
    const broadcast = (count: number, name: string): Promise<void> =>
      store.publish(JSON.stringify([1, ...Array.from({ length: count }, (_, index) => `${name} ${index}`)]))
    await broadcast(100_000, 'key')
    const before = reads(store)
    await logout.isLoggedOut(laptop)
    expect(reads(store)).toBe(before)
    await broadcast(1, 'one more')
    await logout.isLoggedOut(laptop)
    expect(reads(store)).toBe(before + 1)
    // The markers from before count no longer.
    await broadcast(1, 'the next')
    await logout.isLoggedOut(laptop)
    expect(reads(store)).toBe(before + 1)
    await broadcast(60_000, 'early')
    advance(clock, 3601)
    const phone = { ...session('phone'), iat: clock.time }
    await logout.isLoggedOut(phone)
    await broadcast(60_000, 'late')
    await logout.isLoggedOut(phone)
    expect(reads(store)).toBe(before + 2)
    await logout.close()
  })

  test('a broadcast is remembered for as long as an answer is reused, whatever is broadcast later', async () => {
    const store = new BroadcastStore()
    const [here, there] = [instance(store), instance(store)]
    const laptop = session()
    await here.isLoggedOut(laptop)
    await vi.waitFor(() => expect(store.listeners.size).toBe(1))
    await here.isLoggedOut(laptop)
    await there.endSession(laptop)
    advance(clock, 5)
    await store.publish('[1,"another key"]')
    expect(await here.isLoggedOut(laptop)).toBe(true)
    await here.close()
  })

  test('a logout counts at once even if the clock stands still, as it does on some runtimes', async () => {
    vi.spyOn(performance, 'now').mockReturnValue(performance.now())
    const logout = instance(new SpyStore())
    expect(await logout.isLoggedOut(session())).toBe(false)
    await logout.endSession(session())
    expect(await logout.isLoggedOut(session())).toBe(true)
    advance(clock, 0)
  })

  test('after exactly recheckAfter seconds, the store is read again', async () => {
    const now = vi.spyOn(performance, 'now')
    const store = new SpyStore()
    const logout = instance(store)
    for (const [milliseconds, count] of [
      [1000, 1],
      [10_999, 1],
      [11_000, 2],
    ] as const) {
      now.mockReturnValue(milliseconds)
      await logout.isLoggedOut(session())
      expect([milliseconds, reads(store)]).toEqual([milliseconds, count])
    }
    advance(clock, 0)
  })

  test('a check does not join a read that began more than recheckAfter ago', async () => {
    const store = new SpyStore()
    const answer = deferred()
    store.before = () => answer.promise
    const logout = instance(store, { recheckAfter: 0.5 })
    const laptop = session()
    const checks = [logout.isLoggedOut(laptop), logout.isLoggedOut(laptop)]
    expect(reads(store)).toBe(1)
    advance(clock, 0.5)
    checks.push(logout.isLoggedOut(laptop))
    expect(reads(store)).toBe(2)
    answer.resolve()
    expect(await Promise.all(checks)).toEqual([false, false, false])
  })

  test.each([-1, Number.NaN, '10'])('%s is refused', (recheckAfter) => {
    expect(() => instance(new SpyStore(), { recheckAfter: recheckAfter as number })).toThrow('recheckAfter')
  })
})

describe('checks of one session at the same time', () => {
  test('share one call of the store, and its failure', async () => {
    const store = new SpyStore()
    const logout = create(op, { now: clock.now, store })
    const laptop = session()
    expect(await Promise.all(Array.from({ length: 20 }, () => logout.isLoggedOut(laptop)))).toEqual(
      Array(20).fill(false),
    )
    expect(reads(store)).toBe(1)
    store.before = () => {
      throw new Error('down')
    }
    const failed = await Promise.all([1, 2, 3].map(() => refusal(logout.isLoggedOut(laptop))))
    expect(failed.map(({ code }) => code)).toEqual(Array(3).fill('ERR_LOGOUT_FAILED'))
    expect(reads(store)).toBe(2)
  })

  test('a check that begins after a logout on another instance does not join an earlier read', async () => {
    const store = new SpyStore()
    const [here, there] = [0, 1].map(() => create(op, { now: clock.now, store }))
    const laptop = session()
    const gate = deferred()
    const values = store.values.bind(store)
    let isHeld = true
    store.values = async (keys) => {
      const found = await values(keys)
      if (isHeld) await gate.promise
      return found
    }
    const early = here!.isLoggedOut(laptop)
    await new Promise((resolve) => setImmediate(resolve))
    isHeld = false
    await there!.endSession(laptop)
    expect(await here!.isLoggedOut(laptop)).toBe(true)
    gate.resolve()
    await early
  })

  test('each session is judged by its own iat and client', async () => {
    const store = new SpyStore()
    const logout = create(op, { now: clock.now, store })
    const laptop = session()
    await logout.endSession(laptop)
    store.calls.length = 0
    const claims = [laptop, { ...laptop, iat: laptop.iat + 1 }]
    expect(await Promise.all(claims.map((one) => logout.isLoggedOut(one)))).toEqual([true, false])
    expect(reads(store)).toBe(1)
  })
})
