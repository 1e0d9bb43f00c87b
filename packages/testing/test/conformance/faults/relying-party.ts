import {
  createBackchannelLogout,
  MemoryStore,
  sessionClaims,
  type BackchannelLogout,
  type LogoutStore,
  type SessionClaims,
} from '@bcl/core'
import { createTestProvider, type TestProvider } from '@bcl/testing'
import { createApplication, sharedKeys } from '../application.ts'
import { decode } from './reissue.ts'

/** A fault of the application that {@link createRelyingParty} makes. */
export interface Fault {
  /** Changes the Logout Token before the receiver gets it, or answers instead of the receiver. */
  receive?: (token: string, tools: Tools) => string | Response | Promise<string | Response>
  /** Changes the request before anything reads it, or answers it. */
  request?: (request: Request) => Request | Response | Promise<Request | Response>
  /** Changes the answer. `code` is the code of the error with which the receiver refused the token. */
  answer?: (response: Response, code: string | undefined) => Response | Promise<Response>
  /** Replaces the requests of the receiver to the provider. */
  fetch?: (request: Request, tools: Pick<Tools, 'provider'>) => Promise<Response>
  /** Replaces the store. */
  store?: (good: LogoutStore) => LogoutStore
  /** Called at the end of a sign-in. */
  onLogin?: (tools: Tools, claims: SessionClaims) => unknown
  /** True if the client is registered as a client that requires a sid. */
  requireSid?: boolean
  /** Changes the claims that the session keeps. */
  session?: (claims: SessionClaims) => SessionClaims
}

export interface Tools {
  provider: TestProvider
  logout: BackchannelLogout
  store: LogoutStore
  now: () => number
}

const formType = 'application/x-www-form-urlencoded'

/** Makes an application in memory with a sign-in. Only `nextSecond` moves its clock. Without a fault, it passes all cases. */
export async function createRelyingParty(fault: Fault = {}) {
  let time = 1_800_000_000
  const now = () => time
  const provider = await createTestProvider({ ...sharedKeys, now })
  const good = new MemoryStore({ now })
  const store = fault.store?.(good) ?? good
  let code: string | undefined
  const logout = createBackchannelLogout({
    issuers: [
      {
        issuer: provider.op.issuer,
        clientId: provider.op.clientId,
        ...(fault.requireSid && { requireSid: true }),
      },
    ],
    sessionMaxAge: 3600,
    store,
    now,
    fetch: (async (url: string, init: RequestInit) => {
      const request = new Request(url, init)
      return fault.fetch?.(request, { provider }) ?? provider.handle(request)
    }) as typeof globalThis.fetch,
    onDelivery: (delivery) => (code = delivery.code),
  })
  const tools: Tools = { provider, logout, store, now }
  async function receive(received: Request): Promise<Response> {
    const changedRequest = (await fault.request?.(received)) ?? received
    if (changedRequest instanceof Response) return changedRequest
    let request = changedRequest
    code = undefined
    if (fault.receive && request.method === 'POST' && request.headers.get('content-type')?.startsWith(formType)) {
      const form = new URLSearchParams(await request.clone().text())
      const token = form.get('logout_token')
      if (token && form.getAll('logout_token').length === 1) {
        const changed = await fault.receive(token, tools)
        if (changed instanceof Response) return changed
        form.set('logout_token', changed)
        request = new Request(request.url, { method: 'POST', body: form })
      }
    }
    const response = await logout.handle(request)
    return (await fault.answer?.(response, code)) ?? response
  }

  async function startSession(idToken: string): Promise<SessionClaims> {
    const claims = sessionClaims(decode(idToken.split('.')[1]))
    await fault.onLogin?.(tools, claims)
    return fault.session?.(claims) ?? claims
  }

  const isLive = async (session: SessionClaims): Promise<boolean> => !(await logout.isLoggedOut(session))

  return {
    provider,
    fetch: createApplication(provider, { receive, startSession, isLive }),
    async nextSecond() {
      time += 1
    },
  }
}
