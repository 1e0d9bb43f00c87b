import { securityEventCases, type SecurityEventCase } from '../../../security-events/security-event-cases.js'
import type { ConformanceCase } from '../../case.js'
import { describeAnswer, expectThat } from '../../relying-party/expectations.js'
import { acknowledged, actsOf, errOf, errorAnswer } from './push.js'

const acknowledge = 'RFC 8935, 2.2: a receiver acknowledges each valid token by 202 and an empty body'

/** For each requirement: the rule of the standard that a wrong token breaks. */
const references: Record<string, string> = {
  'SE-1': 'RFC 8417, 2.2: iss, iat, jti and events are REQUIRED',
  'SE-2': 'RFC 8417, 2.2, and RFC 7515, 5.2: the token is signed by its issuer, the transmitter',
  'SE-3': 'RFC 7519, 4.1.3: a receiver that is not in aud must reject the token',
}

const typed =
  'RFC 8417, 2.3, recommends the typ secevent+jwt, and SSF requires transmitters to send it. A receiver that checks the typ does not mistake another kind of JWT for a security event'

/**
 * Tokens with their own grade and rule. They do not use the grade and the rule of their requirement. No standard
 * requires a receiver to accept or refuse these tokens.
 */
const graded: Record<string, readonly [grade: 'hardening' | 'interoperability', rule: string]> = {
  'no-typ': ['hardening', typed],
  'typ-JWT': ['hardening', typed],
  'the-typ-of-a-Logout-Token': ['hardening', typed],
  'the-event-of-a-Logout-Token': ['hardening', typed],
  'iat-ahead': ['hardening', 'RFC 7519, 4.1.6: iat is the time of issue. A receiver may refuse a time that lies ahead'],
  'a-month-old': [
    'hardening',
    'RFC 7519, 4.1.6: iat gives the age of the token. A receiver that limits the age also limits replays',
  ],
  expired: [
    'hardening',
    'RFC 8417, 2.2: exp is NOT RECOMMENDED, because an event is in the past. If it is there, a receiver can honour it',
  ],
  'empty-events': [
    'hardening',
    'RFC 8417, 2.2: events names at least one event. A token without an event says nothing',
  ],
  'eleven-events': [
    'hardening',
    'No standard limits the number of events. Without a limit, one token can cause very much work for a receiver',
  ],
  'no-subject': [
    'hardening',
    'SSF requires sub_id of transmitters. Some older transmitters put the subject into the event',
  ],
  'no-audience': [
    'hardening',
    'RFC 7519, 4.1.3: aud is optional. Without aud, a receiver cannot see that a token is for another receiver',
  ],
  'an-unknown-kid': [
    'hardening',
    'RFC 7515, 4.1.4: the kid is only a hint. The transmitter has made the signature, so the token is not forged',
  ],
  'session-revoked-for-the-session-ALL': [
    'interoperability',
    'Keycloak sends the session ALL for all sessions of a user',
  ],
  'session-revoked-for-ALL-without-a-user': [
    'interoperability',
    'Keycloak sends the session ALL for all sessions of a user',
  ],
  'a-time-in-milliseconds': [
    'interoperability',
    'CAEP 2: event_timestamp is in seconds. The suite of the OpenID Foundation sends milliseconds',
  ],
  'a-claim-exp': ['interoperability', 'SSF forbids exp to transmitters, but some send it'],
  'with-a-claim-sub': ['interoperability', 'SSF forbids sub to transmitters, but some send it'],
  'malformed-verification': [
    'interoperability',
    'RFC 8417, 2.2: the value of an event is a JSON object. If a receiver refuses an event because of another value, the stream can stop',
  ],
  'an-unknown-event': [
    'interoperability',
    'RFC 8935, 2.2: valid tokens are acknowledged. A transmitter can send events that a receiver does not know',
  ],
}

const tokenCase = ({ id, name, requirement, make, status, err }: SecurityEventCase): ConformanceCase => {
  const wanted = status === 202 ? acknowledged : errorAnswer(err!)
  const [grade, rule] = graded[id] ?? ['MUST', wanted.isAccepted ? acknowledge : references[requirement]]
  if (rule === undefined) throw new Error(`no reference for ${requirement}`)
  return {
    id: `ssf/${id}`,
    group: wanted.isAccepted ? 'accept' : 'refuse',
    title: `a security event: ${name}`,
    grade,
    requirement,
    reference: rule,
    sends: `a security event: ${name}`,
    wants: wanted.text,
    ...(!wanted.isAccepted && { wantsOfSession: 'the session is live' }),
    acts: actsOf(wanted, async (party, { sub, sid }) => party.push(await make(party.transmitter!, { sub, sid: sid! }))),
  }
}

/** The tokens of the case about error codes. */
const namedFaults = securityEventCases.filter(({ id }) => ['another-issuer', 'another-audience'].includes(id))

/** Checks the exact error code, because a transmitter shows the code to its operator. Other cases accept any error code of RFC 8935. */
const namedFault: ConformanceCase = {
  id: 'ssf/the-err-names-the-fault',
  group: 'answer',
  title: 'the err of a refusal names the fault',
  grade: 'interoperability',
  requirement: 'SE-2',
  reference: 'RFC 8935, 2.4: invalid_issuer and invalid_audience are the codes for a wrong iss and a wrong aud',
  sends: 'a token of another issuer, and a token for another audience',
  wants: 'the err "invalid_issuer", and the err "invalid_audience"',
  acts: (party) => [
    async () => {
      for (const { make, err } of namedFaults) {
        const answer = await party.push(await make(party.transmitter!))
        expectThat(errOf(answer) === err, describeAnswer(answer))
      }
    },
  ],
}

/** Cases about tokens. */
export const tokens: readonly ConformanceCase[] = [...securityEventCases.map(tokenCase), namedFault]
