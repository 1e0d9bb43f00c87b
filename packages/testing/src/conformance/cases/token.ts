import { caseId, type ConformanceCase } from '../case.js'
import { gradeOf } from '../grades.js'
import {
  sayAnswer,
  want,
  wantAccepted,
  wantEnded,
  wantRefused,
  wantRefusedBy400,
  type Party,
  type Visit,
} from '../relying-party/party.js'
import { randomName, type TestProvider } from '../../providers/test-provider.js'
import { referenceFor } from '../references.js'
import { decodePayload, splitToken } from '../../tokens/compact-jws.js'
import { rightTokens } from '../../tokens/right-tokens.js'
import { createTestKey, type TestIssuer } from '../../providers/test-issuer.js'
import { wrongTokens } from '../../tokens/wrong-tokens.js'

interface Row {
  name: string
  requirement: string
  make(op: TestIssuer, provider: TestProvider): Promise<string>
}

/** Ages and tolerances are everybody's own choice; what is sent here lies well outside or inside of all of them. */
const wide = 600
const narrow = 10

const isOurTolerance = (name: string): boolean =>
  /^(?:exp 59|exp 60|iat 59|nbf 59|issued long)|is 90 s ahead/.test(name)

const row = (name: string, requirement: string, claims: (now: number) => object): Row => ({
  name,
  requirement,
  make: (op) => op.logoutToken(claims(op.now())),
})

/** An endpoint that takes the algorithm from the header may take what it knows of the client for the key. */
const clientSecret: Row = {
  name: 'the client secret as the key of HS256, which is not registered',
  requirement: 'RP-13',
  async make(op, { clientSecret: secret }) {
    const claims = decodePayload(await op.logoutToken())
    return op.sign(claims, { alg: 'HS256' }, new TextEncoder().encode(secret))
  },
}

const right: readonly Row[] = [
  ...rightTokens.filter(({ name, settings }) => !settings && !isOurTolerance(name)),
  row('clocks ten seconds apart', 'RP-17', (now) => ({ iat: now + narrow, exp: now + narrow + 120 })),
  row('not before ten seconds from now', 'RP-17', (now) => ({ nbf: now + narrow })),
]

const wrong: readonly Row[] = [
  ...wrongTokens.filter(({ name, settings }) => !settings && !isOurTolerance(name)),
  row('exp ten minutes ago', 'RP-17', (now) => ({ iat: now - wide - 120, exp: now - wide })),
  row('iat ten minutes ahead', 'RP-17', (now) => ({ iat: now + wide, exp: now + wide + 120 })),
  row('nbf ten minutes ahead', 'RP-17', (now) => ({ nbf: now + wide, exp: now + wide + 120 })),
  clientSecret,
]

/** Whom a token will be about, so that they can sign in first. Two claims may be missing, but not both. */
async function aboutWhom(token: Row, { provider }: Party): Promise<{ sub: string; sid: string }> {
  const whom = { sub: `user-${randomName()}`, sid: randomName() }
  const { sub, sid } = decodePayload(await token.make(withNames(provider.op, whom), provider)) as Record<
    string,
    unknown
  >
  return {
    sub: typeof sub === 'string' ? sub : whom.sub,
    sid: typeof sid === 'string' ? sid : whom.sid,
  }
}

const withNames = (op: TestIssuer, names: object): TestIssuer => ({
  ...op,
  logoutToken: (claims, header) => op.logoutToken({ ...names, ...claims }, header),
})

const accepts = (token: Row): ConformanceCase => ({
  id: caseId('accept', token.name),
  group: 'accept',
  title: `accepts a token: ${token.name}`,
  grade: gradeOf(token.name),
  requirement: token.requirement,
  reference: referenceFor(token.requirement),
  sends: `a good token: ${token.name}`,
  wants: '200, and the session ended',
  acts(party) {
    let visit: Visit
    return [
      async () => void (visit = await party.signIn(await aboutWhom(token, party))),
      async () => {
        wantAccepted(await party.post(await token.make(party.opFor(visit), party.provider)))
        await wantEnded(visit)
      },
    ]
  },
})

const refuses = (token: Row): ConformanceCase => {
  const by400 = token.requirement !== 'RP-4'
  return {
    id: caseId('refuse', token.name),
    group: 'refuse',
    title: `refuses a token: ${token.name}`,
    grade: gradeOf(token.name),
    requirement: token.requirement,
    reference: referenceFor(token.requirement),
    sends: `a token: ${token.name}`,
    wants: by400 ? '400' : 'a refusal',
    acts(party) {
      let visit: Visit
      return [
        // Of somebody who is signed in: an endpoint that refuses strangers has not looked at the token.
        async () => void (visit = await party.signIn()),
        async () => {
          const answer = await party.post(await token.make(party.opFor(visit), party.provider))
          ;(by400 ? wantRefusedBy400 : wantRefused)(answer)
        },
      ]
    },
  }
}

