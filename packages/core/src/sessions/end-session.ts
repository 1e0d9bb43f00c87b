import { asLogoutError } from '../errors.js'
import type { Registration } from '../issuers/trusted-issuer.js'
import { defined } from '../util/objects.js'
import { isText, mustBeText, readOptions, requireOption, text, type Rule } from '../util/options.js'
import { singleFlight, type Flight } from '../util/single-flight.js'
import type { LogoutEvent, Wish } from './end-sessions.js'
import { applicationKey, scopesOfLogout } from './markers.js'
import { expiryFor } from './one-rule.js'
import { checkMembers, type Dated } from './find-registrations.js'

/** The session that the application ends, as claims. It must have `sub` or `sid`. */
export interface SessionToEnd {
  /** Issuer Identifier. */
  iss: string
  /** The time when the first ID Token of the session was issued: a NumericDate in seconds. A fraction is ignored. */
  iat: number
  /** The End-User at that issuer. */
  sub?: string | undefined
  /** The session at the provider. If it is absent, null or empty, the `sid` is unknown. */
  sid?: string | null | undefined
  /** Ends only sessions of this client, and sessions without a `clientId`. @default all clients at the issuer */
  clientId?: string | undefined
}

/** The user whose sessions the application ends. */
export interface SubjectToEnd {
  /** Issuer Identifier. */
  iss: string
  /** The End-User at that issuer. */
  sub: string
  /** Ends only sessions of this client, and sessions without a `clientId`. @default all clients at the issuer */
  clientId?: string | undefined
  /** NumericDate in seconds. The call ends the sessions that began in this second or earlier. @default now */
  before?: number | undefined
}

/**
 * The cause of a logout by the application. If `key` is set, a second logout of the same session or subject with the same `key`
 * does not call the listeners again. With `source: 'security-event'`, the other members become members of the {@link LogoutEvent}.
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
    maxAge?: number,
  ): readonly Registration[] | Promise<readonly Registration[]>
  sessionMaxAge: number
  /** Seconds after which a call in progress counts as lost. */
  longest: number
  now(): number
}

export interface EndSession {
  endSession(session: SessionToEnd, origin?: LogoutOrigin): Promise<LogoutEvent>
  endAllSessions(subject: SubjectToEnd, origin?: LogoutOrigin): Promise<LogoutEvent>
}

type MembersOf<T> = T extends unknown ? keyof T : never

/** A rule that accepts any value. Names without a rule are refused. */
const any: Rule = [() => true, '', undefined]
// The type has every member, so TypeScript reports a missing rule.
const originRules: Record<MembersOf<LogoutOrigin>, Rule> = {
  key: text(undefined),
  source: any,
  jti: any,
  events: any,
  claims: any,
}
const subjectRules: Record<keyof SubjectToEnd, Rule> = { iss: any, sub: any, clientId: any, before: any }

/** Makes the functions with which the application ends sessions (RP-30a). */
export function createEndSession(options: EndSessionOptions): EndSession {
  const { endSessions, findRegistrations, sessionMaxAge, longest, now } = options
  const flights = singleFlight<Flight<LogoutEvent>>(longest)

  const carryOut = async (wish: Wish): Promise<LogoutEvent> => {
    try {
      return await endSessions(wish)
    } catch (error) {
      throw asLogoutError('the logout', error)
    }
  }

  /** Ends one session, or all sessions of a subject. Error messages contain `name` and `dateName`. */
  const end = async (
    { iss, iat: date, sub, sid: anySid, clientId }: SessionToEnd,
    origin: LogoutOrigin,
    name: 'session' | 'subject',
    dateName: 'iat' | 'before',
  ): Promise<LogoutEvent> => {
    const isSession = name === 'session'
    const sid = anySid || undefined
    const dated = { iss, clientId, iat: date, sid: anySid }
    checkMembers(dated, name, dateName)
    requireOption(!isSession || isText(sid ?? sub), name, 'must have sub or sid, a non-empty string')
    requireOption((isSession && sub === undefined) || isText(sub), `${name}.sub`, mustBeText)
    readOptions(origin, originRules, 'origin')
    const { key, ...from } = origin
    const registrations = await findRegistrations(dated, name, dateName, clientId ? undefined : 0)
    const iat = Math.floor(date)
    // If the application ends a session by its `sid`, the user's sessions without a known `sid` stay alive. A Logout
    // Token or a security event ends them, too.
    const isForSubject = !sid || 'source' in origin
    const scopes = scopesOfLogout(iss, sid, isSession ? 'nosid' : 'sub', isForSubject && sub)
    const clientIds = registrations.map(({ clientId: id }) => id)
    const wish: Wish = {
      event: defined({ source: 'application', ...from, iss, clientIds, iat, sub, sid }) as Wish['event'],
      markers: clientIds.map((id) => ({ clientId: id, iat, scopes })),
      done: clientIds.flatMap((id) =>
        key ? [{ key: applicationKey(id, key, scopes), expiresAt: expiryFor(iat, now(), sessionMaxAge) }] : [],
      ),
    }
    // If calls for the same logout have the same key and overlap, the logout is carried out once.
    return key
      ? flights.run(() => carryOut(wish), JSON.stringify([clientIds, key, iat, scopes])).result
      : carryOut(wish)
  }

  return {
    endSession: async (session, origin = {}) => end(Object(session) as SessionToEnd, origin, 'session', 'iat'),
    async endAllSessions(subject, origin = {}) {
      const { before: iat = now(), ...rest } = readOptions(subject, subjectRules, 'subject')
      return end({ ...rest, iat }, origin, 'subject', 'before')
    },
  }
}
