import type { CaseRequest } from '../../requests/request-cases.js'
import { securityEventCases, type SecurityEventCase } from '../../security-events/security-event-cases.js'
import { slug } from '../../slug.js'
import type { Act, ConformanceCase, ConformanceGrade } from '../case.js'
import {
  describeAnswer,
  expectEnded,
  expectLive,
  expectThat,
  requireLogout,
  type ConformanceFault,
} from '../relying-party/expectations.js'
import type { Answer, Party, Visit } from '../relying-party/party.js'

const base = 'https://schemas.openid.net/secevent/'
const sessionRevoked = `${base}caep/event-type/session-revoked`
const accountDisabled = `${base}risc/event-type/account-disabled`

/** The answers that pass. */
interface Wanted {
  /** The answers in words. */
  text: string
  /** Whether the right answer accepts the token. */
  isAccepted: boolean
  isRight: (answer: Answer) => boolean
}

/** The error codes of RFC 8935, 2.4. */
const errorCodes: ReadonlySet<unknown> = new Set([
  'invalid_request',
  'invalid_key',
  'invalid_issuer',
  'invalid_audience',
  'authentication_failed',
  'access_denied',
])

/** Returns the error code in the body of an answer. */
function errOf({ body }: Answer): unknown {
  try {
    return (JSON.parse(body) as { err?: unknown }).err
  } catch {
    return undefined
  }
}

const isAcknowledged = ({ status, body }: Answer): boolean => status === 202 && body === ''
const isErrorAnswer = (answer: Answer): boolean => answer.status === 400 && errorCodes.has(errOf(answer))
const isAnyRefusal = ({ status }: Answer): boolean => (status >= 400 && status < 500) || status === 501

const acknowledged: Wanted = { text: '202 and an empty body', isAccepted: true, isRight: isAcknowledged }

/** The right answer to a wrong token. A receiver may choose among the codes, because a token can have several faults. */
const errorAnswer = (err: string): Wanted => ({
  text: `400 and an err of RFC 8935, for example "${err}"`,
  isAccepted: false,
  isRight: isErrorAnswer,
})

/** The right answer to wrong authorization. RFC 8935, 2.3, allows an HTTP status, for example 401 or 403, or an error answer. */
const notAuthorized: Wanted = {
  text: '401 or 403, or 400 and an err of RFC 8935, for example "authentication_failed"',
  isAccepted: false,
  isRight: (answer) => answer.status === 401 || answer.status === 403 || isErrorAnswer(answer),
}

const anyRefusal = (status: number): Wanted => ({
  text: `a refusal, for example ${status}`,
  isAccepted: false,
  isRight: isAnyRefusal,
})

function faultOf({ status }: Answer, { isAccepted }: Wanted): ConformanceFault {
  const isSuccess = status >= 200 && status < 300
  if (isAccepted) return isSuccess ? 'other' : 'refused'
  return isSuccess ? 'accepted' : 'other'
}

/** Checks the status and the body of an answer. */
function expectAnswer(answer: Answer, wanted: Wanted): void {
  expectThat(wanted.isRight(answer), describeAnswer(answer), { fault: faultOf(answer, wanted) })
}

const expectAccepted = (answer: Answer): void => expectAnswer(answer, acknowledged)

/** Sends one request for a new session, and checks the answer. A wrong request must not end the session. */
const actsOf =
  (wanted: Wanted, send: (party: Party, visit: Visit) => Promise<Answer>) =>
  (party: Party): Act[] => {
    let visit: Visit
    return [
      async () => void (visit = await party.signIn()),
      async () => {
        expectAnswer(await send(party, visit), wanted)
        if (!wanted.isAccepted) await expectLive(visit, 'the session', 'accepted')
      },
    ]
  }

const userOf = ({ transmitter }: Party, { sub }: Visit): object => ({
  format: 'iss_sub',
  iss: transmitter!.issuer,
  sub,
})
const opaque = (id: string | null): object => ({ format: 'opaque', id })
/** Makes a complex subject with the user and the session of a visit. */
const sessionOf = (party: Party, visit: Visit): object => ({
  format: 'complex',
  user: userOf(party, visit),
  session: opaque(visit.sid),
})

