import { once } from 'node:events'
import { connect, type AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

import { createBackchannelLogout, MemoryStore } from '@bcl/core'
import { createTestIssuer } from '@bcl/testing'
import { expect, it } from 'vitest'

import { createApp } from '../src/app.ts'
import { readConfig } from '../src/config.ts'

it('accepts a logout whose headers arrive while the application closes', async () => {
  const op = await createTestIssuer()
  const config = readConfig({ SESSION_SECRET: 'secret' })
  const logout = createBackchannelLogout({
    issuers: [op.trusted],
    sessionMaxAge: config.sessionMaxAge,
    store: new MemoryStore(),
  })
  const app = createApp(config, logout, { isReady: () => true })
  const closing = new Promise<void>((resolve) => app.addHook('preClose', async () => resolve()))
  await app.listen({ port: 0, host: '127.0.0.1' })

  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  await once(app.server, 'connection')
  socket.write('POST /backchannel-logout HT')
  const closed = app.close()
  await closing
  const body = `logout_token=${await op.logoutToken({ sid: 'laptop' })}`
  const type = 'content-type: application/x-www-form-urlencoded'
  socket.write(`TP/1.1\r\nhost: app.example\r\n${type}\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
  expect(await text(socket)).toMatch(/^HTTP\/1\.1 200 /)
  expect(await logout.isLoggedOut(op.session({ sid: 'laptop' }))).toBe(true)
  await closed
})
