import type { FetchLike, TestProvider } from '@bcl/testing'
import { contract, endpoint } from '../faults/relying-party.ts'
import { faultsOf } from './checks.ts'
import { fetchKnowledge, readToken, type Json } from './received-token.ts'

const home = new URL(endpoint).origin
const noStore = { 'cache-control': 'no-store' }
const refusal = (status = 400, headers: Record<string, string> = {}): Response =>
  Response.json({ error: 'invalid_request' }, { status, headers: { ...noStore, ...headers } })

/** The options of {@link createSwitchReceiver}. */
export interface Switches {
  /** The checks that the receiver does not make: ids of `refuse` cases, without `refuse/`. */
  off?: readonly string[]
  /** Whether the receiver answers 400 for users and sessions that it does not know. */
  refusesUnknown?: boolean
}

/** A small Relying Party that does not use `@bcl/core`. Each of its checks of a Logout Token can be switched off. */
export function createSwitchReceiver(
  provider: TestProvider,
  { off = [], refusesUnknown = false }: Switches,
): FetchLike {
  const sessions = new Map<string, Json>()
  const logouts: Json[] = []

  const covers = ({ sub, sid, iat }: Json, session: Json): boolean =>
    iat >= session['iat'] && (sid && session['sid'] ? sid === session['sid'] : sub === session['sub'])

  function logOut({ sub, sid, iat }: Json): Response {
    const names = { sub: typeof sub === 'string' ? sub : undefined, sid: typeof sid === 'string' ? sid : undefined }
    const logout = { ...names, iat: Math.floor(Number.isFinite(iat) ? iat : provider.op.now()) }
    const isKnown = [...sessions.values()].some((session) => covers(logout, session))
    logouts.push(logout)
    return refusesUnknown && !isKnown ? refusal() : new Response(null, { headers: noStore })
  }

  async function receive(request: Request): Promise<Response> {
    if (request.method !== 'POST') return refusal(405, { allow: 'POST' })
    const isForm = /^application\/x-www-form-urlencoded(?:;|$)/i.test(request.headers.get('content-type') ?? '')
    const body = await request.text()
    const tokens = isForm ? new URLSearchParams(body).getAll('logout_token') : []
    if (tokens.length !== 1 || body.length > 1024 * 1024) return refusal()
    const token = readToken(tokens[0]!)
    const faults = faultsOf(token, await fetchKnowledge(provider))
    return faults.every((fault) => off.includes(fault)) ? logOut(token.claims ?? {}) : refusal()
  }

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
    const id = crypto.randomUUID()
    sessions.set(id, readToken(idToken).claims!)
    return new Response(null, { status: 302, headers: { location: '/', 'set-cookie': `session=${id}; Path=/` } })
  }

  function login(): Response {
    const query = {
      client_id: provider.op.clientId,
      redirect_uri: `${home}/callback`,
      response_type: 'code',
      scope: 'openid',
    }
    return Response.redirect(`${provider.op.issuer}/authorize?${new URLSearchParams(query)}`)
  }

  function me(request: Request): Response {
    const session = sessions.get(/session=([^;]+)/.exec(request.headers.get('cookie') ?? '')?.[1] ?? '')
    const isLive = session !== undefined && !logouts.some((logout) => covers(logout, session))
    return new Response(null, { status: isLive ? 200 : 401 })
  }

  const routes: Record<string, (request: Request) => Response | Promise<Response>> = {
    [contract.login]: login,
    [`${home}/callback`]: (request) => callback(new URL(request.url)),
    [contract.me]: me,
    [endpoint]: receive,
  }
  return (url, init) => routes[url.replace(/\?.*/, '')]?.(new Request(url, init)) ?? new Response(null, { status: 404 })
}
