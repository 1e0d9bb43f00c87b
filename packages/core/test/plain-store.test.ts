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

test('RP-39c: while 1,000 calls of a store have no answer, further calls fail at once, for at most a minute', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  onTestFinished(() => void vi.useRealTimers())
  const op = await createTestIssuer()
  const store = new SpyStore()
  let hangs = deferred()
  store.before = () => hangs.promise
  const logout = create(op, { store })
  const check = async (index: number) =>
    logout.isLoggedOut(op.session({ sid: `session-${index}` })).catch((error: Error) => (error.cause as Error).message)
  const checkAll = (count: number) => Promise.all(Array.from({ length: count }, (_, index) => check(index)))
  const timedOut = checkAll(1000)
  await vi.advanceTimersByTimeAsync(1000)
  expect(new Set(await timedOut)).toEqual(new Set(['took over 1 s']))
  const before = store.calls.length
  expect(await check(0)).toBe('1000 calls have no answer')
  expect(store.calls).toHaveLength(before)
  // Answers that come late make room.
  hangs.resolve()
  await vi.advanceTimersByTimeAsync(0)
  expect(await check(0)).toBe(false)
  // A driver can lose calls.
  hangs = deferred()
  const lost = checkAll(1000)
  await vi.advanceTimersByTimeAsync(1000)
  await lost
  store.before = () => {}
  expect(await check(0)).toBe('1000 calls have no answer')
  await vi.advanceTimersByTimeAsync(60_000)
  expect(await check(0)).toBe(false)
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
