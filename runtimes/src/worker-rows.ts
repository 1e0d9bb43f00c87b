import { createBackchannelLogout, MemoryStore } from '@bcl/core'
import { createTestIssuer, type TestIssuer } from '@bcl/testing'
import { assertEqual, type Case } from './case.ts'

/**
 * Workers end what a request has begun when it is answered: timers and fetches go, promises of them never settle. So what
 * such a promise stands for has to be begun anew by a later request. These cases take two of them.
 */
let provider: TestIssuer | undefined
let ahead = 0
const now = (): number => Math.floor(Date.now() / 1000) + ahead

/** Answers late, so that it is still under way when the request that asked has been answered. */
const slowFetch: typeof fetch = async (input, init) => {
  await new Promise((resolve) => setTimeout(resolve, 100))
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
    name: 'earlier request: it is answered while keys are fetched again beside it',
    async run() {
      provider = await createTestIssuer({ now })
      await logout.receive(await provider.logoutToken())
      ahead += 1000
      await logout.receive(await provider.logoutToken())
    },
  },
]

export const afterRows: readonly Case[] = [
  {
    name: 'later request: keys that an answered request was fetching are fetched again',
    async run() {
      ahead += 100
      await provider!.rotate()
      await logout.receive(await provider!.logoutToken())
      assertEqual(await logout.isLoggedOut(provider!.session()), true, 'logged out')
    },
  },
]
