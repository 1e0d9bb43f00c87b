import { randomId } from '../../random-id.js'
import { encodePart, splitToken } from '../../tokens/compact-jws.js'
import type { Act, ConformanceCase } from '../case.js'
import { referenceFor } from '../references.js'
import {
  expectAccepted,
  expectEnded,
  expectLive,
  expectThat,
  requireLogout,
  requireSignInAgain,
} from '../relying-party/expectations.js'
import type { Party, Visit } from '../relying-party/party.js'

interface SessionCase extends Pick<
  ConformanceCase,
  'id' | 'grade' | 'requirement' | 'title' | 'sends' | 'wants' | 'namesOnlyTheUser' | 'acts'
> {
  reference?: string
}

const toCase = ({ id, requirement, reference, ...described }: SessionCase): ConformanceCase => ({
  ...described,
  id: `session/${id}`,
  group: 'session',
  requirement,
  reference: reference ?? referenceFor(requirement),
  needs: 'sign-in',
})

/** Posts a Logout Token for a visit, and expects that the endpoint accepts it. */
const logOut = async (party: Party, visit: Visit, claims?: object): Promise<void> =>
  expectAccepted(await party.post(await party.logoutToken(visit, claims)))

/** Logs a visit out. Skips the case unless the session has ended. */
const firstLogOut = async (party: Party, visit: Visit, claims?: object): Promise<void> =>
  requireLogout(await party.post(await party.logoutToken(visit, claims)), visit)

const onlySub = { sid: undefined }
const onlySid = { sub: undefined }

interface ThreeVisits {
  /** Two sessions of one user. */
  laptop: Visit
  phone: Visit
  /** A session of another user. */
  otherUser: Visit
}

/** Signs in three times, logs out the laptop with `logOutLaptop`, and then runs `check`. */
const afterLogoutOfLaptop =
  (logOutLaptop: typeof logOut, claims: object, check: (visits: ThreeVisits) => Promise<void>) =>
  (party: Party): Act[] => {
    let visits: ThreeVisits
    return [
      async () => {
        const laptop = await party.signIn()
        visits = { laptop, phone: await party.signIn({ sub: laptop.sub }), otherUser: await party.signIn() }
      },
      async () => {
        await logOutLaptop(party, visits.laptop, claims)
        await check(visits)
      },
    ]
  }

/** Signs in twice as one user, runs `logOutBoth`, and expects that both sessions have ended. */
const bothSessionsEnd =
  (logOutBoth: (party: Party, visits: readonly Visit[]) => Promise<void>) =>
  (party: Party): Act[] => {
    let visits: Visit[]
    return [
      async () => {
        const laptop = await party.signIn()
        visits = [laptop, await party.signIn({ sub: laptop.sub })]
      },
      async () => {
        await logOutBoth(party, visits)
        for (const visit of visits) await expectEnded(visit, `session ${visits.indexOf(visit) + 1}`)
      },
    ]
  }

/** Signs in, logs out, and expects that the user can sign in again in the same browser. */
const signInAgainAfter =
  (claims: object) =>
  (party: Party): Act[] => {
    let visit: Visit
    return [
      async () => void (visit = await party.signIn()),
      async () => firstLogOut(party, visit, claims),
      async () => expectLive(await party.signIn({ sub: visit.sub, again: visit }), 'the new session'),
    ]
  }

const nobodyElse =
  'BCL 2.7: the application ends the sessions that iss, sub and sid identify. A session of another user is none of them'

const onlyEarlierSessions =
  'BCL 2.7 does not mention the order of arrival. If a logout ends a session that began later, it logs out a user who has signed in again'

