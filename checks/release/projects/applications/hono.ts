// Hono, with logouts remembered by SQLite, and a receiver of security events.
import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { createBackchannelLogout, type SessionClaims } from '@bcl/core'
import { activeSession, backchannelLogout } from '@bcl/hono'
import { schema, SqlStore } from '@bcl/sql'
import { createSecurityEventReceiver } from '@bcl/ssf'
import { createTestIssuer, createTestTransmitter } from '@bcl/testing'
import { Hono } from 'hono'

async function main(): Promise<void> {
  const db = new DatabaseSync(':memory:')
  db.exec(schema('sqlite'))
  const op = await createTestIssuer()
  const claims: SessionClaims = op.session({ sub: 'alice', sid: 'session-1' })
  const logout = createBackchannelLogout({
    issuers: [op.trusted],
    sessionMaxAge: 3600,
    store: new SqlStore({
      dialect: 'sqlite',
      query: (text, params) => db.prepare(text).all(...(params as (string | number)[])),
    }),
  })

  const app = new Hono<{ Variables: { session: { claims: SessionClaims } } }>()
  app.all('/backchannel-logout', backchannelLogout(logout))
  const transmitter = await createTestTransmitter()
  const { issuer, audience, fetch } = transmitter
  const transmitters = [{ issuer, audience, subjectIssuers: [op.issuer] }]
  const events = createSecurityEventReceiver({ logout, transmitters, fetch })
  app.all('/security-events', backchannelLogout(events))
  app.use((c, next) => {
    c.set('session', { claims })
    return next()
  })
  app.use('/account', activeSession(logout, { session: (c) => c.get('session')?.claims }))
  app.get('/account', (c) => c.text('alice'))

  assert.equal((await app.request('/account')).status, 200)
  const body = new URLSearchParams({ logout_token: await op.logoutToken({ sub: 'alice', sid: 'session-1' }) })
  assert.equal((await app.request('/backchannel-logout', { method: 'POST', body })).status, 200)
  assert.equal(await logout.isLoggedOut(claims), true)
  assert.equal((await app.request('/account')).status, 401)

  const bob = op.session({ sub: 'bob', sid: 'session-2' })
  const push = {
    method: 'POST',
    headers: { 'content-type': 'application/secevent+jwt' },
    body: await transmitter.set({ sub_id: { format: 'iss_sub', iss: op.issuer, sub: 'bob' } }),
  }
  assert.equal((await app.request('/security-events', push)).status, 202)
  assert.equal(await logout.isLoggedOut(bob), true)
  await events.close()
  await logout.close()
}

void main()