// Cases about requests.

const requestCase = (
  title: string,
  grade: ConformanceGrade,
  reference: string,
  wanted: Wanted,
  change: Partial<CaseRequest>,
): ConformanceCase => ({
  id: `ssf/${slug(title)}`,
  group: 'request',
  title: `a push: ${title}`,
  grade,
  requirement: 'SE-1',
  reference,
  sends: `a push: ${title}`,
  wants: wanted.text,
  wantsOfSession: 'the session is live',
  acts: actsOf(wanted, async (party, visit) =>
    party.push(await party.transmitter!.set({ sub_id: userOf(party, visit) }), change),
  ),
})

const requests: readonly ConformanceCase[] = [
  requestCase(
    'wrong authorization',
    'MUST',
    'RFC 8935, 2.3: an error in the authentication of the transmitter is answered by a status of HTTP or by 400 and an err',
    notAuthorized,
    { headers: { authorization: 'Bearer wrong' } },
  ),
  requestCase(
    'another media type',
    'hardening',
    'RFC 8935, 2.1: the media type of a push is application/secevent+jwt. No section says what a receiver does with another one',
    anyRefusal(400),
    { headers: { 'content-type': 'application/json' } },
  ),
  requestCase(
    'no token',
    'MUST',
    'RFC 8935, 2.3: a body that cannot be parsed is answered 400, and the body of the answer has an err',
    errorAnswer('invalid_request'),
    { body: '' },
  ),
  requestCase(
    'another method',
    'hardening',
    'RFC 8935, 2.1: a push is a POST. No section says what a receiver does with another method',
    anyRefusal(405),
    { method: 'GET' },
  ),
]

// Cases about tokens.

const acknowledge = 'RFC 8935, 2.2: a receiver acknowledges each valid token by 202 and an empty body'

/** The rule of each requirement for wrong tokens. */
const references: Record<string, string> = {
  'SE-1': 'RFC 8417, 2.2: iss, iat, jti and events are REQUIRED',
  'SE-2': 'RFC 8417, 2.2, and RFC 7515, 5.2: the token is signed by its issuer, the transmitter',
  'SE-3': 'RFC 7519, 4.1.3: a receiver that is not in aud must reject the token',
}