const newKey: ConformanceCase = {
  id: 'accept/a-key-published-just-now',
  group: 'accept',
  title: 'finds a key published just now',
  grade: gradeOf('a key published just now'),
  requirement: 'RP-53',
  reference: referenceFor('RP-53'),
  sends: 'a good token under a kid that came into the JWK Set after it was last fetched',
  wants: '200, and the session ended: most providers send a logout once',
  needs: 'fetched keys',
  acts(party) {
    let visit: Visit
    return [
      async () => void (visit = await party.signIn()),
      async () => {
        const { op } = party.provider
        const key = await createTestKey(op.key.alg, randomName())
        const withdraw = party.provider.publish(key)
        const claims = decodePayload(await party.logoutToken(visit))
        wantAccepted(await party.post(await op.sign(claims, { alg: key.alg, kid: key.kid }, key.privateKey)))
        withdraw()
        await wantEnded(visit)
      },
    ]
  },
}

const again: ConformanceCase = {
  id: 'accept/the-same-token-again',
  group: 'accept',
  title: 'acknowledges the same token when it comes again',
  grade: gradeOf('the same token again'),
  requirement: 'RP-24',
  reference: referenceFor('RP-24'),
  sends: 'one good token twice, as a provider does that missed the first answer',
  wants: '200 both times',
  acts(party) {
    let visit: Visit
    return [
      async () => void (visit = await party.signIn()),
      async () => {
        const token = await party.logoutToken(visit)
        wantAccepted(await party.post(token))
        wantAccepted(await party.post(token))
      },
    ]
  },
}

/** A forged token uses up nothing: an endpoint that notes a jti before it looks at the signature can be silenced. */
const forgedFirst: ConformanceCase = {
  id: 'accept/a-jti-that-was-forged-before',
  group: 'accept',
  title: 'accepts a token whose jti a forged one had before',
  grade: 'hardening',
  requirement: 'RP-24',
  reference: 'BCL 2.6, step 8, comes after the signature: what somebody else made up says nothing about a jti',
  sends: 'a forged token, then a good one with the same jti',
  wants: '400, then 200 and the session ended',
  acts(party) {
    let visit: Visit
    return [
      async () => void (visit = await party.signIn()),
      async () => {
        const token = await party.logoutToken(visit)
        const [header, payload] = splitToken(token)
        const [, , signature] = splitToken(await party.logoutToken(visit))
        // Its answer is the concern of refuse/another-signature.
        await party.post(`${header}.${payload}.${signature}`)
        wantAccepted(await party.post(token))
        await wantEnded(visit)
      },
    ]
  },
}

/** One that is logged out already, or never signed in here: the provider does not know which. */
const unknownSession: ConformanceCase = {
  id: 'accept/a-session-that-it-does-not-know',
  group: 'accept',
  title: 'acknowledges the logout of a session that it does not know',
  grade: 'interoperability',
  requirement: 'RP-31',
  reference: referenceFor('RP-31'),
  sends: 'a good token for a user and a session of which there was none',
  wants: '200',
  acts: (party) => [
    async () => {
      const somebody = { sub: `user-${randomName()}`, sid: randomName() }
      wantAccepted(await party.post(await party.opFor(somebody).logoutToken()))
    },
  ],
}

const atOnce: ConformanceCase = {
  id: 'accept/the-same-token-twice-at-once',
  group: 'accept',
  title: 'copes with two copies of a token at once',
  grade: 'interoperability',
  requirement: 'RP-24',
  reference: referenceFor('RP-24'),
  sends: 'one good token by two requests at the same time, as a provider does that runs twice',
  wants: '200 for one of them at least, no fault of the server for the other, and the session ended',
  acts(party) {
    let visit: Visit
    return [
      async () => void (visit = await party.signIn()),
      async () => {
        const token = await party.logoutToken(visit)
        const answers = await Promise.all([party.post(token), party.post(token)])
        const [first, second] = answers.toSorted((one, other) => one.status - other.status)
        wantAccepted(first!)
        // Whether a copy is acknowledged or refused is the concern of accept/the-same-token-again.
        want(second!.status < 500, sayAnswer(second!))
        await wantEnded(visit)
      },
    ]
  },
}

/** What was refused uses up nothing either: an endpoint that notes a jti before its work is done loses the retry. */
const refusedFirst: ConformanceCase = {
  id: 'accept/a-jti-that-was-refused-before',
  group: 'accept',
  title: 'accepts a token whose jti a refused one had before',
  grade: 'hardening',
  requirement: 'RP-24',
  reference: 'BCL 2.6, step 8, is of tokens that were received; one that was refused has logged out nobody',
  sends: 'a token with a nonce, well signed, then a good one with the same jti',
  wants: '400, then 200 and the session ended',
  acts(party) {
    let visit: Visit
    return [
      async () => void (visit = await party.signIn()),
      async () => {
        const jti = randomName()
        // Its answer is the concern of refuse/a-nonce.
        await party.post(await party.logoutToken(visit, { jti, nonce: randomName() }))
        wantAccepted(await party.post(await party.logoutToken(visit, { jti })))
        await wantEnded(visit)
      },
    ]
  },
}

/** What is accepted, in the order in which keys are met: one that is new comes after one without a name. */
export const acceptConformance: readonly ConformanceCase[] = [
  ...right.map(accepts),
  newKey,
  unknownSession,
  again,
  atOnce,
  forgedFirst,
  refusedFirst,
]

export const refuseConformance: readonly ConformanceCase[] = wrong.map(refuses)
