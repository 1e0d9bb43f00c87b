import { type LogoutStore } from '@bcl/core'
import { createTestIssuer } from '@bcl/testing'
import { createHook } from 'node:async_hooks'
import { expect, onTestFinished, test, vi } from 'vitest'
import { create, deferred, refusal, SpyStore } from './support.js'

test('a store may answer without a promise, and may throw', async () => {
  const op = await createTestIssuer()
  const entries = new Map<string, Set<string>>()
  let isDown = false
  const store: LogoutStore = {
    add(key, value) {
      if (isDown) throw new Error('down')
      entries.set(key, (entries.get(key) ?? new Set()).add(value))
    },
    values(keys) {
      if (isDown) throw new Error('down')
      return keys.map((key) => [...(entries.get(key) ?? [])])
    },
    remove: (key, value) => void entries.get(key)?.delete(value),
  }
  const logout = create(op, { store })
  expect(await logout.isLoggedOut(op.session())).toBe(false)
  await logout.receive(await op.logoutToken())
  expect(await logout.isLoggedOut(op.session())).toBe(true)
  isDown = true
  expect((await refusal(logout.isLoggedOut(op.session({ sid: 'phone' })))).code).toBe('ERR_LOGOUT_FAILED')
  expect((await refusal(logout.receive(await op.logoutToken({ sid: 'phone' })))).code).toBe('ERR_LOGOUT_FAILED')
})

test('RP-39c: after 1,000 calls without an answer, one call a second is sent until the store answers', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  onTestFinished(() => void vi.useRealTimers())
  const op = await createTestIssuer()
  const store = new SpyStore()
  const hangs = deferred()
  store.before = () => hangs.promise
  const logout = create(op, { store })
  const check = async (index: number) =>
    logout.isLoggedOut(op.session({ sid: `session-${index}` })).catch((error: Error) => (error.cause as Error).message)
  const checkAll = (count: number) => Promise.all(Array.from({ length: count }, (_, index) => check(index)))
  const timedOut = checkAll(1000)
  await vi.advanceTimersByTimeAsync(1000)
  expect(new Set(await timedOut)).toEqual(new Set(['took over 1 s']))
  const before = store.calls.length
  const [probe, ...others] = [check(0), check(1), check(2)]
  expect(await Promise.all(others)).toEqual(Array(2).fill('1000 calls have no answer'))
  await vi.advanceTimersByTimeAsync(1000)
  expect(await probe).toBe('took over 1 s')
  expect(store.calls).toHaveLength(before + 1)
  // The driver has lost these calls, but the store works again.
  store.before = () => {}
  expect(await check(0)).toBe(false)
  expect(await checkAll(10)).toEqual(Array(10).fill(false))
})

test('RP-39c: an answer without a promise also shows that the store works again', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  onTestFinished(() => void vi.useRealTimers())
  const op = await createTestIssuer()
  let values: LogoutStore['values'] = () => new Promise(() => {})
  const logout = create(op, { store: { add() {}, values: (keys) => values(keys), remove() {} } })
  const checkAll = (count: number) =>
    Promise.all(
      Array.from({ length: count }, async (_, index) =>
        logout.isLoggedOut(op.session({ sid: `session-${index}` })).catch(() => 'failed'),
      ),
    )
  const timedOut = checkAll(1000)
  await vi.advanceTimersByTimeAsync(1000)
  await timedOut
  values = (keys) => keys.map(() => [])
  expect(await checkAll(1)).toEqual([false])
  expect(await checkAll(10)).toEqual(Array(10).fill(false))
})

test('RP-39: a failed call of a lazy thenable runs once', async () => {
  const op = await createTestIssuer()
  let runs = 0
  // Some query builders run the query at each call of `then`.
  // oxlint-disable-next-line unicorn/no-thenable -- it behaves like such a query builder
  const lazy = { then: (_: unknown, reject: (error: Error) => void) => reject(new Error(`run ${(runs += 1)}`)) }
  const logout = create(op, { store: { add: () => lazy as never, values: (keys) => keys.map(() => []), remove() {} } })
  const session = op.session()
  await expect(logout.trackSession(session, 'id')).rejects.toThrow()
  const before = runs
  await new Promise((resolve) => setImmediate(resolve))
  expect(runs).toBe(before)
  expect(runs).toBe(2) // one call for each scope of the session
})

test('a store may answer some calls without a promise. Its markers are not kept in memory after they were written', async () => {
  const op = await createTestIssuer()
  const store = new SpyStore()
  const add = (...args: Parameters<LogoutStore['add']>) => {
    const added = store.add(...args)
    return args[0].includes('"sid"') ? undefined : added
  }
  const logout = create(op, {
    store: { add: add as LogoutStore['add'], values: store.values.bind(store), remove() {} },
  })
  await logout.receive(await op.logoutToken())
  expect(await logout.isLoggedOut(op.session())).toBe(true)
  store.entries.clear()
  expect(await logout.isLoggedOut(op.session())).toBe(false)
})

test('a store may answer one of two calls without a promise. The failure of the other call is reported', async () => {
  const op = await createTestIssuer()
  const store = new SpyStore()
  const add = (...args: Parameters<LogoutStore['add']>) =>
    args[0].includes('"sid"') ? void store.add(...args) : Promise.reject(new Error('down'))
  const logout = create(op, { store: { add, values: store.values.bind(store), remove() {} } })
  expect((await refusal(logout.receive(await op.logoutToken()))).code).toBe('ERR_LOGOUT_FAILED')
  expect(await logout.isLoggedOut(op.session({ sid: undefined }))).toBe(true)
})

test('a check makes only one promise if the store answers without a promise', async () => {
  const op = await createTestIssuer()
  const logout = create(op)
  const session = op.session()
  // The first answer shows that the store needs no promise.
  await logout.isLoggedOut(session)
  let promises = 0
  const hook = createHook({ init: (_id, type) => void (promises += Number(type === 'PROMISE')) }).enable()
  const check = logout.isLoggedOut(session)
  const made = promises
  hook.disable()
  expect(await check).toBe(false)
  expect(made).toBe(1)
})
