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

/** An answer that passes: the status, and the error code in the body. */
type Wanted = Pick<SecurityEventCase, 'status' | 'err'> | { status: 401 | 405; err?: string }

/** Returns the error code in the body of an answer. */
function errOf({ body }: Answer): unknown {
  try {
    return (JSON.parse(body) as { err?: unknown }).err
  } catch {
    return undefined
  }
}

const wantsOf = ({ status, err }: Wanted): string => {
  if (status === 202) return '202 and an empty body'
  return err === undefined ? `${status}` : `${status} and the err "${err}"`
}

function faultOf({ status }: Answer, wanted: Wanted): ConformanceFault {
  const isSuccess = status >= 200 && status < 300
  if (wanted.status === 202) return isSuccess ? 'other' : 'refused'
  return isSuccess ? 'accepted' : 'other'
}

/** Checks the status and the body of an answer. */
function expectAnswer(answer: Answer, wanted: Wanted): void {
  const { status, err } = wanted
  const isRightBody = status === 202 ? answer.body === '' : err === undefined || errOf(answer) === err
  expectThat(answer.status === status && isRightBody, describeAnswer(answer), { fault: faultOf(answer, wanted) })
}

const expectAccepted = (answer: Answer): void => expectAnswer(answer, { status: 202 })

/** Sends one request for a new session, and checks the answer. A wrong request must not end the session. */
const actsOf =
  (wanted: Wanted, send: (party: Party, visit: Visit) => Promise<Answer>) =>
  (party: Party): Act[] => {
    let visit: Visit
    return [
      async () => void (visit = await party.signIn()),
      async () => {
        expectAnswer(await send(party, visit), wanted)
        if (wanted.status !== 202) await expectLive(visit, 'the session')
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
  wants: wantsOf(wanted),
  wantsOfSession: 'the session is live',
  acts: actsOf(wanted, async (party, visit) =>
    party.push(await party.transmitter!.set({ sub_id: userOf(party, visit) }), change),
  ),
})

const requests: readonly ConformanceCase[] = [
  requestCase(
    'wrong authorization',
    'MUST',
    'RFC 8935, 2.4: authentication_failed',
    { status: 401, err: 'authentication_failed' },
    { headers: { authorization: 'Bearer wrong' } },
  ),
  requestCase(
    'another media type',
    'SHOULD',
    'RFC 8935, 2.1: the media type is application/secevent+jwt',
    { status: 400, err: 'invalid_request' },
    { headers: { 'content-type': 'application/json' } },
  ),
  requestCase(
    'no token',
    'MUST',
    'RFC 8935, 2.3: a request that cannot be parsed is answered 400',
    { status: 400, err: 'invalid_request' },
    { body: '' },
  ),
  requestCase('another method', 'SHOULD', 'RFC 8935, 2.1: a push is a POST', { status: 405 }, { method: 'GET' }),
]

// Cases about tokens.

/**
 * The ids of cases with the grade `hardening`: no standard has the rule, but a receiver that accepts the token can be
 * attacked.
 */
const hardening = new Set(['eleven-events', 'a-month-old', 'iat-ahead', 'typ-JWT', 'the-typ-of-a-Logout-Token'])

const references: Record<string, string> = {
  'SE-1': 'RFC 8417, 2: a Security Event Token has a typ, iss, iat, jti and events; SSF 4.1 adds sub_id',
  'SE-2': 'SSF 7.2: the keys of the transmitter verify the token',
  'SE-3': 'RFC 8417, 2.2: a receiver that is not in aud must not accept the token',
  'SE-10': 'SSF 8.1.4: a receiver also gets verification events that it did not request',
  'SE-13': 'OIDC Back-Channel Logout 1.0, 2.4: a Logout Token must not be accepted as another kind of token',
}

const tokenCase = ({ id, name, requirement, make, ...wanted }: SecurityEventCase): ConformanceCase => ({
  id: `ssf/${id}`,
  group: wanted.status === 202 ? 'accept' : 'refuse',
  title: `a security event: ${name}`,
  grade: hardening.has(id) ? 'hardening' : 'MUST',
  requirement,
  reference: references[requirement] ?? 'RFC 8935, 2.2: the receiver acknowledges each token that is valid for it',
  sends: `a security event: ${name}`,
  wants: wantsOf(wanted),
  ...(wanted.status !== 202 && { wantsOfSession: 'the session is live' }),
  acts: actsOf(wanted, async (party, { sub, sid }) => party.push(await make(party.transmitter!, { sub, sid: sid! }))),
})

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
  'CAEP 3.1: session-revoked means that the sessions which match all members of its subject have been revoked'
const earlierSessions =
  'CAEP 2: event_timestamp is the time of the event; a session that began after the event is not one of its sessions'

const sessions: readonly ConformanceCase[] = (
  [
    {
      id: 'session-revoked-ends-its-session',
      grade: 'MUST',
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
      grade: 'MUST',
      requirement: 'SE-7',
      reference: revokedSessions,
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
      grade: 'MUST',
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
      grade: 'MUST',
      requirement: 'SE-7',
      reference: revokedSessions,
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
      reference: 'RISC 1.0 does not say what a receiver does; the sessions of a disabled account must not go on',
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
      reference: 'RFC 9493, 3.2.3: iss and sub together name the user; an equal sub of another issuer is another user',
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
      reference: 'SSF 3: an absent member of a complex subject is a wildcard; one event must not sign out everybody',
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
        'CAEP 2: event_timestamp is in seconds; a transmitter that sends milliseconds, or a wrong time, must not sign a user out for ever',
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

/** A receiver of Security Event Tokens by push: the rules SE-n of docs/requirements.md. */
export const securityEventConformance: readonly ConformanceCase[] = [
  ...requests,
  ...securityEventCases.map(tokenCase),
  ...sessions,
]
