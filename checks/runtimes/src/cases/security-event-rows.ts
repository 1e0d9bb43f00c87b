import { createBackchannelLogout, MemoryStore } from '@bcl/core'
import { createSecurityEventReceiver, createStreamClient } from '@bcl/ssf'
import { createTestTransmitter, securityEventCases, type TestTransmitter } from '@bcl/testing'
import { assertEqual, type Case } from './case.ts'

const authorization = 'Bearer a-secret'

/** A receiver that finds the keys through the metadata of the transmitter. */
function receiverFor({ issuer, audience, fetch }: TestTransmitter) {
  const logout = createBackchannelLogout({
    issuers: [{ issuer, clientId: 'test-client' }],
    sessionMaxAge: 3600,
    store: new MemoryStore(),
  })
  const transmitters = [{ issuer, audience, pushAuthorization: authorization }]
  const receiver = createSecurityEventReceiver({ logout, transmitters, fetch, timeout: 5 })
  const close = async (): Promise<void> => void (await Promise.all([receiver.close(), logout.close()]))
  return { logout, receiver, close }
}

let shared: Promise<TestTransmitter> | undefined

export const securityEventRows: readonly Case[] = [
  ...securityEventCases.map(({ name, make, status, err, ends }): Case => ({
    name: `security event: ${name} is answered ${status}`,
    async run() {
      const transmitter = await (shared ??= createTestTransmitter())
      const { logout, receiver, close } = receiverFor(transmitter)
      const headers = { 'content-type': 'application/secevent+jwt', authorization }
      const body = await make(transmitter)
      const url = 'https://app.example.com/security-events'
      const response = await receiver.handle(new Request(url, { method: 'POST', headers, body }))
      const text = await response.text()
      assertEqual([response.status, text && (JSON.parse(text) as { err: string }).err], [status, err ?? ''], 'answer')
      const sessions = ['session-1', 'session-2'].map((sid) => transmitter.op.session({ sid }))
      const ended = await Promise.all(sessions.map((session) => logout.isLoggedOut(session)))
      assertEqual(ended, [ends !== 'nothing', ends === 'all'], 'the sessions that have ended')
      await close()
    },
  })),
  {
    name: 'security event: a stream is created with client credentials, and a round of poll ends a session',
    async run() {
      const transmitter = await createTestTransmitter()
      const { issuer, fetch } = transmitter
      const { logout, receiver, close } = receiverFor(transmitter)
      const clientCredentials = { clientId: 'receiver', clientSecret: 'secret' }
      const client = createStreamClient({ transmitter: issuer, clientCredentials, fetch })
      const stream = await client.createStream({ delivery: { method: 'urn:ietf:rfc:8936' } })
      await transmitter.emit()
      const result = await receiver.pollOnce({ transmitter: issuer, stream, accessToken: client.accessToken })
      assertEqual(result, { handled: 1, refused: 0, failed: 0, moreAvailable: false }, 'the result')
      assertEqual(await logout.isLoggedOut(transmitter.op.session()), true, 'the session has ended')
      await close()
    },
  },
]
