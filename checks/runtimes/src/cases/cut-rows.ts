import { createBackchannelLogout, MemoryStore } from '@bcl/core'
import { backchannelLogout } from '@bcl/hono'
import type { TestIssuer } from '@bcl/testing'
import { Hono, type ExecutionContext } from 'hono'
import { assertEqual, type Case } from './case.ts'

/**
 * If a client disconnects, Workers stop the work of its request, unless the work was given to `waitUntil`. `cut` is a request that
 * the client cuts while the keys are being fetched. `cutRows` run in a later request.
 */
let provider: TestIssuer | undefined
let fetches = 0

export const fetchesOfCut = (): number => fetches

const logout = createBackchannelLogout({
  issuers: [{ issuer: 'https://op.example.com', clientId: 'test-client' }],
  sessionMaxAge: 3600,
  store: new MemoryStore(),
  async fetch(input, init) {
    fetches += 1
    await new Promise((resolve) => setTimeout(resolve, 300))
    return provider!.fetch(input, init)
  },
})
const app = new Hono().all('/backchannel-logout', backchannelLogout(logout))

/** Posts a Logout Token to the application within this request. */
export async function cut(op: TestIssuer, env: object, context: ExecutionContext): Promise<Response> {
  provider = op
  const body = new URLSearchParams({ logout_token: await op.logoutToken() })
  return app.request('/backchannel-logout', { method: 'POST', body }, env, context)
}

export const cutRows: readonly Case[] = [
  {
    name: 'later request: a logout whose sender has disconnected was carried out',
    async run() {
      const session = provider!.session()
      for (let tries = 0; tries < 200 && !(await logout.isLoggedOut(session)); tries += 1)
        await new Promise((resolve) => setTimeout(resolve, 10))
      assertEqual(await logout.isLoggedOut(session), true, 'logged out')
    },
  },
]
