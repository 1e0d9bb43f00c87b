import type { TestIssuer } from '../../providers/test-issuer.js'
import { createTestKey } from '../../providers/test-key.js'
import { randomId } from '../../random-id.js'
import { decodePayload, splitToken } from '../../tokens/compact-jws.js'
import { rightTokens } from '../../tokens/right-tokens.js'
import type { ConformanceCase } from '../case.js'
import { gradeOf } from '../grades.js'
import { referenceFor } from '../references.js'
import { describeAnswer, expectAccepted, expectEnded, expectThat } from '../relying-party/expectations.js'
import type { Party, Visit } from '../relying-party/party.js'
import { datedRow, isNearTolerance, type TokenRow } from './token-row.js'

/** Seconds. Two clocks can easily differ by ten seconds. No standard requires an application to tolerate this difference. */
const tenSeconds = 10

const rows: readonly TokenRow[] = [
  ...rightTokens.filter((row) => !row.settings && !isNearTolerance(row)),
  datedRow('clocks ten seconds apart', (now) => ({ iat: now + tenSeconds, exp: now + tenSeconds + 120 })),
  datedRow('not before ten seconds from now', (now) => ({ nbf: now + tenSeconds })),
]

const namesOnlyTheUser = new Set(['sub-alone', 'sid-null-beside-a-sub'])

const withNames = (op: TestIssuer, names: object): TestIssuer => ({
  ...op,
  logoutToken: (claims, header) => op.logoutToken({ ...names, ...claims }, header),
})

/** Returns the sub and sid of the token in a row. The user must sign in with them before the token is sent. */
async function namesIn(row: TokenRow, { provider }: Party): Promise<{ sub: string; sid: string }> {
  const names = { sub: `user-${randomId()}`, sid: randomId() }
  const token = await row.make(withNames(provider.op, names), provider)
  const { sub, sid } = decodePayload(token) as Record<string, unknown>
  return {
    sub: typeof sub === 'string' ? sub : names.sub,
    sid: typeof sid === 'string' ? sid : names.sid,
  }
}

function toCase(row: TokenRow): ConformanceCase {
  const id = `accept/${row.id}`
  return {
    id,
    group: 'accept',
    title: `accepts a token: ${row.name}`,
    grade: gradeOf(id),
    requirement: row.requirement,
    reference: referenceFor(row.requirement, id),
    sends: `a valid token: ${row.name}`,
    wants: '200',
    wantsOfSession: 'the session has ended',
    ...(namesOnlyTheUser.has(row.id) && { namesOnlyTheUser: true }),
    acts(party) {
      let visit: Visit
      return [
        async () => void (visit = await party.signIn(await namesIn(row, party))),
        async () => {
          expectAccepted(await party.post(await row.make(party.opFor(visit), party.provider)))
          await expectEnded(visit)
        },
      ]
    },
  }
}

const newKey: ConformanceCase = {
  id: 'accept/a-key-published-just-now',
  group: 'accept',
  title: 'fetches the keys again for a new kid, even if the last fetch was a moment ago',
  grade: 'hardening',
  requirement: 'RP-53',
  reference: referenceFor('RP-53'),
  sends:
    'a valid token with the kid of a new key, seconds after the application last fetched the keys or did not find a key',
  wants:
    '200. A refusal shows that the application waits between two fetches of the keys (many libraries: 30 s). Most providers send a logout only once, so a logout under a new key is lost in that time',
  wantsOfSession: 'the session has ended',
  needs: 'fetched keys',
  acts(party) {
    let visit: Visit
    return [
      async () => void (visit = await party.signIn()),
      async () => {
        const { op } = party.provider
        const key = await createTestKey(op.key.alg, randomId())
        const withdraw = party.provider.publish(key)
        const claims = decodePayload(await party.logoutToken(visit))
        expectAccepted(await party.post(await op.sign(claims, { alg: key.alg, kid: key.kid }, key.privateKey)))
        withdraw()
        await expectEnded(visit)
      },
    ]
  },
}

/** A provider does not know whether a session has already ended, or whether the application ever had the session. */
const unknownSession: ConformanceCase = {
  id: 'accept/a-session-that-it-does-not-know',
  group: 'accept',
  title: 'accepts the logout of an unknown session',
  grade: 'interoperability',
  requirement: 'RP-31',
  reference: referenceFor('RP-31', 'accept/a-session-that-it-does-not-know'),
  sends: 'a valid token for a user and a session that the application never had',
  wants: '200',
  acts: (party) => [
    async () => {
      const unknown = { sub: `user-${randomId()}`, sid: randomId() }
      expectAccepted(await party.post(await party.opFor(unknown).logoutToken()))
    },
  ],
}

