import type { JSONObject } from '@bcl/core/kit'

/** A Subject Identifier: a format, and the members of that format. */
export interface SubjectIdentifier {
  /** For example `iss_sub`, `opaque`, `email` or `complex`. */
  readonly format: string
  readonly [member: string]: unknown
}

/**
 * The reason why an event ended no session.
 *
 * - `type`: events of this type do not end sessions, or `endsSessions` returned false.
 * - `subject`: the subject names no known user or session.
 * - `scope`: the subject names only some sessions of a user, and these sessions cannot be found.
 * - `issuer`: this transmitter may not sign out users of the subject's issuer, or the application does not trust that issuer.
 * - `critical`: the subject has a critical member that this receiver does not know.
 */
export type NothingEnded = 'type' | 'subject' | 'scope' | 'issuer' | 'critical'

/** One event of a Security Event Token. */
export interface SecurityEvent {
  /** The issuer of the token. */
  readonly transmitter: string
  /** The unique identifier of the token. A token can contain several events. */
  readonly jti: string
  /** The time when the token was issued: a NumericDate in whole seconds. */
  readonly iat: number
  /** The URI of the event type. */
  readonly type: string
  /** The subject of the event. A `subject` in the older form of RISC is converted to a Subject Identifier. */
  readonly subject?: SubjectIdentifier | undefined
  /** The members of the event, as sent. */
  readonly values: Readonly<JSONObject>
  /** All claims of the token, as sent. */
  readonly claims: Readonly<JSONObject>
  /**
   * The sessions that this event ended: one session (`session`), all sessions of the user (`all`), or none (`nothing`). Only
   * `onEvent` gets this member.
   */
  readonly ended?: 'session' | 'all' | 'nothing'
  /** The reason why no session ended. Only `onEvent` gets this member. */
  readonly reason?: NothingEnded
}

const base = 'https://schemas.openid.net/secevent/'

/** Events about the stream. They have no user. */
const streamEvents = new Set([
  `${base}ssf/event-type/verification`,
  `${base}ssf/event-type/stream-updated`,
  `${base}risc/event-type/verification`,
])
/** Events that end all sessions of their subject (SE-9). */
const accountEvents = new Set([
  `${base}risc/event-type/account-disabled`,
  `${base}risc/event-type/account-purged`,
  `${base}risc/event-type/sessions-revoked`,
  `${base}oauth/event-type/tokens-revoked`,
])

/** Tells whether an event is about the stream (SE-10). */
export const isStreamEvent = (type: string): boolean => streamEvents.has(type)
/** Tells whether an event ends all sessions of its subject, even if the subject names one session. */
export const isAccountEvent = (type: string): boolean => accountEvents.has(type)
/** Tells whether an event ends sessions by default (SE-9). */
export const endsByDefault = (type: string): boolean =>
  isAccountEvent(type) || type === `${base}caep/event-type/session-revoked`
