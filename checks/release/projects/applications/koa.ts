// Koa, with logouts remembered in memory.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createBackchannelLogout, MemoryStore, type SessionClaims } from '@bcl/core'
import { activeSession, backchannelLogout } from '@bcl/koa'
import { createTestIssuer } from '@bcl/testing'
import Koa from 'koa'

interface State {
  session?: { claims: SessionClaims }
}

async function main(): Promise<void> {
  const op = await createTestIssuer()
  const claims = op.session({ sub: 'alice', sid: 'session-1' })
  const logout = createBackchannelLogout({ issuers: [op.trusted], sessionMaxAge: 3600, store: new MemoryStore() })

  const app = new Koa<State>()
  app.use(backchannelLogout(logout, { path: '/backchannel-logout' }))
  app.use((ctx, next) => {
    ctx.state.session = { claims }
    return next()
  })
  app.use(activeSession<State>(logout, { session: (ctx) => ctx.state.session?.claims }))
  app.use((ctx) => {
    ctx.body = 'alice'
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
