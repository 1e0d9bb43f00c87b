import type { FetchLike, TestProvider } from '@bcl/testing'
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose'
import { createApplication } from '../application.ts'

type Json = Record<string, any>

/** The sessions that an event ends. A member that is missing matches all sessions. */
interface Ended {
  sub?: string
  sid?: string
  /** Sessions that began later do not end. */
  at: number
}

/** The parts of the receiver that a test breaks. */
export interface SetFaults {
  /** The names of the checks that the receiver does not make. */
  off?: readonly string[]
  /** Replaces the sessions that a token ends. Returns nothing if they are right. */
  ends?: (claims: Json, right: Ended[], now: number) => Ended[] | undefined
  /** Whether the receiver carries a token out before it has checked the token. */
  endsFirst?: boolean
  /** Whether the receiver forgets which tokens it has carried out. */
  forgets?: boolean
}

const base = 'https://schemas.openid.net/secevent/'
const ending = new Set([`${base}caep/event-type/session-revoked`, `${base}risc/event-type/account-disabled`])
const isAboutStream = (type: string): boolean => type.startsWith(`${base}ssf/`)
const isObject = (value: unknown): value is Json => Object(value) === value && !Array.isArray(value)

/** Returns the sessions that the events of a token end. Only session-revoked and account-disabled end sessions. */
function endedBy({ events, sub_id, iat }: Json, issuer: string): Ended[] {
  const { user = sub_id?.format === 'iss_sub' ? sub_id : undefined, session } = sub_id ?? {}
  if (user !== undefined && user.iss !== issuer) return []
  const named = { ...(user && { sub: user.sub }), ...(session && session.id !== 'ALL' && { sid: session.id }) }
  if (named.sub === undefined && named.sid === undefined) return []
  return Object.entries<Json>(isObject(events) ? events : {})
    .filter(([type]) => ending.has(type))
    .map(([, values]) => ({ ...named, at: Math.min(values?.['event_timestamp'] ?? iat, iat) }))
}

/** A small application with a receiver of Security Event Tokens. It does not use `@bcl/core`. Each check can be switched off. */
export function createSetReceiver(provider: TestProvider, audience: string, faults: SetFaults = {}): FetchLike {
  const { op } = provider
  const sessions: Json[] = []
  const ended: Ended[] = []
  const done = new Set<string>()

  /** Returns the name and the answer of the first check that fails. */
  async function check(request: Request, token: string): Promise<{ status: number; err?: string } | undefined> {
    const { off = [] } = faults
    const header: Json = token ? decodeProtectedHeader(token) : {}
    const claims: Json = token ? decodeJwt(token) : {}
    const types = isObject(claims['events']) ? Object.keys(claims['events']) : []
    const { iat, exp } = claims
    const isForged = await jwtVerify(token, createLocalJWKSet(op.jwks), { currentDate: new Date(0) }).then(
      () => false,
      ({ code }) => /SIGNATURE|JWKS/.test(code as string),
    )
    const now = op.now()
    const rows: [name: string, isWrong: boolean, status: number, err?: string][] = [
      ['method', request.method !== 'POST', 405],
      ['authorization', request.headers.get('authorization') !== 'Bearer secret', 401, 'authentication_failed'],
      ['media type', request.headers.get('content-type') !== 'application/secevent+jwt', 400, 'invalid_request'],
      ['token', token === '', 400, 'invalid_request'],
      ['typ', header['typ'] !== 'secevent+jwt', 400, 'invalid_request'],
      ['iss', claims['iss'] !== op.issuer, 400, 'invalid_issuer'],
      ['aud', claims['aud'] !== audience, 400, 'invalid_audience'],
      ['signature', isForged, 400, 'invalid_key'],
      ['jti', claims['jti'] === undefined, 400, 'invalid_request'],
      ['iat', iat === undefined, 400, 'invalid_request'],
      ['iat ahead', iat > now + 60, 400, 'invalid_request'],
      ['age', iat < now - 7 * 86_400, 400, 'invalid_request'],
      ['exp', exp <= now, 400, 'invalid_request'],
      ['events', types.length === 0, 400, 'invalid_request'],
      ['number of events', types.length > 10, 400, 'invalid_request'],
      ['logout event', types.some((type) => type.includes('backchannel-logout')), 400, 'invalid_request'],
      ['subject', !claims['sub_id'] && types.length > 0 && !types.every(isAboutStream), 400, 'invalid_request'],
    ]
    const row = rows.find(([name, isWrong]) => isWrong && !off.includes(name))
    return row && { status: row[2], ...(row[3] && { err: row[3] }) }
  }

  function carryOut(token: string): void {
    const claims = decodeJwt(token) as Json
    if (done.has(claims['jti']) && !faults.forgets) return
    done.add(claims['jti'])
    const right = endedBy(claims, op.issuer)
    ended.push(...(faults.ends?.(claims, right, op.now()) ?? right))
  }

  async function receive(request: Request): Promise<Response> {
    const token = await request.text()
    if (faults.endsFirst && token) carryOut(token)
    const refusal = await check(request, token)
    if (refusal) return Response.json({ err: refusal.err, description: 'wrong' }, { status: refusal.status })
    if (token) carryOut(token)
    return new Response(null, { status: 202 })
  }

  const startSession = (idToken: string): Json => {
    const session = decodeJwt(idToken) as Json
    sessions.push(session)
    return session
  }
  const isLive = (session: Json): boolean =>
    !ended.some(
      ({ sub = session['sub'], sid = session['sid'], at }) =>
        sub === session['sub'] && sid === session['sid'] && session['iat'] <= at,
    )
  return createApplication(provider, { receive, startSession, isLive })
}
