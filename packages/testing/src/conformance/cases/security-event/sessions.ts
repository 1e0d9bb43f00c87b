import type { Act, ConformanceCase } from '../../case.js'
import { expectEnded, expectLive, requireLogout } from '../../relying-party/expectations.js'
import type { Answer, Party, Visit } from '../../relying-party/party.js'
import { expectAccepted, userOf, opaque, sessionOf } from './push.js'

const base = 'https://schemas.openid.net/secevent/'
const sessionRevoked = `${base}caep/event-type/session-revoked`
const accountDisabled = `${base}risc/event-type/account-disabled`

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

/** Cases about sessions. */
export const sessions: readonly ConformanceCase[] = (
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
