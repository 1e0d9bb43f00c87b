import { createBackchannelLogout, MemoryStore } from '@bcl/core'
import { createTestIssuer } from '@bcl/testing'

test('a logout ends the session', async () => {
  const op = await createTestIssuer()
  const logout = createBackchannelLogout({ issuers: [op.trusted], sessionMaxAge: 3600, store: new MemoryStore() })
  await logout.receive(await op.logoutToken({ sub: 'alice', sid: 'session-1' }))
  expect(await logout.isLoggedOut(op.session({ sub: 'alice', sid: 'session-1' }))).toBe(true)
})
