import { asLogoutError } from '../errors.js'
import type { Registration } from '../issuers/trusted-issuer.js'
import { defined } from '../util/objects.js'
import { isText, mustBeText, readOptions, requireOption, text, type Rule } from '../util/options.js'
import { singleFlight, type Flight } from '../util/single-flight.js'
import type { LogoutEvent, Wish } from './end-sessions.js'
import { applicationKey, type Scope } from './markers.js'
import { expiryFor } from './one-rule.js'
import { checkMembers, type Dated } from './require-session.js'

/** The session that the application ends, as claims. It must have `sub` or `sid`. */
export interface SessionToEnd {
  /** Issuer Identifier. */
  iss: string
  /** The time when its first ID Token was issued: a NumericDate in seconds. */
  iat: number
  sub?: string | undefined
  sid?: string | null | undefined
  /** Ends only sessions of this client. @default all clients that are registered at the issuer */
  clientId?: string | undefined
}

/** The user whose sessions the application ends. */
export interface SubjectToEnd {
  /** Issuer Identifier. */
  iss: string
  /** The End-User at that issuer. */
  sub: string
  /** Ends only sessions of this client. @default all clients that are registered at the issuer */
  clientId?: string | undefined
  /** NumericDate in seconds. Sessions that began in this second or earlier end. @default now */
  before?: number | undefined
}

/**
 * The cause of a logout by the application. Listeners run once per `key`, just as they run once per `jti` of a Logout Token.
 */
export type LogoutOrigin =
  | { key?: string | undefined }
  | { source: 'security-event'; key?: string | undefined; jti: string; events: object; claims: object }

export interface EndSessionOptions {
  endSessions(wish: Wish): Promise<LogoutEvent>
  findRegistrations(
    session: Dated,
    name: string,
    dateName?: string,
  ): readonly Registration[] | Promise<readonly Registration[]>
  sessionMaxAge: number
  /** Seconds after which a run counts as lost. */
  longest: number
  now(): number
}

export interface EndSession {
  endSession(session: SessionToEnd, origin?: LogoutOrigin): Promise<LogoutEvent>
  endAllSessions(subject: SubjectToEnd, origin?: LogoutOrigin): Promise<LogoutEvent>
  /** Waits for all runs in progress. */
  settled(): Promise<unknown>
}

type MembersOf<T> = T extends unknown ? keyof T : never

/** A rule that accepts each value. It only makes the name of the option known. */
const any: Rule = [() => true, '', undefined]
// The type has every member, so TypeScript reports a missing rule.
const originRules: Record<MembersOf<LogoutOrigin>, Rule> = {
  source: any,
  key: text(undefined),
  jti: any,
  events: any,
  claims: any,
}
const subjectRules: Record<keyof SubjectToEnd, Rule> = { iss: any, sub: any, clientId: any, before: any }

/** Makes the functions by which the application ends sessions itself (RP-30a). */
export function createEndSession(options: EndSessionOptions): EndSession {
  const { endSessions, findRegistrations, sessionMaxAge, longest, now } = options
  const flights = singleFlight<Flight<LogoutEvent>>(longest)
  let runs = 0
  const nextName = (): string => String((runs += 1))
  /** Counts the whole call as in progress, including the call of the issuer function. */
  const counted = (call: () => Promise<LogoutEvent>): Promise<LogoutEvent> => flights.run(call, nextName()).result

  const end = (
    { iss, iat: date, sub, sid }: Dated & { sub?: string | undefined; sid?: string | undefined },
    scopes: readonly Scope[],
    registrations: readonly Registration[],
    { key, ...origin }: LogoutOrigin,
  ): Promise<LogoutEvent> => {
    const iat = Math.floor(date)
    const clientIds = registrations.map(({ clientId }) => clientId)
    const event = defined({ source: 'application', ...origin, iss, clientIds, iat, sub, sid }) as Wish['event']
    const wish: Wish = {
      event,
      markers: clientIds.map((clientId) => ({ clientId, iat, scopes })),
      done: clientIds.flatMap((clientId) =>
        key ? [{ key: applicationKey(iss, clientId, key), expiresAt: expiryFor(iat, now(), sessionMaxAge) }] : [],
      ),
    }
    // Calls for the same logout with the same key share one run.
    const name = key ? JSON.stringify([iss, clientIds, key, iat, scopes]) : nextName()
    const work = (): Promise<LogoutEvent> =>
      endSessions(wish).catch((error: unknown) => {
        throw asLogoutError('the logout', error)
      })
    return flights.run(work, name).result
  }

  return {
    endSession: (session, origin = {}) =>
      counted(async () => {
        const { iss, sub, sid: anySid, iat, clientId } = Object(session) as SessionToEnd
        const sid = anySid || undefined
        const dated = { iss, clientId, iat }
        checkMembers(dated, 'session')
        requireOption(isText(sid ?? sub), 'session', 'must have sub or sid, a non-empty string')
        requireOption(sub === undefined || isText(sub), 'session.sub', mustBeText)
        readOptions(origin, originRules, 'origin')
        const registrations = await findRegistrations(dated, 'session')
        // Other sessions of the user stay alive, also sessions without a known `sid`. A Logout Token or a security event ends
        // sessions without a known `sid`.
        const scopes: Scope[] = sid ? [['sid', iss, sid]] : []
        if (sub && (!sid || 'source' in origin)) scopes.push(['nosid', iss, sub])
        return end({ ...dated, sub, sid }, scopes, registrations, origin)
      }),
    endAllSessions: (subject, origin = {}) =>
      counted(async () => {
        const { iss, sub, clientId, before: iat = now() } = readOptions(subject, subjectRules, 'subject')
        const dated = { iss, clientId, iat }
        checkMembers(dated, 'subject', 'before')
        requireOption(isText(sub), 'subject.sub', mustBeText)
        readOptions(origin, originRules, 'origin')
        const registrations = await findRegistrations(dated, 'subject', 'before')
        return end({ ...dated, sub }, [['sub', iss, sub]], registrations, origin)
      }),
    settled: flights.settled,
  }
}
