import { createTestIssuer } from '@bcl/testing'
import { readFileSync } from 'node:fs'
import { afterEach, expect, test, vi } from 'vitest'
import { create, SpyStore } from './support.js'

const op = await createTestIssuer()

afterEach(() => {
  vi.useRealTimers()
})

/** Runs `work` on a fake clock, and returns the seconds that passed. Only timers take time on this clock. */
async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  let isDone = false
  const done = work().finally(() => (isDone = true))
  while (!isDone) {
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
    await vi.advanceTimersToNextTimerAsync()
  }
  await done
  return (performance.now() - startedAt) / 1000
}

test('RP-45a: if each part takes its whole time limit, the answer takes the time that docs/operating.md names', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] })
  /** Takes one millisecond less than the limit. */
  const wait = (limit: number) => new Promise<void>((resolve) => setTimeout(resolve, limit * 1000 - 1))
  const form = `logout_token=${await op.logoutToken()}`
  const store = new SpyStore()
  let adds = 0
  const logout = create(op, {
    issuers: async () => {
      await wait(1.5)
      return { issuer: op.issuer, clientId: op.clientId }
    },
    fetch: async (...args) => {
      await wait(0.75) // discovery, and then the keys
      return op.fetch(...args)
    },
    store: {
      async add(...args) {
        // Both markers are written at the second try, just before the end of their 1.5 seconds.
        const call = ++adds
        await wait(call === 3 || call === 4 ? 0.45 : 1)
        if (call < 3) throw new Error('the store fails for a moment')
        store.add(...args)
      },
      async values(keys) {
        await wait(1)
        return store.values(keys)
      },
      async remove(...args) {
        await wait(1)
        store.remove(...args)
      },
      publish: () => wait(1),
    },
  })
  logout.onLogout(() => wait(2))
  async function* body() {
    await wait(5)
    yield new TextEncoder().encode(form)
  }

  let status = 0
  const seconds = await secondsOf(async () => {
    const contentType = 'application/x-www-form-urlencoded'
    status = (await logout.respond({ method: 'POST', contentType, body: body() })).status
  })

  expect(status).toBe(200)
  const page = readFileSync(new URL('../../../docs/operating.md', import.meta.url), 'utf8')
  const documented = Number(/sum\s+of\s+the\s+limits,\s+which\s+is\s+([\d.]+)\s+seconds/.exec(page)![1])
  expect(seconds).toBeGreaterThan(documented - 0.1)
  expect(seconds).toBeLessThanOrEqual(documented)
})
