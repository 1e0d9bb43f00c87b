import type { BackchannelLogout, LogoutStore } from '@bcl/core'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createPendingMarkers } from '../src/sessions/pending-markers.js'
import { singleFlight, type Flight } from '../src/util/single-flight.js'
import { create, createClock, deferred, refusal, sharedIssuer, SpyStore } from './support.js'

const clock = createClock()
const op = await sharedIssuer(clock)
const secret = 's'.repeat(32)
const { keys: _, ...trusted } = { ...op.trusted, algorithms: ['HS256'], clientSecret: secret }
const token = async (sid: string) =>
  op.sign(
    {
      iss: op.issuer,
      aud: op.clientId,
      iat: clock.time,
      exp: clock.time + 120,
      jti: sid,
      sid,
      events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
    },
    { alg: 'HS256' },
    new TextEncoder().encode(secret),
  )

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }))
afterEach(() => void vi.useRealTimers())

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** A store that takes `milliseconds` for each call. While it is down, `add` never answers. */
class SlowStore extends SpyStore {
  isDown = true
  milliseconds = 0
  underWay = 0
  most = 0
  override before = async (call: string) => {
    if (call === 'add' && this.isDown) await new Promise(() => {})
    this.underWay += 1
    this.most = Math.max(this.most, this.underWay)
    if (this.milliseconds > 0) await sleep(this.milliseconds)
    this.underWay -= 1
  }
}

/** Sends logouts to a store that is down. Their requests fail, and their markers stay pending. */
async function leavePending(logout: BackchannelLogout, store: SpyStore, sids: readonly string[]): Promise<void> {
  const before = store.calls.length
  const refusals = (await Promise.all(sids.map(token))).map((jwt) => refusal(logout.receive(jwt)))
  await vi.waitFor(() => expect(store.calls.length - before).toBeGreaterThanOrEqual(sids.length), 20_000)
  // The clock moves in one step. So a flush that begins after one second still finds the store down.
  await vi.advanceTimersByTimeAsync(1600)
  await Promise.all(refusals)
}

const sids = (count: number, name = 'session') => Array.from({ length: count }, (_, index) => `${name}-${index}`)
const written = (store: SpyStore) => [...store.entries.keys()].filter((key) => key.includes('"logout"')).length

