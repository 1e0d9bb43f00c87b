// Express, with logouts remembered in memory.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createBackchannelLogout, MemoryStore } from '@bcl/core'
import { activeSession, backchannelLogout } from '@bcl/express'
import { createTestIssuer } from '@bcl/testing'
import express from 'express'

async function main(): Promise<void> {
  const op = await createTestIssuer()
  const claims = op.session({ sub: 'alice', sid: 'session-1' })
  const logout = createBackchannelLogout({ issuers: [op.trusted], sessionMaxAge: 3600, store: new MemoryStore() })

  const app = express()
  app.all('/backchannel-logout', backchannelLogout(logout))
  app.use(activeSession(logout, { session: () => claims }))
  app.get('/', (_request, response) => {
    response.send('alice')
  })
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  assert.equal((await fetch(origin)).status, 200)
  const body = new URLSearchParams({ logout_token: await op.logoutToken({ sub: 'alice', sid: 'session-1' }) })
  assert.equal((await fetch(`${origin}/backchannel-logout`, { method: 'POST', body })).status, 200)
  assert.equal(await logout.isLoggedOut(claims), true)
  assert.equal((await fetch(origin)).status, 401)
  await logout.close()
  server.closeAllConnections()
  server.close()
}

void main()
