import {
  createBackchannelLogout,
  MemoryStore,
  sessionClaims,
  type BackchannelLogout,
  type LogoutStore,
  type SessionClaims,
} from '@bcl/core'
import { createTestProvider, type FetchLike, type TestProvider } from '@bcl/testing'

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
  /** Changes the claims that the session keeps. */
  session?: (claims: SessionClaims) => SessionClaims
}

export interface Tools {
  provider: TestProvider
  logout: BackchannelLogout
  store: LogoutStore
  now: () => number
}

const home = 'https://app.example.com'

export const contract = { login: `${home}/login`, me: `${home}/me` }
export const endpoint = `${home}/backchannel-logout`

const formType = 'application/x-www-form-urlencoded'

/** Makes an application in memory with a sign-in and a clock that only `nextSecond` moves. Without a fault, it passes all cases. */
export async function createRelyingParty(fault: Fault = {}) {
  let time = 1_800_000_000
  const now = () => time
  const provider = await createTestProvider({ now })
  const good = new MemoryStore({ now })
  const store = fault.store?.(good) ?? good
  let code: string | undefined
  const logout = createBackchannelLogout({
    issuers: [{ issuer: provider.op.issuer, clientId: provider.op.clientId }],
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
  const sessions = new Map<string, SessionClaims>()

  async function callback(url: URL): Promise<Response> {
    const body = new URLSearchParams({
      grant_type: 'authorization_code',
      code: url.searchParams.get('code')!,
      redirect_uri: `${home}/callback`,
      client_id: provider.op.clientId,
      client_secret: provider.clientSecret,
    })
    const answer = await provider.handle(new Request(`${provider.op.issuer}/token`, { method: 'POST', body }))
    const { id_token: idToken } = (await answer.json()) as { id_token: string }
    const claims = sessionClaims(JSON.parse(atob(idToken.split('.')[1]!.replaceAll('-', '+').replaceAll('_', '/'))))
    await fault.onLogin?.(tools, claims)
    const id = crypto.randomUUID()
    sessions.set(id, fault.session?.(claims) ?? claims)
    return new Response(null, { status: 302, headers: { location: '/', 'set-cookie': `session=${id}; Path=/` } })
  }

  function login(): Response {
    const url = new URL(`${provider.op.issuer}/authorize`)
    url.search = String(
      new URLSearchParams({
        client_id: provider.op.clientId,
        redirect_uri: `${home}/callback`,
        response_type: 'code',
        scope: 'openid',
      }),
    )
    return Response.redirect(url)
  }

  async function me(request: Request): Promise<Response> {
    const id = /session=([^;]+)/.exec(request.headers.get('cookie') ?? '')?.[1] ?? ''
    const session = sessions.get(id)
    return new Response(null, { status: session && !(await logout.isLoggedOut(session)) ? 200 : 401 })
  }

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

  const routes: Record<string, (request: Request) => Response | Promise<Response>> = {
    '/login': login,
    '/callback': (request) => callback(new URL(request.url)),
    '/me': me,
    '/backchannel-logout': receive,
  }
  const fetch: FetchLike = (url, init) =>
    routes[new URL(url).pathname]?.(new Request(url, init)) ?? new Response(null, { status: 404 })

  return {
    provider,
    fetch,
    async nextSecond() {
      time += 1
    },
  }
}
