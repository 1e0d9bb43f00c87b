import { readText } from '@bcl/core/kit'
import { createTestIssuer } from '@bcl/testing'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { create, SpyStore } from './support.js'

const op = await createTestIssuer()

afterEach(() => {
  vi.unstubAllGlobals()
})

describe('RP-4: a user with very many tracked sessions', () => {
  const count = 1000

  /** Tracks many sessions of one user, and counts the removals. */
  async function trackMany() {
    const store = new SpyStore()
    const errors: unknown[] = []
    const destroyed: string[] = []
    const logout = create(op, {
      store,
      storeTimeout: 0.1,
      destroySession: (id) => destroyed.push(id),
      onError: (error) => errors.push(error),
    })
    for (let index = 0; index < count; index += 1)
      await logout.trackSession(op.session({ sub: 'many', sid: `s${index}` }), `id-${index}`)
    store.calls.length = 0
    const token = await op.logoutToken({ sub: 'many', sid: undefined })
    return { store, errors, destroyed, logout, token }
  }

  test('a logout removes at most 50 entries at the same time, so the store can answer other calls', async () => {
    const { store, errors, destroyed, logout, token } = await trackMany()
    let running = 0
    let most = 0
    store.before = async (call) => {
      if (call !== 'remove') return
      running += 1
      most = Math.max(most, running)
      await new Promise((resolve) => setImmediate(resolve))
      running -= 1
    }
    await logout.receive(token)
    expect(most).toBe(50)
    expect(destroyed).toHaveLength(count)
    const left = [...store.entries].filter(([key, values]) => key.includes('"session"') && values.size > 0)
    expect(left).toEqual([])
    expect(errors).toEqual([])
  })

  test('if the store fails, the logout does not try every entry', async () => {
    const { store, errors, destroyed, logout, token } = await trackMany()
    store.before = (call) => {
      if (call === 'remove') throw new Error('down')
    }
    expect(await logout.receive(token)).toMatchObject({ replayed: false })
    expect(store.calls.filter((call) => call.startsWith('remove'))).toHaveLength(50)
    expect(destroyed).toHaveLength(count)
    expect(errors).toHaveLength(1)
    // The logout was carried out, so a retry does nothing.
    expect(await logout.receive(token)).toMatchObject({ replayed: true })
  })
})

test('RP-4: the buffer of a body is never larger than the limit', async () => {
  const sizes: number[] = []
  vi.stubGlobal(
    'Uint8Array',
    class extends Uint8Array {
      constructor(...given: [never]) {
        super(...given)
        if (typeof given[0] === 'number') sizes.push(given[0])
      }
    },
  )
  const chunk = Buffer.alloc(600)
  async function* body(): AsyncGenerator<Buffer> {
    for (let index = 0; index < 100; index += 1) yield chunk
  }
  expect(await readText(body(), 60_000)).toHaveLength(60_000)
  expect(Math.max(...sizes)).toBe(60_000)
})
