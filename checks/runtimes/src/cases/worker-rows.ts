import { createBackchannelLogout, MemoryStore } from '@bcl/core'
import { createTestIssuer, type TestIssuer } from '@bcl/testing'
import { assertEqual, type Case } from './case.ts'

/**
 * After the answer to a request, Workers stop the timers and fetches of this request. The promises of these timers and
 * fetches never settle. So a later request must start the work again. `beginRows` run in one request, and `afterRows` run in a later request.
 */
let provider: TestIssuer | undefined
let delay = 0
let asked = 0
let ahead = 0
const now = (): number => Math.floor(Date.now() / 1000) + ahead

// The library uses this clock to measure the age of keys.
const elapsed = performance.now.bind(performance)
performance.now = () => elapsed() + ahead * 1000

const slowFetch: typeof fetch = async (input, init) => {
  asked += 1
  await new Promise((resolve) => setTimeout(resolve, delay))
  return provider!.fetch(input, init)
}

const logout = createBackchannelLogout({
  issuers: [{ issuer: 'https://op.example.com', clientId: 'test-client' }],
  sessionMaxAge: 3600,
  store: new MemoryStore(),
  fetch: slowFetch,
  now,
})

export const beginRows: readonly Case[] = [
  {
    name: 'earlier request: a check starts no fetch in the background, because such a fetch would end together with the request',
    async run() {
      provider = await createTestIssuer({ now })
      await logout.isLoggedOut(provider.session())
      assertEqual(asked, 0, 'requests')
    },
  },
  {
    name: 'earlier request: a token is answered before the refresh of a stale JWK Set has ended',
    async run() {
      await logout.receive(await provider!.logoutToken())
      ahead += 1000
      delay = 3000
      await logout.receive(await provider!.logoutToken())
    },
  },
]

export const afterRows: readonly Case[] = [
  {
    name: 'later request: if an earlier request ended during its fetch of the keys, the keys are fetched again',
    async run() {
      delay = 0
      ahead += 100
      await provider!.rotate()
      await logout.receive(await provider!.logoutToken())
      assertEqual(await logout.isLoggedOut(provider!.session()), true, 'logged out')
    },
  },
]
