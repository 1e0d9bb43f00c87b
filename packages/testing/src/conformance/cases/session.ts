import { caseId, type Act, type ConformanceCase, type ConformanceGrade } from '../case.js'
import { wantAccepted, wantEnded, wantLive, type Party, type Visit } from '../relying-party/party.js'
import { randomName } from '../../providers/test-provider.js'
import { referenceFor } from '../references.js'
import { encodePart, splitToken } from '../../tokens/compact-jws.js'

const post = async (party: Party, visit: Visit, claims?: object): Promise<void> =>
  wantAccepted(await party.post(await party.logoutToken(visit, claims)))

/** A case whose acts share what `prepare` makes. */
const session = (
  grade: ConformanceGrade,
  requirement: string,
  title: string,
  sends: string,
  wants: string,
  acts: (party: Party) => Act[],
  reference = referenceFor(requirement),
): ConformanceCase => ({
  id: caseId('session', title),
  group: 'session',
  title,
  grade,
  requirement,
  reference,
  sends,
  wants,
  needs: 'sign-in',
  acts,
})

const noLater =
  'BCL 2.7 clears the sessions there are; one that begins later is none of them, whatever order things come in'

/** Two browsers of one user, then a token for the first of them. */
const twoBrowsers =
  (claims: object, look: (laptop: Visit, phone: Visit, other: Visit) => Promise<void>) =>
  (party: Party): Act[] => {
    let visits: [Visit, Visit, Visit]
    return [
      async () => {
        const laptop = await party.signIn()
        visits = [laptop, await party.signIn({ sub: laptop.sub }), await party.signIn()]
      },
      async () => {
        await post(party, visits[0], claims)
        await look(...visits)
      },
    ]
  }

