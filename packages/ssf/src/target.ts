import { isObject, isText } from '@bcl/core/kit'
import { isAccountEvent, type NothingEnded, type SecurityEvent, type SubjectIdentifier } from './security-event.js'
import type { KnownTransmitter } from './transmitter.js'

/** Whom a subject means, in the names that the application's sessions carry. */
export interface ResolvedSubject {
  /** The issuer of the ID Tokens. */
  iss: string
  sub?: string | undefined
  sid?: string | undefined
}

/** Maps a subject. For `iss_sub`, `undefined` means to use it unchanged. `null` means to end nothing. */
export type ResolveSubject = (
  subject: SubjectIdentifier,
  event: SecurityEvent,
) => ResolvedSubject | null | undefined | Promise<ResolvedSubject | null | undefined>

export interface TargetOptions {
  resolveSubject: ResolveSubject | undefined
  /** Tells whether sessions of this issuer can be ended. */
  isTrusted(iss: string): Promise<boolean>
}

/** Members of a complex subject with which fewer than all sessions of a user are meant (SE-7). */
const narrowing = ['device', 'application', 'group', 'org_unit']
const knownMembers = new Set(['format', 'user', 'session', 'tenant', ...narrowing])

const formatOf = (subject: unknown): unknown => Object(subject).format

/** The user that an `iss_sub` names. */
function userOf(subject: unknown): ResolvedSubject | undefined {
  const { iss, sub } = Object(subject) as { iss?: unknown; sub?: unknown }
  return formatOf(subject) === 'iss_sub' && isText(iss) && isText(sub) ? { iss, sub } : undefined
}

/** The `sid` that a subject names in `session`. `ALL` is Keycloak's word for all sessions of the user. */
function sessionOf({ session }: SubjectIdentifier): string | undefined {
  const { id } = Object(session) as { id?: unknown }
  return formatOf(session) === 'opaque' && isText(id) ? id : undefined
}

/** Whom a subject means if `resolveSubject` does not say so (SE-6, SE-7). */
function resolveByDefault(subject: SubjectIdentifier, subjectIssuers: readonly string[]): ResolvedSubject | undefined {
  if (subject.format !== 'complex') return userOf(subject)
  if (subject['user'] !== undefined) return userOf(subject['user'])
  const [iss] = subjectIssuers
  return subjectIssuers.length === 1 ? { iss: iss! } : undefined
}

/** Finds the sessions that an event is about, or the reason why there are none (SE-5 to SE-7). */
export async function findTarget(
  event: SecurityEvent,
  { subjectIssuers, criticalMembers }: KnownTransmitter,
  { resolveSubject, isTrusted }: TargetOptions,
): Promise<ResolvedSubject | NothingEnded> {
  const { subject, type } = event
  if (!subject) return 'subject'
  const isComplex = subject.format === 'complex'
  const isCritical = (member: string): boolean => !knownMembers.has(member) && criticalMembers().includes(member)
  if (isComplex && Object.keys(subject).some(isCritical)) return 'critical'
  const resolved = await resolveSubject?.(subject, event)
  const found = resolved === undefined ? resolveByDefault(subject, subjectIssuers) : resolved
  if (!isObject(found)) return 'subject'
  if (!subjectIssuers.includes(found.iss) || !(await isTrusted(found.iss))) return 'issuer'

  const { iss, sub } = found
  let { sid } = found
  if (isComplex && !sid) {
    const { user, session } = subject
    if (narrowing.some((member) => subject[member] !== undefined)) return 'scope'
    if (session === undefined ? user === undefined : !sessionOf(subject)) return 'scope'
    sid = sessionOf(subject)
    if (sid === 'ALL') {
      // All sessions of nobody.
      if (user === undefined) return 'scope'
      sid = undefined
    }
  }
  if (!sid && !sub) return 'subject'
  return { iss, sub, sid: sub && isAccountEvent(type) ? undefined : sid }
}
