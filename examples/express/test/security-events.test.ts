import { createBackchannelLogout, MemoryStore } from '@bcl/core'
import { createTestTransmitter } from '@bcl/testing'
import session from 'express-session'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'

import { createApp } from '../src/app.ts'
import { readConfig } from '../src/config.ts'
import { createSecurityEvents } from '../src/security-events.ts'
import { serve } from './serve.ts'

const { MemoryStore: MemorySessions } = session
// Keeps the real fetch, because the receiver gets the fetch of the transmitter.
const send = fetch

const transmitter = await createTestTransmitter()
const { issuer, op } = transmitter
const env = { SSF_ISSUER: issuer, SSF_AUDIENCE: transmitter.audience, SSF_AUTHORIZATION: 'Bearer secret' }
const config = readConfig({ SESSION_SECRET: 'secret', ISSUER: issuer })
const logout = createBackchannelLogout({
  issuers: [config.trusted],
  sessionMaxAge: config.sessionMaxAge,
  store: new MemoryStore(),
})

beforeEach(() => void vi.stubGlobal('fetch', transmitter.fetch))
afterEach(() => void vi.unstubAllGlobals())

it('makes no endpoint without the variables, and refuses an incomplete set', () => {
  expect(createSecurityEvents({}, config, logout)).toBeUndefined()
  const { SSF_AUDIENCE: _, ...incomplete } = env
  for (const set of [incomplete, { ...env, SSF_AUDIENCE: '' }])
    expect(() => createSecurityEvents(set, config, logout)).toThrow(
      'SSF_AUDIENCE must be set too: security events need SSF_ISSUER, SSF_AUDIENCE, SSF_AUTHORIZATION',
    )
  expect(() => createSecurityEvents({ SSF_SUBJECT_ISSUER: issuer }, config, logout)).toThrow(/^SSF_ISSUER and /)
})

it('ends the sessions of a user when an event is pushed', async () => {
  const events = createSecurityEvents(env, config, logout)
  const app = createApp(config, logout, new MemorySessions(), { isReady: () => true }, undefined, events)
  const server = await serve(app)
  const push = async (authorization: string) => {
    const headers = { 'content-type': 'application/secevent+jwt', authorization }
    const body = await transmitter.set()
    return (await send(`${server.url}/security-events`, { method: 'POST', headers, body })).status
  }
  expect(await push('Bearer other')).toBe(401)
  expect(await logout.isLoggedOut(op.session())).toBe(false)
  expect(await push('Bearer secret')).toBe(202)
  expect(await logout.isLoggedOut(op.session())).toBe(true)
  await server.stop()
})