/** What becomes of sessions: requirements section 3. Seen from a browser that signed in. */
export const sessionConformance: readonly ConformanceCase[] = [
  session(
    'MUST',
    'RP-30',
    'a sid ends no other session',
    'a token with sub and sid, for one of two sessions of a user',
    'the other session lives, and so does that of another user',
    twoBrowsers({}, async (_, phone, other) => {
      await wantLive(phone, 'the other session of the user')
      await wantLive(other, 'the session of another user')
    }),
  ),
  session(
    'MUST',
    'RP-30',
    'a sub ends all sessions of the user',
    'a token with sub alone, for a user with two sessions',
    'both have ended',
    twoBrowsers({ sid: undefined }, async (laptop, phone) => {
      await wantEnded(laptop, 'the first session')
      await wantEnded(phone, 'the second session')
    }),
  ),
  session(
    'MUST',
    'RP-30',
    'a sub ends the sessions of nobody else',
    'a token with sub alone',
    'the session of another user lives',
    twoBrowsers({ sid: undefined }, (_laptop, _phone, other) => wantLive(other, 'the session of another user')),
  ),
  session(
    'MUST',
    'RP-30',
    'two logouts end two sessions',
    'a token with sub and sid for each of two sessions of a user, one after the other',
    'both have ended',
    (party) => {
      let visits: Visit[]
      return [
        async () => {
          const laptop = await party.signIn()
          visits = [laptop, await party.signIn({ sub: laptop.sub })]
        },
        async () => {
          for (const visit of visits) await post(party, visit)
          for (const visit of visits) await wantEnded(visit, `session ${visits.indexOf(visit) + 1}`)
        },
      ]
    },
  ),
  session(
    'MUST',
    'RP-30',
    'two logouts at once end two sessions',
    'a token with sub and sid for each of two sessions of a user, both at the same time',
    'both have ended',
    (party) => {
      let visits: Visit[]
      return [
        async () => {
          const laptop = await party.signIn()
          visits = [laptop, await party.signIn({ sub: laptop.sub })]
        },
        async () => {
          // Signed before, as one signature may take longer than the other's whole logout.
          const tokens = await Promise.all(visits.map((visit) => party.logoutToken(visit)))
          const answers = await Promise.all(tokens.map((token) => party.post(token)))
          answers.forEach(wantAccepted)
          for (const visit of visits) await wantEnded(visit, `session ${visits.indexOf(visit) + 1}`)
        },
      ]
    },
  ),
  session(
    'MUST',
    'RP-31',
    'a session that has ended may be logged out again',
    'a token with sub and sid, then another one for the same session',
    '200 both times',
    (party) => {
      let visit: Visit
      return [
        async () => void (visit = await party.signIn()),
        async () => {
          await post(party, visit)
          await post(party, visit)
        },
      ]
    },
  ),
  session(
    'MUST',
    'RP-19',
    'a sub is no sid',
    'a token with the sub of one user, which is the sid of another, and one with a sid that is the sub of a third',
    'the sessions of the other and the third live',
    (party) => {
      const [name, otherName] = [randomName(), randomName()]
      let named: Visit
      let sidLike: Visit
      let subLike: Visit
      return [
        async () => {
          named = await party.signIn({ sub: name })
          sidLike = await party.signIn({ sid: name })
          subLike = await party.signIn({ sub: otherName })
        },
        async () => {
          // Whether they are taken is the concern of accept/sub-alone and accept/sid-alone.
          await party.post(await party.logoutToken(named, { sid: undefined }))
          await wantLive(sidLike, 'the session with that sid')
          await party.post(await party.logoutToken(named, { sub: undefined, sid: otherName }))
          await wantLive(subLike, 'the session with that sub')
        },
      ]
    },
    'BCL 2.4: sub names a user and sid a session; what names one says nothing of the other',
  ),
  session(
    'MUST',
    'RP-13',
    'a refused token ends nothing',
    'a token for a live session that nobody signed',
    'the session lives',
    (party) => {
      let visit: Visit
      return [
        async () => void (visit = await party.signIn()),
        async () => {
          const [header, payload] = splitToken(await party.logoutToken(visit))
          await party.post(`${header}.${payload}.${encodePart(new Uint8Array(256))}`)
          await wantLive(visit, 'after a forged token, the session')
        },
      ]
    },
    'BCL 2.6: where a step of the validation fails, the Logout Token is rejected',
  ),
  session(
    'interoperability',
    'RP-32',
    'a user can sign in again',
    'a token with sub alone, then a new sign-in in the same browser',
    'the new session lives',
    (party) => {
      let visit: Visit
      let later: Visit
      return [
        async () => void (visit = await party.signIn()),
        async () => post(party, visit, { sid: undefined }),
        async () => {
          later = await party.signIn({ sub: visit.sub, again: visit })
          await wantLive(later, 'the new session')
        },
      ]
    },
    noLater,
  ),
  session(
    'hardening',
    'RP-32',
    'an old cookie stays dead',
    'a token, then a new sign-in of the user in the same browser, then the cookies of before',
    'they are not let in',
    (party) => {
      let visit: Visit
      let kept: Visit
      return [
        async () => {
          visit = await party.signIn()
          kept = visit.kept()
        },
        async () => post(party, visit, { sid: undefined }),
        async () => {
          await party.signIn({ sub: visit.sub, again: visit })
          await wantEnded(kept, 'with the cookies of before the logout, the session')
        },
      ]
    },
    'BCL 2.7: what was cleared stays so; a sign-in afterwards gives nothing back to whoever holds the old cookies',
  ),
  session(
    'hardening',
    'RP-32',
    'a logout counts that comes before its sign-in has finished',
    'a token for a session whose ID Token is on its way to the application',
    'the session does not come to life',
    (party) => {
      let visit: Visit
      return [
        async () => {
          const names = { sub: `user-${randomName()}`, sid: randomName() }
          let failed: unknown
          visit = await party.signIn({
            ...names,
            async beforeAnswer() {
              // What is thrown here would fail the sign-in, and be seen as its fault.
              await party
                .post(await party.opFor(names).logoutToken())
                .then(wantAccepted)
                .catch((error: unknown) => (failed = error))
            },
          })
          if (failed) throw failed
          await wantEnded(visit)
        },
      ]
    },
    'BCL 2.7 says nothing of races; a logout that is answered 200 and has no effect is one that was lost',
  ),
  session(
    'hardening',
    'RP-32',
    'a late logout does not end a newer session',
    'a token with sub alone, dated before a sign-in and arriving after it',
    'the session lives',
    (party) => {
      let claims: object
      let visit: Visit
      return [
        async () => {
          visit = await party.signIn()
          claims = { sid: undefined, iat: party.provider.op.now() }
        },
        async () => void (visit = await party.signIn({ sub: visit.sub, again: visit })),
        async () => {
          await post(party, visit, claims)
          await wantLive(visit, 'the newer session')
        },
      ]
    },
    noLater,
  ),
  session(
    'hardening',
    'RP-24',
    'a token that comes again does not end a newer session',
    'a token with sub alone, a new sign-in, and the same token again',
    'the new session lives',
    (party) => {
      let token: string
      let visit: Visit
      return [
        async () => void (visit = await party.signIn()),
        async () => {
          token = await party.logoutToken(visit, { sid: undefined })
          wantAccepted(await party.post(token))
        },
        async () => {
          visit = await party.signIn({ sub: visit.sub, again: visit })
          // Whether it is acknowledged or refused is the concern of accept/the-same-token-again.
          await party.post(token)
          await wantLive(visit, 'the newer session')
        },
      ]
    },
    'BCL 2.6, step 8: a jti that was received before may be refused; it is no new logout either way',
  ),
  session(
    'interoperability',
    'RP-32',
    'a sid may be used again',
    'a token with sub and sid, then a new sign-in under the same sid',
    'the new session lives',
    (party) => {
      let visit: Visit
      return [
        async () => void (visit = await party.signIn()),
        async () => post(party, visit),
        async () => {
          visit = await party.signIn({ sub: visit.sub, sid: visit.sid, again: visit })
          await wantLive(visit, 'the new session')
        },
      ]
    },
    'BCL 2.4: sid names a session at the provider, of which nothing says that it ends with that at the application',
  ),
  session(
    'interoperability',
    'RP-24',
    'a jti may be used again by a later logout',
    'a token, a new sign-in, and another token with the same jti and a later iat',
    'the new session has ended too',
    (party) => {
      const jti = randomName()
      let visit: Visit
      return [
        async () => void (visit = await party.signIn()),
        async () => post(party, visit, { jti }),
        async () => void (visit = await party.signIn({ sub: visit.sub, again: visit })),
        async () => {
          await post(party, visit, { jti })
          await wantEnded(visit, 'the new session')
        },
      ]
    },
    'BCL 2.4 has each jti unique; django-oauth-toolkit reuses one, and the logouts are two',
  ),
  session(
    'interoperability',
    'RP-33',
    'a sid decides where the sub is another',
    'a token with the sid of a session and the sub that the user has at another client',
    'the session has ended',
    (party) => {
      let visit: Visit
      return [
        async () => void (visit = await party.signIn()),
        async () => {
          await post(party, visit, { sub: `pairwise-${randomName()}` })
          await wantEnded(visit)
        },
      ]
    },
  ),
  session(
    'interoperability',
    'RP-30',
    'a session without a known sid ends by its sub',
    'a sign-in whose ID Token has no sid, and a token with sub and sid for that user',
    'the session has ended',
    (party) => {
      let visit: Visit
      return [
        async () => void (visit = await party.signIn({ sid: null })),
        async () => {
          await post(party, visit, { sid: randomName() })
          await wantEnded(visit)
        },
      ]
    },
    'BCL 2.7: iss and sub identify sessions too; Asgardeo leaves sid out of ID Tokens after a cache miss',
  ),
]