describe('RP-39a: shutting down', () => {
  describe('close and a request whose body is still arriving', () => {
    const requestWith = (body: Promise<string>) => {
      const store = new SpyStore()
      const logout = create(op, { issuers: [trusted], store })
      const stream = (async function* () {
        yield await body
      })()
      const contentType = 'application/x-www-form-urlencoded'
      const answered = logout.respond({ method: 'POST', contentType, body: stream })
      const onClosed = vi.fn()
      return { store, answered, onClosed, closed: logout.close().then(onClosed) }
    }

    test('close waits for the logout', async () => {
      const body = deferred<string>()
      const { store, answered, onClosed, closed } = requestWith(body.promise)
      await vi.advanceTimersByTimeAsync(1000)
      expect(onClosed).not.toHaveBeenCalled()
      body.resolve(`logout_token=${await token('late')}`)
      expect(await answered).toMatchObject({ status: 200 })
      await closed
      expect(written(store)).toBe(1)
    })

    test('if a body never ends, close waits only until the time limit for bodies', async () => {
      const { answered, closed } = requestWith(new Promise(() => {}))
      await vi.advanceTimersByTimeAsync(5000)
      expect(await answered).toMatchObject({ status: 400 })
      await closed
    })
  })

  test('if work never settles, close waits only until the time limit of the work', async () => {
    await vi.advanceTimersByTimeAsync(10_000)
    const flights = singleFlight<Flight<void>>(3)
    flights.run(() => new Promise(() => {}))
    const onSettled = vi.fn()
    void flights.settled().then(onSettled)
    await vi.advanceTimersByTimeAsync(2900)
    expect(onSettled).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(200)
    expect(onSettled).toHaveBeenCalledOnce()
  })

  test('close writes 3,000 pending markers, about fifty at a time', async () => {
    const store = new SlowStore()
    const onError = vi.fn()
    const logout = create(op, { issuers: [trusted], store, onError })
    await leavePending(logout, store, sids(3000))
    Object.assign(store, { isDown: false, milliseconds: 2 })
    onError.mockClear()
    const begun = performance.now()
    let ended = Infinity
    void logout.close().then(() => (ended = performance.now()))
    await vi.advanceTimersByTimeAsync(5000)
    expect(written(store)).toBe(3000)
    expect(store.most).toBeGreaterThan(30)
    expect(store.most).toBeLessThanOrEqual(50)
    expect(ended - begun).toBeLessThan(500)
    expect(onError).not.toHaveBeenCalled()
  }, 60_000)

  test('the flush after an outage also writes about fifty markers at a time', async () => {
    const store = new SlowStore()
    const logout = create(op, { issuers: [trusted], store })
    await leavePending(logout, store, sids(500))
    Object.assign(store, { isDown: false, milliseconds: 2 })
    // The next flush begins after one second. It writes fifty markers at a time, ten times.
    await vi.advanceTimersByTimeAsync(1100)
    expect(written(store)).toBe(500)
    expect(store.most).toBeLessThanOrEqual(50)
    await logout.close()
  }, 60_000)

  test('close waits for logouts in progress, and writes their pending markers', async () => {
    const store = new SlowStore()
    store.isDown = false
    const listening = deferred()
    const finish = deferred()
    const logout = create(op, { issuers: [trusted], store })
    logout.onLogout(() => {
      listening.resolve()
      return finish.promise
    })
    const received = logout.receive(await token('first'))
    await listening.promise
    store.isDown = true
    const failed = refusal(logout.receive(await token('second')))
    await vi.waitFor(() => expect(store.calls.some((call) => call.includes('second'))).toBe(true))

    const closed = vi.fn()
    const closing = logout.close().then(closed)
    await vi.advanceTimersByTimeAsync(1600)
    await failed
    expect(closed).not.toHaveBeenCalled()
    store.isDown = false
    finish.resolve()
    await received
    await closing
    expect(written(store)).toBe(2)
  })

  test('close waits for a logout whose keys take 18 s, if keysTimeout is 20 s', async () => {
    const store = new SpyStore()
    const issuers = [{ issuer: op.issuer, clientId: op.clientId }]
    // Discovery and the keys take nine seconds each.
    const fetch: typeof globalThis.fetch = async (...args) => {
      await sleep(9000)
      return op.fetch(...args)
    }
    const logout = create(op, { issuers, store, fetch, keysTimeout: 20 })
    const received = logout.receive(await op.logoutToken({ sub: undefined }))
    const atClose = logout.close().then(() => written(store))
    for (let seconds = 0; seconds < 19; seconds += 1) await vi.advanceTimersByTimeAsync(1000)
    await received
    expect(await atClose).toBe(1)
  })

  test('a second call of close writes the logouts that came after the first call', async () => {
    const store = new SlowStore()
    store.isDown = false
    const listener = vi.fn()
    const onError = vi.fn()
    const logout = create(op, { issuers: [trusted], store, onError })
    logout.onLogout(listener)
    await Promise.all([logout.close(), logout.close()])
    await logout.receive(await token('first'))
    expect(listener).toHaveBeenCalledOnce()
    store.isDown = true
    await leavePending(logout, store, ['second'])
    expect(await logout.isLoggedOut(op.session({ sid: 'second' }))).toBe(true)
    // After this time, the last call of the store has timed out.
    await vi.advanceTimersByTimeAsync(1000)
    expect(vi.getTimerCount()).toBe(0)
    store.isDown = false
    await logout.close()
    expect(written(store)).toBe(2)
    await logout.close()
    expect(onError).not.toHaveBeenCalled()
  })

  test('the subscription is ended once', async () => {
    const end = vi.fn(async () => {})
    const subscribed = deferred()
    const store = Object.assign(new SpyStore(), {
      subscribe: async () => {
        subscribed.resolve()
        return end
      },
    })
    const logout = create(op, { store })
    logout.watch(op.session(), () => {})
    await subscribed.promise
    await logout.close()
    await logout.close()
    expect(end).toHaveBeenCalledOnce()
  })

  test('RP-38: while writes hang, the waiting logouts have five writes in progress. Later, all are written', async () => {
    const store = new SpyStore()
    let hangs = true
    store.before = (call) => (hangs && call === 'add' ? new Promise(() => {}) : undefined)
    const logout = create(op, { issuers: [trusted], store })
    const refusals = (await Promise.all(sids(60).map(token))).map((jwt) => refusal(logout.receive(jwt)))
    await vi.waitFor(() => expect(store.calls.length).toBe(60))
    await vi.advanceTimersByTimeAsync(1600)
    await Promise.all(refusals)
    store.calls.length = 0
    await vi.advanceTimersByTimeAsync(20_000)
    // A flush begins every two seconds: one second after the time-out of the last write.
    expect(store.calls.length).toBeLessThanOrEqual(5 * 11)
    hangs = false
    await logout.close()
    expect(written(store)).toBe(60)
  })

  test('RP-38: logouts whose writes hang do not keep back the others for long, and not at all at close', async () => {
    const store = new SpyStore()
    let isDown = true
    store.before = (call, key) => {
      if (call === 'add' && key.includes('hangs')) return new Promise(() => {})
      if (call === 'add' && isDown) throw new Error('down')
      return undefined
    }
    const logout = create(op, { issuers: [trusted], store })
    const end = (sid: string) => refusal(logout.endSession({ iss: op.issuer, sid, iat: op.now() }))
    const isStored = (sid: string) => [...store.entries.keys()].some((key) => key.includes(sid))
    const ended = Array.from({ length: 60 }, (_, index) => end(`hangs-${index}`))
    ended.push(end('first'), end('second'))
    await vi.advanceTimersByTimeAsync(1600)
    await Promise.all(ended)
    isDown = false
    // Twelve flushes begin with markers that hang, each for two seconds.
    await vi.advanceTimersByTimeAsync(30_000)
    expect([isStored('first'), isStored('second')]).toEqual([true, true])
    isDown = true
    const last = end('last')
    await vi.advanceTimersByTimeAsync(1600)
    await last
    isDown = false
    const closed = logout.close()
    await vi.advanceTimersByTimeAsync(4000)
    await closed
    expect(isStored('last')).toBe(true)
  })

  test.each<[string, Partial<LogoutStore>]>([
    ['is down', { add: () => Promise.reject(new Error('down')) }],
    ['never answers', { add: () => new Promise(() => {}) }],
    [
      'never takes every second logout',
      {
        add: (key) => (/[02468]"]$/.test(key) ? new Promise(() => {}) : Promise.reject(new Error('down'))),
      },
    ],
  ])(
    'if the store %s, close gives up after about 3 s and reports the number of lost markers',
    async (_, methods) => {
      const add = vi.fn(methods.add!)
      const onError = vi.fn()
      const store = Object.assign(new SpyStore(), { add })
      const logout = create(op, { issuers: [trusted], store, onError })
      const refusals = (await Promise.all(sids(200).map(token))).map((jwt) => refusal(logout.receive(jwt)))
      await vi.waitFor(() => expect(add.mock.calls.length).toBeGreaterThanOrEqual(200), 20_000)
      await vi.advanceTimersByTimeAsync(1600)
      await Promise.all(refusals)
      add.mockClear()
      onError.mockClear()
      let isClosed = false
      void logout.close().then(() => (isClosed = true))
      await vi.advanceTimersByTimeAsync(3100)
      expect(isClosed).toBe(true)
      expect(add.mock.calls.length).toBeLessThanOrEqual(200)
      const messages = onError.mock.calls.map(([error]) => (error as Error).message)
      expect(messages).toEqual([
        ...Array<string>(messages.length - 1).fill('the store failed'),
        '200 markers were not written to the store',
      ])
    },
    60_000,
  )

  test('close writes the pending markers if the store comes back a moment later', async () => {
    const store = new SlowStore()
    const onError = vi.fn()
    const logout = create(op, { issuers: [trusted], store, onError })
    await leavePending(logout, store, sids(60))
    store.isDown = false
    let isBack = false
    setTimeout(() => (isBack = true), 300)
    store.before = async (call) => {
      if (call === 'add' && !isBack) throw new Error('down')
    }
    let isClosed = false
    void logout.close().then(() => (isClosed = true))
    await vi.advanceTimersByTimeAsync(600)
    expect(isClosed).toBe(true)
    expect(written(store)).toBe(60)
    expect(onError.mock.calls.map(([error]) => (error as Error).message)).not.toContainEqual(
      expect.stringMatching(/not written/),
    )
  }, 60_000)

  test('a flush ends in time even if the store takes only some markers', async () => {
    const store = new SlowStore()
    const onError = vi.fn()
    const logout = create(op, { issuers: [trusted], store, onError, storeTimeout: 0.5 })
    await leavePending(logout, store, sids(3000))
    store.before = async (call) => {
      // Each call takes almost its whole limit. So all calls together would take 30 seconds.
      if (call === 'add') await sleep(490)
    }
    let isClosed = false
    void logout.close().then(() => (isClosed = true))
    await vi.advanceTimersByTimeAsync(11_000)
    expect(isClosed).toBe(true)
    expect(onError.mock.calls.at(-1)![0]).toMatchObject({ message: expect.stringMatching(/^\d+ markers were not/) })
  }, 60_000)
})

test('a clock that is wrong for a moment does not drop a pending logout', async () => {
  const store = new SlowStore()
  const logout = create(op, { issuers: [trusted], store, sessionMaxAge: 3600 })
  await leavePending(logout, store, ['session'])
  clock.time += 9 * 3600
  store.isDown = false
  await vi.advanceTimersByTimeAsync(1100)
  clock.time -= 9 * 3600
  await logout.close()
  expect(await create(op, { issuers: [trusted], store }).isLoggedOut(op.session({ sid: 'session' }))).toBe(true)
})

// This test uses internal functions, because 100,000 failed logouts take too long.
test('if too many logouts are pending, each dropped logout is reported', async () => {
  const onError = vi.fn()
  const pending = createPendingMarkers({
    store: { add: () => Promise.reject(new Error('down')) },
    storeTimeout: 1,
    onWritten() {},
    onError,
  })
  const marker = (index: number) => ({ clientId: 'c', iat: 1, key: String(index), value: '', expiresAt: 2 })
  const markers = Array.from({ length: 100_002 }, (_, index) => marker(index))
  await expect(pending.write(markers, 0)).rejects.toThrow('down')
  expect(onError.mock.calls.map(([error]) => String(error))).toEqual(
    Array(2).fill('Error: dropped: too many markers were not written to the store'),
  )
  expect(pending.markersOf(['0', '1'])).toEqual([])
  expect(pending.markersOf(['2'])).toEqual([marker(2)])
})

test('if the store refuses a logout, the last error is reported, not a time-out', async () => {
  const store = new SpyStore()
  // The time ends during an attempt that has not failed yet.
  store.before = async (call) => {
    if (call === 'add') await sleep(400)
    throw new Error('relation "bcl_logouts" does not exist')
  }
  const logout = create(op, { issuers: [trusted], store })
  const failed = refusal(logout.receive(await token('session')))
  await vi.waitFor(() => expect(store.calls).not.toEqual([]))
  await vi.advanceTimersByTimeAsync(1600)
  expect((await failed).cause).toMatchObject({ message: 'relation "bcl_logouts" does not exist' })
})