const cases: readonly SessionCase[] = [
  {
    id: 'a-sid-ends-no-other-session',
    grade: 'interoperability',
    requirement: 'RP-30',
    reference:
      'BCL 2.7: the sessions are identified by iss and sub "and/or" the sid. The words allow more, but every provider expects that a sid ends one session',
    title: 'a token with sid ends no other session',
    sends: 'a token with sub and sid, for one of two sessions of a user',
    wants: 'the other session is live',
    acts: afterLogoutOfLaptop(firstLogOut, {}, ({ phone }) => expectLive(phone, 'the other session of the user')),
  },
  {
    id: 'a-sid-ends-the-sessions-of-nobody-else',
    grade: 'MUST',
    requirement: 'RP-30',
    reference: nobodyElse,
    title: 'a token with sid ends no session of another user',
    sends: 'a token with sub and sid',
    wants: 'the session of another user is live',
    acts: afterLogoutOfLaptop(firstLogOut, {}, ({ otherUser }) => expectLive(otherUser, 'the session of another user')),
  },
  {
    id: 'a-sub-ends-all-sessions-of-the-user',
    grade: 'MUST',
    requirement: 'RP-30',
    title: 'a token without sid ends all sessions of the user',
    sends: 'a token with only sub, for a user with two sessions',
    namesOnlyTheUser: true,
    wants: 'both sessions have ended',
    acts: afterLogoutOfLaptop(logOut, onlySub, async ({ laptop, phone }) => {
      await expectEnded(laptop, 'the first session')
      await expectEnded(phone, 'the second session')
    }),
  },
  {
    id: 'a-sub-ends-the-sessions-of-nobody-else',
    grade: 'MUST',
    requirement: 'RP-30',
    reference: nobodyElse,
    title: 'a token without sid ends no session of another user',
    sends: 'a token with only sub',
    namesOnlyTheUser: true,
    wants: 'the session of another user is live',
    acts: afterLogoutOfLaptop(firstLogOut, onlySub, ({ otherUser }) =>
      expectLive(otherUser, 'the session of another user'),
    ),
  },
  {
    id: 'two-logouts-end-two-sessions',
    grade: 'MUST',
    requirement: 'RP-30',
    title: 'two logouts end two sessions',
    sends: 'a token with sub and sid for each of two sessions of a user, one after the other',
    wants: 'both sessions have ended',
    acts: bothSessionsEnd(async (party, visits) => {
      for (const visit of visits) await logOut(party, visit)
    }),
  },
  {
    id: 'two-logouts-at-once-end-two-sessions',
    grade: 'MUST',
    requirement: 'RP-30',
    title: 'two logouts at the same time end two sessions',
    sends: 'a token with sub and sid for each of two sessions of a user, both at the same time',
    wants: 'both sessions have ended',
    acts: bothSessionsEnd(async (party, visits) => {
      // Signs both tokens first. Otherwise one logout may be complete before the other token is signed.
      const tokens = await Promise.all(visits.map((visit) => party.logoutToken(visit)))
      const answers = await Promise.all(tokens.map((token) => party.post(token)))
      answers.forEach(expectAccepted)
    }),
  },
  {
    id: 'a-session-that-has-ended-may-be-logged-out-again',
    grade: 'MUST',
    requirement: 'RP-31',
    title: 'the logout of an ended session succeeds',
    sends: 'a token with sub and sid, then another token for the same session',
    wants: '200 both times',
    acts(party) {
      let visit: Visit
      return [
        async () => void (visit = await party.signIn()),
        async () => {
          await firstLogOut(party, visit)
          await logOut(party, visit)
        },
      ]
    },
  },
  {
    id: 'a-sub-is-no-sid',
    grade: 'MUST',
    requirement: 'RP-19',
    reference:
      'BCL 2.4 and 2.7: sub names a user and sid names a session. A session whose sid has the same text as the sub of another user is not identified by that sub',
    title: 'a sub does not match an equal sid, and a sid does not match an equal sub',
    sends: 'a token whose sub is the sid of a second user, and a token whose sid is the sub of a third user',
    namesOnlyTheUser: true,
    wants: 'the sessions of the second and the third user are live',
    acts(party) {
      const [name, otherName] = [randomId(), randomId()]
      let userWithSub: Visit
      let sessionWithSid: Visit
      let otherUser: Visit
      return [
        async () => {
          userWithSub = await party.signIn({ sub: name })
          sessionWithSid = await party.signIn({ sid: name })
          otherUser = await party.signIn({ sub: otherName })
        },
        async () => {
          await firstLogOut(party, userWithSub, onlySub)
          await expectLive(sessionWithSid, 'the session with that sid')
          await party.post(await party.logoutToken(sessionWithSid, { sub: undefined, sid: otherName }))
          await expectLive(otherUser, 'the session with that sub')
          await firstLogOut(party, sessionWithSid, onlySid)
        },
      ]
    },
  },
  {
    id: 'a-refused-token-ends-nothing',
    grade: 'MUST',
    requirement: 'RP-13',
    title: 'a forged token ends no session',
    sends: 'a token for a live session, with a forged signature',
    wants: 'the session is live',
    acts(party) {
      let visit: Visit
      return [
        async () => void (visit = await party.signIn()),
        async () => {
          const [header, payload] = splitToken(await party.logoutToken(visit))
          await party.post(`${header}.${payload}.${encodePart(new Uint8Array(256))}`)
          await expectLive(visit, 'after a forged token, the session', 'accepted')
          // If valid tokens end no session, the case proves nothing.
          await firstLogOut(party, visit)
        },
      ]
    },
  },
  {
    id: 'a-user-can-sign-in-again',
    grade: 'interoperability',
    requirement: 'RP-32',
    reference: onlyEarlierSessions,
    title: 'a user can sign in again after a logout of one session',
    sends: 'a token with sub and sid, then a new sign-in in the same browser',
    wants: 'the new session is live',
    acts: signInAgainAfter({}),
  },
  {
    id: 'a-user-can-sign-in-again-after-a-logout-of-all-sessions',
    grade: 'interoperability',
    requirement: 'RP-32',
    reference: onlyEarlierSessions,
    title: 'a user can sign in again after a logout of all sessions',
    sends: 'a token with only sub, then a new sign-in in the same browser',
    namesOnlyTheUser: true,
    wants: 'the new session is live',
    acts: signInAgainAfter(onlySub),
  },
  {
    id: 'an-old-cookie-stays-dead',
    grade: 'hardening',
    requirement: 'RP-32',
    reference:
      'BCL 2.7: a logout clears the state of the session. No standard mentions old cookies. If a thief has copied them, they must not work again',
    title: 'an old cookie is refused after a new sign-in',
    sends: 'a token with sub and sid, then a new sign-in with the same sid, then the cookies from before the logout',
    wants: 'the old cookies are refused',
    acts(party) {
      let visit: Visit
      let oldCookies: Visit
      return [
        async () => {
          visit = await party.signIn()
          oldCookies = visit.kept()
        },
        // The visit still has the old cookies. After this logout, these cookies must belong to an ended session.
        async () => firstLogOut(party, visit),
        async () => {
          await requireSignInAgain(party, visit)
          const isRevived = await oldCookies.isLive()
          expectThat(!isRevived, 'the session of the old cookies had ended, but a later sign-in revived it')
        },
      ]
    },
  },
  {
    id: 'a-logout-counts-that-comes-before-its-sign-in-has-finished',
    grade: 'hardening',
    requirement: 'RP-32',
    reference:
      'BCL 2.7 does not mention races. Most providers send a logout only once. If it has no effect, the session outlives its logout',
    title: 'a logout that arrives during the sign-in counts',
    sends: 'a token for a session whose ID Token is on its way to the application',
    wants: 'the session is not live after the sign-in',
    acts(party) {
      return [
        async () => {
          const names = { sub: `user-${randomId()}`, sid: randomId() }
          let failure: unknown
          const visit = await party.signIn({
            ...names,
            async beforeAnswer() {
              // Keeps the error for later, because an error at this point would look like an error of the sign-in.
              await party
                .post(await party.opFor(names).logoutToken())
                .then(expectAccepted)
                .catch((error: unknown) => (failure = error))
            },
          })
          if (failure) throw failure
          await expectEnded(visit)
        },
      ]
    },
  },
  {
    id: 'a-late-logout-does-not-end-a-newer-session',
    grade: 'hardening',
    requirement: 'RP-32',
    reference: onlyEarlierSessions,
    title: 'a late logout does not end a newer session',
    sends:
      'a token with sub and sid. It is dated before a new sign-in with the same sid, and arrives after this sign-in',
    wants: 'the newer session is live',
    acts(party) {
      let claims: object
      let visit: Visit
      return [
        async () => {
          visit = await party.signIn()
          claims = { iat: party.provider.op.now() }
        },
        async () => void (visit = await requireSignInAgain(party, visit)),
        async () => {
          // The answer is not checked, because an application may refuse the logout of a session that has ended.
          await party.post(await party.logoutToken(visit, claims))
          await expectLive(visit, 'the newer session')
          // If a token with the current time does not end the session, the case proves nothing.
          await firstLogOut(party, visit)
        },
      ]
    },
  },
  {
    id: 'a-token-that-comes-again-does-not-end-a-newer-session',
    grade: 'hardening',
    requirement: 'RP-24',
    reference:
      'BCL 2.6, step 8: a jti that was received before may be refused. A token that counts as a new logout each time can be replayed',
    title: 'a repeated token does not end a newer session',
    sends: 'a token with sub and sid, a new sign-in with the same sid, and the same token again',
    wants: 'the newer session is live',
    acts(party) {
      let token: string
      let visit: Visit
      return [
        async () => void (visit = await party.signIn()),
        async () => {
          token = await party.logoutToken(visit)
          await requireLogout(await party.post(token), visit)
        },
        async () => {
          visit = await requireSignInAgain(party, visit)
          // Another case, accept/the-same-token-again, checks the answer to this token.
          await party.post(token)
          await expectLive(visit, 'the newer session')
        },
      ]
    },
  },
  {
    id: 'a-sid-may-be-used-again',
    grade: 'interoperability',
    requirement: 'RP-32',
    reference: 'BCL 2.4: sid names a session at the provider, which may go on after its logout at the application',
    title: 'a new session may have the sid of an ended session',
    sends: 'a token with sub and sid, then a new sign-in with the same sid',
    wants: 'the new session is live',
    acts(party) {
      let visit: Visit
      return [
        async () => void (visit = await party.signIn()),
        async () => firstLogOut(party, visit),
        async () => expectLive(await party.signIn({ sub: visit.sub, sid: visit.sid, again: visit }), 'the new session'),
      ]
    },
  },
  {
    id: 'a-jti-may-be-used-again-by-a-later-logout',
    grade: 'interoperability',
    requirement: 'RP-24',
    reference:
      'BCL 2.4: each jti is unique. The provider django-oauth-toolkit reuses a jti, and its later logout is a new one',
    title: 'a later logout may have the jti of an earlier logout',
    sends: 'a token, a new sign-in, and another token with the same jti and a later iat',
    wants: 'the new session has ended too',
    acts(party) {
      const jti = randomId()
      let visit: Visit
      return [
        async () => void (visit = await party.signIn()),
        async () => firstLogOut(party, visit, { jti }),
        async () => void (visit = await requireSignInAgain(party, { ...visit, sid: randomId() })),
        async () => {
          await logOut(party, visit, { jti })
          await expectEnded(visit, 'the new session')
        },
      ]
    },
  },
  {
    id: 'a-sid-decides-where-the-sub-is-another',
    grade: 'interoperability',
    requirement: 'RP-33',
    title: 'the sid decides if the token has another sub',
    sends: 'a token with the sid of a session, and the sub that the user has at another client',
    wants: 'the session has ended',
    acts(party) {
      let visit: Visit
      return [
        async () => void (visit = await party.signIn()),
        async () => {
          await logOut(party, visit, { sub: `pairwise-${randomId()}` })
          await expectEnded(visit)
        },
      ]
    },
  },
  {
    id: 'a-session-without-a-known-sid-ends-by-its-sub',
    grade: 'interoperability',
    requirement: 'RP-30',
    reference: 'BCL 2.7: iss and sub also identify sessions. After a cache miss, Asgardeo sends ID Tokens without sid',
    title: 'a session without a known sid ends by its sub',
    sends: 'a sign-in whose ID Token has no sid, then a token with sub and sid for that user',
    wants: 'the session has ended',
    acts(party) {
      let visit: Visit
      return [
        async () => void (visit = await party.signIn({ sid: null })),
        async () => {
          await logOut(party, visit, { sid: randomId() })
          await expectEnded(visit)
        },
      ]
    },
  },
]

/** Which sessions a logout ends: section 3 of docs/requirements.md. A signed-in browser observes each session. */
export const sessionConformance: readonly ConformanceCase[] = cases.map(toCase)
