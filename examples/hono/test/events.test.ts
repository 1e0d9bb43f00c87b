import { createBackchannelLogout, MemoryStore } from '@bcl/core'
import { Hono } from 'hono'
import { expect, it } from 'vitest'

import { createApp } from '../src/app.ts'
import { readConfig } from '../src/config.ts'
import { createSessions } from '../src/session.ts'

it('watches for those who read /events, not for a HEAD request, of which nobody hears when it has gone', async () => {
  const config = readConfig({ SESSION_SECRET: 'secret' })
  const logout = createBackchannelLogout({
    issuers: [{ issuer: config.issuer, clientId: config.clientId }],
    sessionMaxAge: config.sessionMaxAge,
    store: new MemoryStore(),
  })
  let watching = 0
  const app = createApp(config, {
    ...logout,
    watch() {
      watching += 1
      return () => (watching -= 1)
    },
  })
  const iat = Math.floor(Date.now() / 1000)
  const signedIn = await new Hono()
    .get('/', async (c) => {
      const idToken = { iss: config.issuer, sub: 'alice', aud: 'hono', iat, exp: iat + 600 }
      return c.json(await createSessions(config, logout).start(c, idToken, 'id-token'))
    })
    .request('/')
  const headers = { cookie: signedIn.headers.get('set-cookie')!.split(';')[0]! }

  const head = await app.request('/events', { method: 'HEAD', headers })
  expect(head.status).toBe(200)
  expect(head.headers.get('content-type')).toBe('text/event-stream')
  expect(watching).toBe(0)

  const page = await app.request('/events', { headers })
  const reader = page.body!.getReader()
  await reader.read()
  expect(watching).toBe(1)
  await reader.cancel()
  await expect.poll(() => watching).toBe(0)
})
