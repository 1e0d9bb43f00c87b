import { BACKCHANNEL_LOGOUT_EVENT } from '@bcl/core'
import {
  claimError,
  decodeObject,
  invalidToken,
  isObject,
  isText,
  numericDate,
  readHeader,
  signatureError,
  splitCompact,
  verifySignature,
  type JSONObject,
} from '@bcl/core/kit'
import { failure } from './failure.js'
import { isStreamEvent, type SecurityEvent, type SubjectIdentifier } from './security-event.js'
import type { KnownTransmitter } from '../transmitters/transmitter.js'

/** The largest number of events in one token (SE-1). */
const maxEvents = 10

const setType = /^(?:application\/)?secevent\+jwt$/i
const anyType = /^(?:application\/)?jwt$/i

/** A token with a correct format, `typ` and `iss`. Nothing else has been checked. */
export interface ParsedSet {
  jwt: string
  header: { alg: string; kid?: unknown }
  claims: JSONObject
  transmitter: KnownTransmitter
}

/** Parses a token and finds its transmitter (SE-1, SE-2). */
export function parseSet(jwt: string, findTransmitter: (iss: unknown) => KnownTransmitter | undefined): ParsedSet {
  const [head, payload] = splitCompact(jwt, 3) as [string, string]
  const header = readHeader(head) as { alg: string; kid?: unknown; typ?: unknown }
  const claims = decodeObject(payload)
  const transmitter = findTransmitter(claims['iss'])
  const { typ = 'JWT' } = header
  const isRightType = isText(typ) && (setType.test(typ) || (transmitter?.requireTyp === false && anyType.test(typ)))
  if (!isRightType) throw invalidToken('has a wrong "typ"')
  if (!transmitter) throw claimError('iss', 'is not a known transmitter')
  return { jwt, header, claims, transmitter }
}

/** Converts the older form of RISC: `subject_type: "iss-sub"` becomes `format: "iss_sub"` (SE-6). */
function subjectOf(subject: unknown): SubjectIdentifier | undefined {
  if (!isObject(subject)) return undefined
  const { subject_type: type, format = isText(type) ? type.replaceAll('-', '_') : undefined } = subject
  return isText(format) ? { ...subject, format } : undefined
}

/**
 * Verifies a token. Checks `aud`, the signature, the claims and the events, in this order.
 *
 * @returns the events of the token (at least one), and the audiences of this receiver that the token names.
 */
export async function verifySet(
  { jwt, header, claims, transmitter }: ParsedSet,
  now: number,
): Promise<{ events: SecurityEvent[]; audience: string[] }> {
  const audience = await transmitter.findAudience(claims['aud']).catch((error: unknown) => {
    throw failure('the audience', error)
  })
  if (!audience[0]) throw claimError('aud', 'is for another receiver')
  if (!transmitter.algorithms.includes(header.alg)) throw signatureError()
  await verifySignature(jwt, header, transmitter.keys)

  const { clockTolerance, maxTokenAge } = transmitter
  const { jti, sub_id: subject, events: byType } = claims
  const date = (name: string, ifAbsent?: number): number => numericDate(claims, name, ifAbsent)
  const iat = Math.floor(date('iat'))
  const earliest = now - clockTolerance
  const expired = earliest > iat + maxTokenAge ? 'iat' : earliest >= date('exp', Infinity) && 'exp'
  if (expired) throw claimError(expired, 'is too long ago', undefined, 'ERR_LOGOUT_TOKEN_EXPIRED')
  for (const name of ['iat', 'nbf'])
    if (date(name, -Infinity) > now + clockTolerance) throw claimError(name, 'is in the future')
  if (!isText(jti)) throw claimError('jti', 'is not a non-empty string')
  const types = isObject(byType) ? Object.keys(byType) : []
  const isRight = types.length > 0 && types.length <= maxEvents && !types.includes(BACKCHANNEL_LOGOUT_EVENT)
  if (!isRight) throw claimError('events', `must hold 1 to ${maxEvents} security events`)
  const events = types.map((type) => {
    const value = (byType as JSONObject)[type]
    const values = isObject(value) ? value : {}
    const named = subjectOf(subject === undefined ? values['subject'] : subject)
    if (!named && !isStreamEvent(type)) throw claimError('sub_id', 'is not a Subject Identifier')
    return { transmitter: transmitter.issuer, jti, iat, type, subject: named, values, claims }
  })
  return { events, audience }
}
