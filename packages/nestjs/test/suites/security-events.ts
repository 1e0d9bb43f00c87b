import type { BackchannelLogout } from '@bcl/core'
import { BackchannelLogoutModule, getBackchannelLogoutToken } from '@bcl/nestjs'
import { backchannelLogout } from '@bcl/node'
import { createSecurityEventReceiver } from '@bcl/ssf'
import { createTestTransmitter } from '@bcl/testing'
import { describe, expect, test } from 'vitest'
import { create, listen, op, options, platforms } from '../support.js'

describe.concurrent.each(platforms)('%s', (_, createAdapter) => {
  test('SE-1: a receiver of security events, mounted by app.use, ends sessions', async () => {
    const transmitter = await createTestTransmitter()
    const app = await create(createAdapter, { imports: [BackchannelLogoutModule.forRoot(options())] })
    app.setGlobalPrefix('api')
    const logout = app.get<BackchannelLogout>(getBackchannelLogoutToken())
    const { issuer, audience, fetch } = transmitter
    const subjectIssuers = [op.issuer]
    const pushAuthorization = 'Bearer secret'
    const transmitters = [{ issuer, audience, subjectIssuers, pushAuthorization }]
    const events = createSecurityEventReceiver({ logout, transmitters, fetch })
    app.use('/security-events', backchannelLogout(events))
    const running = await listen(app)
    const push = async (authorization: string) => {
      const headers = { 'content-type': 'application/secevent+jwt', authorization }
      const body = await transmitter.set({ sub_id: { format: 'iss_sub', iss: op.issuer, sub: 'alice' } })
      const response = await running.fetch('/security-events', { method: 'POST', headers, body })
      return [response.status, await response.text()]
    }
    expect((await push('Bearer other'))[0]).toBe(401)
    expect(await logout.isLoggedOut(op.session())).toBe(false)
    expect(await push(pushAuthorization)).toEqual([202, ''])
    expect(await logout.isLoggedOut(op.session())).toBe(true)
    expect((await running.fetch('/security-events')).status).toBe(405)
    await running.close()
  })
})
