import { expect, it, vi } from 'vitest'

import { createReadiness } from '../../hono/src/shared/readiness.ts'

/** A clock that moves only when the test moves it. */
function createClock() {
  const waits: number[] = []
  let pass = () => {}
  return {
    waits,
    pass: () => pass(),
    wait(ms?: number): Promise<any> {
      waits.push(ms! / 1000)
      return new Promise<void>((resolve) => (pass = resolve))
    },
  }
}

it('is ready as soon as the keys were fetched once, and then stops trying', async () => {
  const warm = vi.fn(async () => {})
  const { waits, wait } = createClock()
  const readiness = createReadiness({ warm }, wait)
  expect(readiness.isReady()).toBe(false)

  await expect.poll(() => readiness.isReady()).toBe(true)
  expect(warm).toHaveBeenCalledTimes(1)
  expect(waits).toEqual([])
})

it('tries again after 5 seconds, doubles the pause up to 30 seconds, and logs each failure', async () => {
  const log = vi.spyOn(console, 'error').mockImplementation(() => {})
  let isUp = false
  const warm = vi.fn(async () => {
    if (!isUp) throw new Error('no keys', { cause: new Error('connection refused') })
  })
  const { waits, pass, wait } = createClock()
  const readiness = createReadiness({ warm }, wait)

  for (const expected of [[5], [5, 10], [5, 10, 20], [5, 10, 20, 30], [5, 10, 20, 30, 30]]) {
    await expect.poll(() => waits).toEqual(expected)
    expect(readiness.isReady()).toBe(false)
    pass()
  }
  await expect.poll(() => warm.mock.calls.length).toBe(6)
  isUp = true
  await expect.poll(() => waits.length).toBe(6)
  pass()

  await expect.poll(() => readiness.isReady()).toBe(true)
  expect(log.mock.calls[0]).toEqual(['No keys of the provider, next try in 5 s: no keys: connection refused'])
  expect(log).toHaveBeenCalledTimes(6)
  log.mockRestore()
})

it('stops trying when it is stopped', async () => {
  const log = vi.spyOn(console, 'error').mockImplementation(() => {})
  const warm = vi.fn(async () => {
    throw new Error('no keys')
  })
  const { waits, pass, wait } = createClock()
  const readiness = createReadiness({ warm }, wait)
  await expect.poll(() => waits).toEqual([5])

  readiness.stop()
  pass()

  await new Promise((resolve) => setImmediate(resolve))
  expect(warm).toHaveBeenCalledTimes(1)
  log.mockRestore()
})
