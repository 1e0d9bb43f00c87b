// Fastify, with logouts remembered in memory.
import assert from 'node:assert/strict'
import { createBackchannelLogout, MemoryStore } from '@bcl/core'
import { activeSession, backchannelLogout } from '@bcl/fastify'
import { createTestIssuer } from '@bcl/testing'
import Fastify from 'fastify'

async function main(): Promise<void> {
  const op = await createTestIssuer()
  const claims = op.session({ sub: 'alice', sid: 'session-1' })
  const logout = createBackchannelLogout({ issuers: [op.trusted], sessionMaxAge: 3600, store: new MemoryStore() })

  const app = Fastify()
  app.register(backchannelLogout, { logout })
  app.get('/', { preHandler: activeSession(logout, { session: () => claims }) }, async () => 'alice')
  const origin = await app.listen({ port: 0, host: '127.0.0.1' })

  assert.equal((await fetch(origin)).status, 200)
  const body = new URLSearchParams({ logout_token: await op.logoutToken({ sub: 'alice', sid: 'session-1' }) })
  assert.equal((await fetch(`${origin}/backchannel-logout`, { method: 'POST', body })).status, 200)
  assert.equal(await logout.isLoggedOut(claims), true)
  assert.equal((await fetch(origin)).status, 401)
  await logout.close()
  await app.close()
}

void main()
