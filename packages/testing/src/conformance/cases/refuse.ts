import { decodePayload } from '../../tokens/compact-jws.js'
import { wrongTokens } from '../../tokens/wrong-tokens.js'
import type { ConformanceCase } from '../case.js'
import { gradeOf } from '../grades.js'
import { referenceFor } from '../references.js'
import { ConformanceSkip, expectRefused } from '../relying-party/expectations.js'
import type { Party, Visit } from '../relying-party/party.js'
import { datedRow, isNearTolerance, type TokenRow } from './token-row.js'

/** In seconds. RFC 7519, 4.1.4, allows a leeway of "usually no more than a few minutes" for `exp`. */
const tenMinutes = 600

/**
 * A token that only a wrong receiver accepts: a receiver that trusts the `alg` of the header and uses the client secret
 * as the key.
 */
const clientSecretAsKey: TokenRow = {
  id: 'the-client-secret-as-the-key-of-HS256-which-is-not-registered',
  name: 'the client secret as the key of HS256, which is not registered',
  requirement: 'RP-13',
  async make(op, { clientSecret }) {
    const claims = decodePayload(await op.logoutToken())
    const header = { alg: 'HS256', kid: op.key.kid, typ: 'logout+jwt' }
    return op.sign(claims, header, new TextEncoder().encode(clientSecret))
  },
}

/**
 * The ids of rows that are not sent. RFC 7515, section 4, says: ignore an unknown header parameter that is not in
 * `crit`. So another endpoint may rightly accept the tokens with b64. A kid that is a number is an unknown kid, and
 * another case sends an unknown kid.
 */
const notSent = new Set(['b64-false', 'b64-true', 'a-kid-that-is-a-number'])

const rows: readonly TokenRow[] = [
  ...wrongTokens.filter((row) => !row.settings && !isNearTolerance(row) && !notSent.has(row.id)),
  // An application may ignore a logout that is older than the session. So the iat is later than the sign-in, and also
  // later than the exp.
  datedRow('exp ten minutes ago', (now) => ({ exp: now - tenMinutes })),
  datedRow('iat ten minutes ahead', (now) => ({ iat: now + tenMinutes, exp: now + tenMinutes + 120 })),
  datedRow('nbf ten minutes ahead', (now) => ({ nbf: now + tenMinutes, exp: now + tenMinutes + 120 })),
  clientSecretAsKey,
]

/**
 * Makes the token of a row. The rows are made for RS256. If the provider has another algorithm, and this algorithm
 * cannot make the token, skips the case.
 */
async function makeToken(row: TokenRow, party: Party, visit: Visit): Promise<string> {
  const { provider } = party
  const isRegistered = row.id.startsWith('a-good-signature-under-PS256') && provider.op.key.alg === 'PS256'
  if (isRegistered) throw new ConformanceSkip('the provider signs with PS256')
  try {
    return await row.make(party.opFor(visit), provider)
  } catch (error) {
    if (provider.op.key.alg === 'RS256') throw error
    throw new ConformanceSkip(`this token cannot be made with ${provider.op.key.alg}`)
  }
}

function toCase(row: TokenRow): ConformanceCase {
  const id = `refuse/${row.id}`
  const mustBe400 = row.requirement !== 'RP-4'
  return {
    id,
    group: 'refuse',
    title: `refuses a token: ${row.name}`,
    grade: gradeOf(id),
    requirement: row.requirement,
    reference: referenceFor(row.requirement, id),
    sends: `a token: ${row.name}`,
    wants: mustBe400 ? '400' : 'a refusal',
    wantsOfSession: 'the session is live',
    acts(party) {
      let visit: Visit
      return [
        // The token names a signed-in user, because an endpoint may refuse an unknown user before it checks the token.
        async () => void (visit = await party.signIn()),
        async () => {
          const answer = await party.post(await makeToken(row, party, visit))
          await expectRefused(answer, visit, mustBe400)
        },
      ]
    },
  }
}

/** Logout Tokens that the endpoint must refuse. */
export const refuseConformance: readonly ConformanceCase[] = rows.map(toCase)