const sameTokenAgain: ConformanceCase = {
  id: 'accept/the-same-token-again',
  group: 'accept',
  title: 'answers 200 if the same token comes again',
  grade: 'interoperability',
  requirement: 'RP-24',
  reference: referenceFor('RP-24'),
  sends: 'one valid token twice, as a provider does after a lost answer',
  wants: '200 both times',
  acts(party) {
    let visit: Visit
    return [
      async () => void (visit = await party.signIn()),
      async () => {
        const token = await party.logoutToken(visit)
        expectAccepted(await party.post(token))
        expectAccepted(await party.post(token))
      },
    ]
  },
}

const sameTokenTwiceAtOnce: ConformanceCase = {
  id: 'accept/the-same-token-twice-at-once',
  group: 'accept',
  title: 'handles two copies of a token that come at the same time',
  grade: 'interoperability',
  requirement: 'RP-24',
  reference: referenceFor('RP-24'),
  sends: 'one valid token in two requests at the same time, as two instances of a provider do',
  wants: '200 for at least one copy, and no 5xx for the other copy',
  wantsOfSession: 'the session has ended',
  acts(party) {
    let visit: Visit
    return [
      async () => void (visit = await party.signIn()),
      async () => {
        const token = await party.logoutToken(visit)
        const answers = await Promise.all([party.post(token), party.post(token)])
        const [first, second] = answers.toSorted((one, other) => one.status - other.status)
        expectAccepted(first!)
        // Another case, accept/the-same-token-again, checks whether a copy may be refused.
        expectThat(second!.status < 500, describeAnswer(second!))
        await expectEnded(visit)
      },
    ]
  },
}

/** If an endpoint records a jti before it verifies the signature, a forged token can block the real logout. */
const jtiOfForgedToken: ConformanceCase = {
  id: 'accept/a-jti-that-was-forged-before',
  group: 'accept',
  title: 'accepts a token after a forged token with the same jti',
  grade: 'hardening',
  requirement: 'RP-24',
  reference: 'BCL 2.6: step 8 comes after the signature check, so a forged token must not use up a jti',
  sends: 'a forged token, then a valid token with the same jti',
  wants: '200 for the valid token',
  wantsOfSession: 'the session has ended',
  acts(party) {
    let visit: Visit
    return [
      async () => void (visit = await party.signIn()),
      async () => {
        const token = await party.logoutToken(visit)
        const [header, payload] = splitToken(token)
        const [, , signature] = splitToken(await party.logoutToken(visit))
        // Another case, refuse/another-signature, checks the answer to this token.
        await party.post(`${header}.${payload}.${signature}`)
        expectAccepted(await party.post(token))
        await expectEnded(visit)
      },
    ]
  },
}

/** If an endpoint records a jti before the logout is complete, the retry of a failed logout does nothing. */
const jtiOfRefusedToken: ConformanceCase = {
  id: 'accept/a-jti-that-was-refused-before',
  group: 'accept',
  title: 'accepts a token after a refused token with the same jti',
  grade: 'hardening',
  requirement: 'RP-24',
  reference:
    'BCL 2.6, step 8: another token with the same jti may be refused. If a refused token counts, a retry of the logout is lost',
  sends: 'a token with a valid signature and a nonce, then a valid token with the same jti',
  wants: '200 for the valid token',
  wantsOfSession: 'the session has ended',
  acts(party) {
    let visit: Visit
    return [
      async () => void (visit = await party.signIn()),
      async () => {
        const jti = randomId()
        // Another case, refuse/a-nonce, checks the answer to this token.
        await party.post(await party.logoutToken(visit, { jti, nonce: randomId() }))
        expectAccepted(await party.post(await party.logoutToken(visit, { jti })))
        await expectEnded(visit)
      },
    ]
  },
}

/**
 * Logout Tokens that the endpoint must accept. The case with a new key must come after the case without a kid. After the new key
 * is published, a token without a kid fits several keys.
 */
export const acceptConformance: readonly ConformanceCase[] = [
  ...rows.map(toCase),
  newKey,
  unknownSession,
  sameTokenAgain,
  sameTokenTwiceAtOnce,
  jtiOfForgedToken,
  jtiOfRefusedToken,
]