const typed =
  'RFC 8417, 2.3, recommends the typ secevent+jwt, and SSF requires it of transmitters. A receiver that checks it does not take another kind of JWT for a security event'

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
    'No standard limits the number of events. Without a limit, one token can use up a receiver',
  ],
  'no-subject': [
    'hardening',
    'SSF requires sub_id of transmitters. Some older transmitters put the subject into the event',
  ],
  'no-audience': [
    'hardening',
    'RFC 7519, 4.1.3: aud is optional. Without it, a token for another receiver cannot be told apart',
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
    'RFC 8417, 2.2: the value of an event is a JSON object. If a stream is refused for another value, it stops',
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

// Cases about sessions.

/** Pushes an event about a subject. */
const pushEvent = async (
  party: Party,
  subject: object,
  { type = sessionRevoked, values = {} }: { type?: string; values?: object } = {},
): Promise<Answer> => party.push(await party.transmitter!.set({ sub_id: subject, events: { [type]: values } }))

/** Pushes an event that ends the sessions of a user. Skips the case unless the session ended. */
const endFirst = async (party: Party, visit: Visit, event?: Parameters<typeof pushEvent>[2]): Promise<void> =>
  requireLogout(await pushEvent(party, userOf(party, visit), event), visit, 'the event that this case builds on')

interface ThreeVisits {
  /** Two sessions of one user. */
  laptop: Visit
  phone: Visit
  /** A session of another user. */
  otherUser: Visit
}

/** Signs in three times, and then runs `check`. */
const afterThreeSignIns =
  (check: (party: Party, visits: ThreeVisits) => Promise<void>) =>
  (party: Party): Act[] => {
    let visits: ThreeVisits
    return [
      async () => {
        const laptop = await party.signIn()
        visits = { laptop, phone: await party.signIn({ sub: laptop.sub }), otherUser: await party.signIn() }
      },
      () => check(party, visits),
    ]
  }

type SessionCase = Pick<
  ConformanceCase,
  'id' | 'grade' | 'requirement' | 'reference' | 'title' | 'sends' | 'wants' | 'acts'
>

const toSessionCase = ({ id, ...described }: SessionCase): ConformanceCase => ({
  ...described,
  id: `ssf/session/${id}`,
  group: 'session',
  needs: 'sign-in',
})

const revokedSessions =
  'CAEP 3.1: session-revoked is about the sessions that match all members of its subject. What a receiver does is its own decision, but without the end of the session the event is lost'
const otherSessions =
  'CAEP 3.1: session-revoked is about the sessions that match all members of its subject. Other sessions are not revoked'
const earlierSessions =
  'CAEP 2: event_timestamp is the time of the event. A session that began after the event is not one of its sessions'

const sessions: readonly ConformanceCase[] = (
  [
    {
      id: 'session-revoked-ends-its-session',
      grade: 'hardening',
      requirement: 'SE-7',
      reference: revokedSessions,
      title: 'session-revoked ends the session that it names',
      sends: 'session-revoked with the user and the sid of a session',
      wants: '202, and the session has ended',
      acts: afterThreeSignIns(async (party, { laptop }) => {
        expectAccepted(await pushEvent(party, sessionOf(party, laptop)))
        await expectEnded(laptop)
      }),
    },
    {
      id: 'session-revoked-ends-no-other-session',
      grade: 'hardening',
      requirement: 'SE-7',
      reference: otherSessions,
      title: 'session-revoked with a sid ends no other session',
      sends: 'session-revoked with the user and the sid of one of two sessions',
      wants: 'the other session of the user and the session of another user are live',
      acts: afterThreeSignIns(async (party, { laptop, phone, otherUser }) => {
        await requireLogout(await pushEvent(party, sessionOf(party, laptop)), laptop)
        await expectLive(phone, 'the other session of the user')
        await expectLive(otherUser, 'the session of another user')
      }),
    },
    {
      id: 'session-revoked-ends-all-sessions-of-its-user',
      grade: 'hardening',
      requirement: 'SE-7',
      reference: revokedSessions,
      title: 'session-revoked for a user ends all sessions of this user',
      sends: 'session-revoked with a user who has two sessions',
      wants: '202, and both sessions have ended',
      acts: afterThreeSignIns(async (party, { laptop, phone }) => {
        expectAccepted(await pushEvent(party, userOf(party, laptop)))
        await expectEnded(laptop, 'the first session')
        await expectEnded(phone, 'the second session')
      }),
    },
    {
      id: 'session-revoked-ends-the-sessions-of-nobody-else',
      grade: 'hardening',
      requirement: 'SE-7',
      reference: otherSessions,
      title: 'session-revoked for a user ends no session of another user',
      sends: 'session-revoked with a user',
      wants: 'the session of another user is live',
      acts: afterThreeSignIns(async (party, { laptop, otherUser }) => {
        await endFirst(party, laptop)
        await expectLive(otherUser, 'the session of another user')
      }),
    },
    {
      id: 'account-disabled-ends-all-sessions',
      grade: 'hardening',
      requirement: 'SE-9',
      reference:
        'RISC 1.0 does not say what a receiver does. If the sessions of a disabled account go on, the event is lost',
      title: 'account-disabled ends all sessions of the account',
      sends: 'account-disabled with a user who has two sessions',
      wants: '202, and both sessions have ended',
      acts: afterThreeSignIns(async (party, { laptop, phone }) => {
        expectAccepted(await pushEvent(party, userOf(party, laptop), { type: accountDisabled }))
        await expectEnded(laptop, 'the first session')
        await expectEnded(phone, 'the second session')
      }),
    },
    {
      id: 'an-event-about-a-user-of-another-issuer-ends-nothing',
      grade: 'hardening',
      requirement: 'SE-5',
      reference: 'RFC 9493, 3.2.3: iss and sub together name the user. An equal sub of another issuer is another user',
      title: 'an event about a user of another issuer ends no session',
      sends: 'session-revoked with an equal sub of another issuer, without and with the sid of the session',
      wants: '202, and the session is live',
      acts: afterThreeSignIns(async (party, { laptop }) => {
        const user = { ...userOf(party, laptop), iss: 'https://other.example' }
        for (const subject of [user, { format: 'complex', user, session: opaque(laptop.sid) }]) {
          expectAccepted(await pushEvent(party, subject))
          await expectLive(laptop, 'the session')
        }
        // If no event ends a session, the case proves nothing.
        await endFirst(party, laptop)
      }),
    },
    {
      id: 'a-subject-without-a-user-ends-nothing',
      grade: 'hardening',
      requirement: 'SE-7',
      reference:
        'SSF 3: an absent member of a complex subject is a wildcard. An event without a user would sign out everybody',
      title: 'an event that names no user and no session ends no session',
      sends: 'session-revoked with a tenant only, and with the session ALL only',
      wants: '202, and the session is live',
      acts: afterThreeSignIns(async (party, { laptop }) => {
        for (const members of [{ tenant: opaque('tenant-1') }, { session: opaque('ALL') }]) {
          expectAccepted(await pushEvent(party, { format: 'complex', ...members }))
          await expectLive(laptop, 'the session')
        }
        await endFirst(party, laptop)
      }),
    },
    {
      id: 'a-late-event-does-not-end-a-newer-session',
      grade: 'interoperability',
      requirement: 'SE-8',
      reference: earlierSessions,
      title: 'an event that arrives late does not end a newer session',
      sends: 'session-revoked with a user who has signed in again since the event',
      wants: '202, the older session has ended, and the newer session is live',
      acts(party) {
        let visit: Visit
        let token: string
        return [
          async () => void (visit = await party.signIn()),
          async () => void (token = await party.transmitter!.set({ sub_id: userOf(party, visit) })),
          async () => {
            const newer = await party.signIn({ sub: visit.sub })
            expectAccepted(await party.push(token))
            await expectEnded(visit, 'the older session')
            await expectLive(newer, 'the newer session')
          },
        ]
      },
    },
    {
      id: 'an-event-from-the-future-does-not-end-a-later-session',
      grade: 'hardening',
      requirement: 'SE-8',
      reference:
        'CAEP 2: event_timestamp is in seconds. If a receiver believes a time that lies ahead, the user cannot sign in again',
      title: 'a user can sign in again after an event whose time lies ahead',
      sends: 'session-revoked whose event_timestamp is in milliseconds, then a sign-in',
      wants: 'the new session is live',
      acts(party) {
        let visit: Visit
        return [
          async () => void (visit = await party.signIn()),
          () => endFirst(party, visit, { values: { event_timestamp: party.transmitter!.op.now() * 1000 } }),
          async () => expectLive(await party.signIn({ sub: visit.sub }), 'the new session'),
        ]
      },
    },
    {
      id: 'an-event-that-comes-again-does-not-end-a-newer-session',
      grade: 'interoperability',
      requirement: 'SE-12',
      reference: 'RFC 8935, 2: a transmitter sends a token again if it did not get the answer',
      title: 'an event that comes again does not end a newer session',
      sends: 'session-revoked with a user, then a sign-in, then the same token again',
      wants: '202 both times, and the newer session is live',
      acts(party) {
        let visit: Visit
        let token: string
        return [
          async () => void (visit = await party.signIn()),
          async () => {
            token = await party.transmitter!.set({ sub_id: userOf(party, visit) })
            await requireLogout(await party.push(token), visit)
          },
          async () => {
            const newer = await party.signIn({ sub: visit.sub })
            expectAccepted(await party.push(token))
            await expectLive(newer, 'the newer session')
          },
        ]
      },
    },
  ] satisfies SessionCase[]
).map(toSessionCase)

/** The tokens of the case about error codes. */
const namedFaults = securityEventCases.filter(({ id }) => ['another-issuer', 'another-audience'].includes(id))

/** A transmitter shows the code to its operator. Other cases check only that the code is one of RFC 8935. */
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

/** A receiver of Security Event Tokens by push: the rules SE-n of docs/requirements.md. */
export const securityEventConformance: readonly ConformanceCase[] = [
  ...requests,
  ...securityEventCases.map(tokenCase),
  namedFault,
  ...sessions,
]
