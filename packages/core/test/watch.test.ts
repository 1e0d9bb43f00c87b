import { type LogoutStore, type TrustedIssuer } from '@bcl/core'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { create, createClock, deferred, refusal, sharedIssuer, SpyStore, timersOf } from './support.js'

const op = await sharedIssuer()

/** A store that several instances share. A test can cut its broadcasts. */
function sharedStore() {
  const store = new SpyStore()
  const subscribers = new Set<(message: string) => void>()
  const line = { cut: false, messages: [] as string[], subscriptions: 0 }
  const shared: LogoutStore = {
    add: (...args) => store.add(...args),
    values: (...args) => store.values(...args),
    remove: (...args) => store.remove(...args),
    async publish(message) {
      line.messages.push(message)
      if (!line.cut) for (const hear of subscribers) hear(message)
    },
    async subscribe(listener) {
      line.subscriptions += 1
      subscribers.add(listener)
      return async () => void subscribers.delete(listener)
    },
  }
  return { store, shared, line, subscribers }
}

describe('watch', () => {
  test('calls the listener once for a logout on this instance', async () => {
    const onError = vi.fn()
    const logout = create(op, { onError })
    const ended = vi.fn()
    const other = vi.fn()
    logout.watch(op.session(), ended)
    logout.watch(op.session({ sid: 'session-2' }), other)
    await logout.receive(await op.logoutToken())
    await logout.receive(await op.logoutToken())
    expect(ended).toHaveBeenCalledOnce()
    expect(other).not.toHaveBeenCalled()
    await logout.receive(await op.logoutToken({ sid: undefined }))
    expect(other).toHaveBeenCalledOnce()
    await logout.close()
    expect(onError).not.toHaveBeenCalled()
  })

  test('a session may be an object of a class whose claims are getters, and may be changed later', async () => {
    const logout = create(op)
    const { iss, sub, sid, iat } = op.session()
    class Stored {
      get iss() {
        return iss
      }
      get sub() {
        return sub
      }
      get sid() {
        return sid
      }
      get iat() {
        return iat
      }
    }
    const changed = op.session()
    const [getters, earlier] = [vi.fn(), vi.fn()]
    logout.watch(new Stored(), getters)
    logout.watch(changed, earlier)
    Object.assign(changed, { sid: 'session-2', iat: iat + 1 })
    await logout.receive(await op.logoutToken())
    expect(getters).toHaveBeenCalledOnce()
    expect(earlier).toHaveBeenCalledOnce()
    await logout.close()
  })

  test('calls the listener before the logout listeners have finished, and even if a logout listener fails', async () => {
    const logout = create(op)
    const gate = deferred()
    const ended = deferred()
    logout.watch(op.session(), ended.resolve)
    logout.onLogout(async () => {
      await gate.promise
      throw new Error('a listener fails')
    })
    const received = logout.receive(await op.logoutToken())
    await ended.promise
    gate.resolve()
    await expect(received).rejects.toThrow('listener')
    await logout.close()
  })

  test('does not call the listener after the watch has ended, or for a session that began later', async () => {
    const logout = create(op)
    const ended = vi.fn()
    logout.watch(op.session(), ended)()
    logout.watch(op.session({ iat: op.now() }), ended)
    await logout.receive(await op.logoutToken({ iat: op.now() - 1 }))
    expect(ended).not.toHaveBeenCalled()
    await logout.close()
  })

  test('calls the listener for a logout that came before the watch', async () => {
    const { shared } = sharedStore()
    await create(op, { store: shared }).receive(await op.logoutToken())
    const logout = create(op, { store: shared })
    const ended = deferred()
    logout.watch(op.session(), ended.resolve)
    await ended.promise
    await logout.close()
  })

  test('RP-36: calls the listener if the session is older than sessionMaxAge', async () => {
    const clock = createClock(op.now())
    const logout = create(op, { now: clock.now, pollInterval: 0.01 })
    const ended = deferred()
    logout.watch(op.session({ iat: clock.time - 3600 }), ended.resolve)
    clock.time += 1
    await ended.promise
    await logout.close()
  })

  test('calls the listener for a logout on another instance after the broadcast', async () => {
    const { shared, subscribers, line } = sharedStore()
    const logout = create(op, { store: shared })
    const ended = deferred()
    logout.watch(op.session(), ended.resolve)
    logout.watch(op.session({ sid: 'session-2' }), () => expect.fail('another session'))
    await vi.waitFor(() => expect(subscribers.size).toBe(1))
    await create(op, { store: shared }).receive(await op.logoutToken())
    await ended.promise
    expect(line.subscriptions).toBe(1)
    await logout.close()
    expect(subscribers.size).toBe(0)
  })

  test('a broadcast is only a hint, and ends no session without a marker in the store', async () => {
    const { store, shared, subscribers } = sharedStore()
    const onError = vi.fn()
    const logout = create(op, { store: shared, onError })
    const ended = vi.fn()
    logout.watch(op.session(), ended)
    await vi.waitFor(() => expect(store.calls.length).toBe(1))
    const [hear] = subscribers
    const key = `[1,"logout","sub","${op.issuer}","alice"]`
    for (const message of ['', '{}', 'null', '[]', '[2]', '[1,7]', '[1,"x"]', JSON.stringify([2, key])]) hear!(message)
    await new Promise((resolve) => setImmediate(resolve))
    expect(store.calls.length).toBe(1)
    // A key that a broadcast repeats is read once.
    hear!(JSON.stringify([1, key, key]))
    await new Promise((resolve) => setImmediate(resolve))
    expect(store.calls[1]).toBe(`values ${key}`)
    expect(ended).not.toHaveBeenCalled()
    expect(onError).not.toHaveBeenCalled()
    await logout.close()
  })

  test('if a broadcast is lost, the next poll finds the logout', async () => {
    const { shared, line } = sharedStore()
    line.cut = true
    const logout = create(op, { store: shared, pollInterval: 0.02 })
    const ended = deferred()
    logout.watch(op.session(), ended.resolve)
    await create(op, { store: shared }).receive(await op.logoutToken())
    await ended.promise
    await logout.close()
  })

  test('a store without broadcasts is polled with few calls', async () => {
    const store = new SpyStore()
    const logout = create(op, { store, pollInterval: 0.05 })
    const ended = vi.fn()
    for (let index = 0; index < 10_000; index += 1)
      logout.watch(op.session({ sid: `s${index}`, sub: `u${index}` }), ended)
    await vi.waitFor(() => expect(store.calls.at(-1)).toContain('s9999'))
    store.calls.length = 0
    await create(op, { store }).receive(await op.logoutToken({ sid: 's77', sub: 'u77' }))
    await vi.waitFor(() => expect(ended).toHaveBeenCalledOnce())
    await logout.close()
    expect(store.calls.filter((call) => call.startsWith('values') && call.includes('s9999')).length).toBeLessThan(10)
    expect(store.calls.length).toBeLessThan(100)
    expect(Math.max(...store.calls.map((call) => call.split(' ').length - 1))).toBe(5000)
  })

  test('watches that begin at the same moment share calls of the store', async () => {
    const store = new SpyStore()
    await create(op, { store }).receive(await op.logoutToken({ sid: 's77', sub: 'u77' }))
    store.calls.length = 0
    const logout = create(op, { store })
    const ended = Array.from({ length: 10_000 }, () => vi.fn())
    for (const [index, listener] of ended.entries())
      logout.watch(op.session({ sid: `s${index}`, sub: `u${index}` }), listener)
    await vi.waitFor(() => expect(ended[77]).toHaveBeenCalledOnce())
    expect(ended.filter((listener) => listener.mock.calls.length > 0)).toHaveLength(1)
    expect(store.calls.map((call) => call.split(' ').length - 1)).toEqual([5000, 5000, 5000, 5000])
    await logout.close()
  })

  test('a poll and a broadcast read each key once, even if a session has several watches', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const { shared, store } = sharedStore()
    const asked: string[] = []
    const values = (keys: readonly string[]) => (asked.push(...keys), store.values(keys))
    const logout = create(op, { store: { ...shared, values } })
    const ended = vi.fn()
    const count = 50_000
    for (let index = 0; index < count; index += 1) logout.watch(op.session(), ended)
    await vi.waitFor(() => expect(asked.length).toBe(2), 10_000)

    asked.length = 0
    await vi.advanceTimersByTimeAsync(30_000)
    expect(asked.length).toBe(2)
    expect(new Set(asked).size).toBe(2)

    asked.length = 0
    const elsewhere = create(op, { store: shared })
    await elsewhere.receive(await op.logoutToken({ sid: 'session-2', sub: 'bob' }))
    expect(asked).toEqual([])
    await elsewhere.receive(await op.logoutToken({ sid: undefined }))
    await vi.waitFor(() => expect(ended).toHaveBeenCalledTimes(count), 10_000)
    expect(asked).toHaveLength(1)
    await logout.close()
  }, 30_000)

  test('a failure of the store is reported, and the store is read again later', async () => {
    const store = new SpyStore()
    store.before = () => {
      throw new Error('down')
    }
    const onError = vi.fn()
    const logout = create(op, { store, onError, pollInterval: 0.01 })
    const ended = deferred()
    logout.watch(op.session(), ended.resolve)
    await vi.waitFor(() => expect(onError.mock.calls.length).toBeGreaterThan(1))
    store.before = () => {}
    await create(op, { store }).receive(await op.logoutToken())
    await ended.promise
    await logout.close()
  })

  test('while the store is down, calls the listeners for an expired session and for a pending logout', async () => {
    const store = new SpyStore()
    store.before = () => {
      throw new Error('down')
    }
    const logout = create(op, { store, onError: () => {} })
    await refusal(logout.receive(await op.logoutToken()))
    const sessions = [op.session(), op.session({ sid: 'old', iat: op.now() - 3601 })]
    await Promise.all(
      sessions.map((session) => {
        const ended = deferred()
        logout.watch(session, ended.resolve)
        return ended.promise
      }),
    )
    store.before = () => {}
    await logout.close()
  })

  test('a failed subscription is reported, and tried again', async () => {
    const { shared, subscribers } = sharedStore()
    let failures = 1
    const { subscribe } = shared
    shared.subscribe = async (listener) => {
      if (failures-- > 0) throw new Error('no subscription')
      return subscribe!(listener)
    }
    const onError = vi.fn()
    const logout = create(op, { store: shared, onError, pollInterval: 0.01 })
    logout.watch(op.session(), () => {})
    await vi.waitFor(() => expect(subscribers.size).toBe(1))
    expect(String(onError.mock.calls[0]![0])).toContain('no subscription')
    await logout.close()
  })

  test('an error of a listener is reported, and other listeners are called', async () => {
    const onError = vi.fn()
    const logout = create(op, { onError })
    const ended = vi.fn()
    logout.watch(op.session(), () => {
      throw new Error('a watcher fails')
    })
    logout.watch(op.session(), ended)
    await logout.receive(await op.logoutToken())
    await vi.waitFor(() => expect(String(onError.mock.calls[0]?.[0])).toContain('a watcher fails'))
    expect(ended).toHaveBeenCalledOnce()
    await logout.close()
  })

  test('with an issuer function, a session of an unknown issuer is reported', async () => {
    const onError = vi.fn()
    const logout = create(op, { issuers: async () => undefined, onError })
    logout.watch(op.session(), () => expect.fail('was never watched'))
    await vi.waitFor(() => expect(onError.mock.calls[0]?.[0]).toBeInstanceOf(TypeError))
    await logout.close()
  })

  test('a session of an unknown issuer is not watched, even if its issuer is added later', async () => {
    const onError = vi.fn()
    const tenants: TrustedIssuer[] = []
    const logout = create(op, { issuers: async () => tenants, onError })
    const ended = vi.fn()
    logout.watch(op.session(), ended)
    await vi.waitFor(() => expect(onError).toHaveBeenCalledOnce())
    tenants.push(op.trusted)
    await logout.receive(await op.logoutToken())
    expect(await logout.isLoggedOut(op.session())).toBe(true)
    expect(ended).not.toHaveBeenCalled()
    await logout.close()
  })

  test('if the issuer function fails at first, the session is still watched from the next poll', async () => {
    let failures = 1
    const issuers = async () => {
      if (failures-- > 0) throw new Error('database')
      return op.trusted
    }
    const logout = create(op, { issuers, pollInterval: 0.02 })
    const ended = deferred()
    logout.watch(op.session(), ended.resolve)
    await logout.receive(await op.logoutToken({ sid: 'another' })).catch(() => {})
    await logout.receive(await op.logoutToken())
    await ended.promise
    await logout.close()
  })

  test('close ends in time and writes pending markers, even if the subscription hangs', async () => {
    for (const subscribe of [
      () => new Promise<never>(() => {}),
      async () => () => new Promise<never>(() => {}),
      async () => () => Promise.reject(new Error('gone')),
    ]) {
      const store = new SpyStore()
      store.before = (call) => {
        if (call === 'add') throw new Error('down')
      }
      const logout = create(op, { store: Object.assign(store, { subscribe }), storeTimeout: 0.1 })
      logout.watch(op.session({ sid: 'session-2', sub: 'bob' }), () => {})
      await logout.receive(await op.logoutToken()).catch(() => {})
      store.before = () => {}
      await logout.close()
      expect(await create(op, { store }).isLoggedOut(op.session())).toBe(true)
    }
  })

  test('an unreadable entry of one session does not affect the watches of other sessions', async () => {
    const store = new SpyStore()
    const logout = create(op, { store, pollInterval: 0.02 })
    const ended = deferred()
    logout.watch(op.session({ sid: 'garbled' }), () => expect.fail('nothing says that it ended'))
    logout.watch(op.session(), ended.resolve)
    await create(op, { store }).receive(await op.logoutToken({ sid: 'garbled', sub: undefined }))
    for (const [key] of store.entries) if (key.includes('garbled')) store.entries.set(key, new Map([['{}', Infinity]]))
    await create(op, { store }).receive(await op.logoutToken())
    await ended.promise
    await logout.close()
    expect(() => logout.watch(op.session(), () => {})).toThrow('after close')
  })

  test('a watch after close does not call the issuer function', async () => {
    const unhandled = vi.fn()
    process.on('unhandledRejection', unhandled)
    const issuers = vi.fn(() => Promise.reject(new Error('database')))
    const logout = create(op, { issuers })
    await logout.close()
    expect(() => logout.watch(op.session(), () => {})).toThrow('after close')
    await new Promise((resolve) => setImmediate(resolve))
    process.off('unhandledRejection', unhandled)
    expect(unhandled).not.toHaveBeenCalled()
    expect(issuers).not.toHaveBeenCalled()
  })

  test('a listener that is not a function is a TypeError', () => {
    const watch = () => create(op).watch(op.session(), undefined as never)
    expect(watch).toThrow(TypeError)
    expect(watch).toThrow('listener must be a function, got undefined')
  })

  test('no listener is called after close, and no timer is left', async () => {
    const { shared, subscribers } = sharedStore()
    const ended = vi.fn()
    const subscribed = deferred()
    const subscribe: typeof shared.subscribe = async (listener) => {
      const end = await shared.subscribe!(listener)
      subscribed.resolve()
      return end
    }
    const { left } = await timersOf(async () => {
      const logout = create(op, { store: { ...shared, subscribe }, pollInterval: 60 })
      logout.watch(op.session(), ended)
      await subscribed.promise
      await logout.close()
      await logout.close()
      await logout.receive(await op.logoutToken())
    })
    expect(left).toBe(0)
    expect(subscribers.size).toBe(0)
    expect(ended).not.toHaveBeenCalled()
  })

  test('polls stop with the last watch, and start again with the next watch', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const store = new SpyStore()
    const logout = create(op, { store, pollInterval: 10 })
    const end = logout.watch(op.session(), () => {})
    await vi.advanceTimersByTimeAsync(20_000)
    expect(store.calls.length).toBe(3)
    end()
    await vi.advanceTimersByTimeAsync(10_000)
    expect([store.calls.length, vi.getTimerCount()]).toEqual([3, 0])
    const ended = vi.fn()
    logout.watch(op.session({ sid: 'session-2' }), ended)
    await create(op, { store }).receive(await op.logoutToken({ sid: 'session-2' }))
    expect(ended).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(10_000)
    expect(ended).toHaveBeenCalledOnce()
    await logout.close()
  })
})
