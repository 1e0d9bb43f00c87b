import { createBackchannelLogout, MemoryStore } from '@bcl/core'
import { createSecurityEventReceiver } from '@bcl/ssf'
import { createTestTransmitter, securityEventCases } from '@bcl/testing'
import { expect, test } from 'vitest'

const transmitter = await createTestTransmitter()
const { issuer, op } = transmitter

test.each(securityEventCases)('$requirement: $name', async ({ make, status, err, ends }) => {
  const logout = createBackchannelLogout({
    issuers: [{ issuer, clientId: 'test-client' }],
    sessionMaxAge: 3600,
    store: new MemoryStore(),
  })
  const { respond } = createSecurityEventReceiver({
    logout,
    transmitters: [{ issuer, audience: transmitter.audience }],
    fetch: transmitter.fetch,
    timeout: 10,
  })
  const body = await make(transmitter)
  const answer = await respond({ method: 'POST', contentType: 'application/secevent+jwt', body })
  expect([answer.status, answer.body && JSON.parse(answer.body).err]).toEqual([status, err ?? ''])
  const hasEnded = (sid: string): Promise<boolean> => logout.isLoggedOut(op.session({ sid }))
  expect([await hasEnded('session-1'), await hasEnded('session-2')]).toEqual([ends !== 'nothing', ends === 'all'])
})
