import { createBackchannelLogout, MemoryStore } from '@bcl/core'
import { backchannelLogout } from '@bcl/hono'
import type { TestIssuer } from '@bcl/testing'
import { Hono, type ExecutionContext } from 'hono'
import { eventually, type Case } from './case.ts'

/**
 * If a client disconnects, Workers stop the work of its request, unless the work was given to `waitUntil`. `cut` is a request that
 * the client cuts while the keys are being fetched. `cutRows` run in a later request. After an answer, Workers also stop the work
 * that goes on behind the answer. `timeOut` is a request whose listener takes too long. `timeOutRows` run in a later request.
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

let hasFinished = false
const slow = createBackchannelLogout({
  issuers: [{ issuer: 'https://op.example.com', clientId: 'test-client' }],
  sessionMaxAge: 3600,
  store: new MemoryStore(),
  listenerTimeout: 0.6,
  fetch: (input, init) => provider!.fetch(input, init),
})
const slowApp = new Hono().all('/backchannel-logout', backchannelLogout(slow))

/** Posts a Logout Token to an application whose listener takes longer than its time-out. Returns the status. */
export async function timeOut(op: TestIssuer, env: object, context: ExecutionContext): Promise<number> {
  provider = op
  slow.onLogout(async () => {
    await new Promise((resolve) => setTimeout(resolve, 1200))
    hasFinished = true
  })
  const body = new URLSearchParams({ logout_token: await op.logoutToken() })
  return (await slowApp.request('/backchannel-logout', { method: 'POST', body }, env, context)).status
}

export const timeOutRows: readonly Case[] = [
  {
    name: 'later request: a listener that took longer than its time-out has finished',
    run: () => eventually(() => hasFinished, 'the end of the listener'),
  },
]

export const cutRows: readonly Case[] = [
  {
    name: 'later request: a logout whose sender has disconnected was carried out',
    async run() {
      const session = provider!.session()
      await eventually(() => logout.isLoggedOut(session), 'the logout')
    },
  },
]
