import { type LogoutStore } from '@bcl/core'
import { createTestIssuer } from '@bcl/testing'
import { expect, test } from 'vitest'
import { create, refusal } from './support.js'

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
