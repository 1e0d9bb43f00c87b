import { createBackchannelLogout, discoverKeys, MemoryStore, verifyLogoutToken } from '@bcl/core'
import { createTestIssuer } from '@bcl/testing'
import { assertEqual, rejection, type Case } from './case.ts'
import { askedAtConstruction } from './module-scope.ts'

const receiver = (fetch: typeof globalThis.fetch) =>
  createBackchannelLogout({
    issuers: [{ issuer: 'https://op.example.com', clientId: 'test-client' }],
    sessionMaxAge: 3600,
    store: new MemoryStore(),
    fetch,
  })

export const discoveryRows: readonly Case[] = [
  {
    name: 'construction does not use the clock, the keys or the store',
    run: async () => assertEqual(askedAtConstruction, [], 'asked for'),
  },
  {
    name: 'discovery: simultaneous tokens share one call of the given fetch, and a rotated key works at its first token',
    async run() {
      const op = await createTestIssuer()
      const logout = receiver(op.fetch)
      await Promise.all([logout.receive(await op.logoutToken()), logout.receive(await op.logoutToken())])
      assertEqual(op.requests.length, 2, 'requests')
      await op.rotate()
      await logout.receive(await op.logoutToken())
    },
  },
  {
    name: 'discovery: a provider that is down is an outage',
    async run(op) {
      const logout = receiver(async () => new Response('', { status: 503 }))
      const error = await rejection(logout.receive(await op.logoutToken()))
      assertEqual(error.code, 'ERR_LOGOUT_KEYS_UNAVAILABLE', 'code')
    },
  },
  {
    name: 'discovery: a provider that does not answer is an outage after the time-out',
    async run(op) {
      const logout = receiver(() => new Promise(() => {}))
      const error = await rejection(logout.receive(await op.logoutToken()))
      assertEqual(error.code, 'ERR_LOGOUT_KEYS_UNAVAILABLE', 'code')
    },
  },
  {
    name: 'discovery: discoverKeys finds the keys for verifyLogoutToken',
    async run(op) {
      const keys = discoverKeys(op.issuer, { fetch: op.fetch })
      const issuer = { issuer: op.issuer, clientId: op.clientId, keys }
      assertEqual((await verifyLogoutToken(await op.logoutToken(), [issuer])).sub, 'alice', 'sub')
    },
  },
]
