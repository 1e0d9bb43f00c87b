import { isObject, isText, withTimeout } from '@bcl/core/kit'
import {
  isAccountEvent,
  type NothingEnded,
  type SecurityEvent,
  type SubjectIdentifier,
} from '../events/security-event.js'
import type { KnownTransmitter } from '../transmitters/transmitter.js'

/**
 * The user or the session that a subject names, as in the claims of your sessions. Set `sub`, `sid` or both. For a complex
 * subject with the member `session`, `iss` alone is enough, because this member has the `sid`.
 */
export interface ResolvedSubject {
  /** The issuer of the ID Tokens. It must be one of the `subjectIssuers` of the transmitter. */
  iss: string
  /** The user. If neither `sid` nor the subject names a session, all sessions of the user end. */
  sub?: string | undefined
  /** The session. An event about the account, such as account-disabled, ends all sessions of the user if `sub` is set. */
  sid?: string | undefined
}

/**
 * Maps a subject to a user or a session. Return `undefined` to treat the subject as if there were no `resolveSubject`. Return
 * `null` to end no session.
 */
export type ResolveSubject = (
  subject: SubjectIdentifier,
  event: SecurityEvent,
) => ResolvedSubject | null | undefined | Promise<ResolvedSubject | null | undefined>

export interface TargetOptions {
  resolveSubject?: ResolveSubject | undefined
  /** The time-out of one call of a callback, in seconds. A retry of an event would wait for a callback that hangs. */
  listenerTimeout: number
  /** Tells whether sessions of this issuer can be ended. */
  isTrusted(iss: string): Promise<boolean>
}

/** Members of a complex subject that limit the event to some sessions of a user (SE-7). */
const narrowing = ['device', 'application', 'group', 'org_unit']
const knownMembers = new Set(['format', 'user', 'session', 'tenant', ...narrowing])

const formatOf = (subject: unknown): unknown => Object(subject).format

/** Returns the user of an `iss_sub` subject. */
function userOf(subject: unknown): ResolvedSubject | undefined {
  const { iss, sub } = Object(subject) as { iss?: unknown; sub?: unknown }
  return formatOf(subject) === 'iss_sub' && isText(iss) && isText(sub) ? { iss, sub } : undefined
}

/** Returns the `sid` in the member `session` of a subject. Keycloak sends `ALL` for all sessions of the user. */
function sessionOf({ session }: SubjectIdentifier): string | undefined {
  const { id } = Object(session) as { id?: unknown }
  return formatOf(session) === 'opaque' && isText(id) ? id : undefined
}

/** Maps a subject if there is no `resolveSubject`, or if `resolveSubject` returned `undefined` (SE-6, SE-7). */
function resolveByDefault(subject: SubjectIdentifier, subjectIssuers: readonly string[]): ResolvedSubject | undefined {
  if (subject.format !== 'complex') return userOf(subject)
  if (subject['user'] !== undefined) return userOf(subject['user'])
  const [iss] = subjectIssuers
  return subjectIssuers.length === 1 ? { iss: iss! } : undefined
}

/** Finds the sessions of an event. Returns the reason if there are none (SE-5 to SE-7). */
export async function findTarget(
  event: SecurityEvent,
  { subjectIssuers, criticalMembers }: KnownTransmitter,
  { resolveSubject, listenerTimeout, isTrusted }: TargetOptions,
): Promise<ResolvedSubject | NothingEnded> {
  const { type } = event
  // Only events about the stream have no subject, and they end no session.
  const subject = event.subject!
  const isComplex = subject.format === 'complex'
  const critical = new Set([criticalMembers()].flat())
  const isCritical = (member: string): boolean => !knownMembers.has(member) && critical.has(member)
  if (isComplex && Object.keys(subject).some(isCritical)) return 'critical'
  const resolved = await withTimeout(listenerTimeout, () => resolveSubject?.(subject, event))
  const found = resolved === undefined ? resolveByDefault(subject, subjectIssuers) : resolved
  if (!isObject(found)) return 'subject'
  if (!subjectIssuers.includes(found.iss) || !(await isTrusted(found.iss))) return 'issuer'

  let { iss, sub, sid } = found
  if (isComplex && !sid && narrowing.some((member) => subject[member] !== undefined)) return 'scope'
  // An event about the account ends all sessions of the user, even if the subject also names a session in any format.
  if (sub && isAccountEvent(type)) return { iss, sub }
  if (isComplex && !sid) {
    const { user, session } = subject
    const id = session === undefined ? 'ALL' : sessionOf(subject)
    // `ALL` means all sessions of the user. Without a user, no session can be found.
    if (id === 'ALL' ? user === undefined : !id) return 'scope'
    if (id !== 'ALL') sid = id
  }
  if (!sid && !sub) return 'subject'
  return { iss, sub, sid }
}
