import type { FetchLike, TestProvider } from '@bcl/testing'
import { createApplication } from '../application.ts'
import { faultsOf } from './checks.ts'
import { fetchKnowledge, readToken, type Json, type ReceivedToken } from './received-token.ts'

const noStore = { 'cache-control': 'no-store' }
const refusal = (status = 400, headers: Record<string, string> = {}): Response =>
  Response.json({ error: 'invalid_request' }, { status, headers: { ...noStore, ...headers } })

/** The options of {@link createSwitchReceiver}. */
export interface Switches {
  /** The checks that are switched off, each by the id of its case without `refuse/`. */
  off?: readonly string[]
  /** True if the receiver answers 400 for unknown users and sessions. */
  refusesUnknown?: boolean
  /** True if the receiver refuses tokens without typ, without the kid of the provider, and with an iat that is old. */
  isStrict?: boolean
}

/** A small Relying Party that does not use `@bcl/core`. Each of its checks of a Logout Token can be switched off. */
export function createSwitchReceiver(
  provider: TestProvider,
  { off = [], refusesUnknown = false, isStrict = false }: Switches,
): FetchLike {
  const sessions: Json[] = []
  const logouts: Json[] = []

  const covers = ({ sub, sid, iat }: Json, session: Json): boolean =>
    iat >= session['iat'] && (sid && session['sid'] ? sid === session['sid'] : sub === session['sub'])

  function logOut({ sub, sid, iat }: Json): Response {
    const names = { sub: typeof sub === 'string' ? sub : undefined, sid: typeof sid === 'string' ? sid : undefined }
    const logout = { ...names, iat: Math.floor(Number.isFinite(iat) ? iat : provider.op.now()) }
    const isKnown = sessions.some((session) => covers(logout, session))
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
    if (isStrict && !isCareful(token)) return refusal()
    return faults.every((fault) => off.includes(fault)) ? logOut(token.claims ?? {}) : refusal()
  }

  /** Tells whether a token has the typ, the kid and the age of a valid token. Claims and headers that cannot be read pass. */
  const isCareful = ({ header, claims }: ReceivedToken): boolean =>
    (!header || (typeof header['typ'] === 'string' && header['kid'] === provider.op.key.kid)) &&
    !(Number.parseFloat(String(claims?.['iat'])) < provider.op.now() - 600)

  const startSession = (idToken: string): Json => {
    const session = readToken(idToken).claims!
    sessions.push(session)
    return session
  }
  const isLive = (session: Json): boolean => !logouts.some((logout) => covers(logout, session))
  return createApplication(provider, { receive, startSession, isLive })
}
