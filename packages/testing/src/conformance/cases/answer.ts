import type { ConformanceCase, ConformanceGrade } from '../case.js'
import { sayAnswer, want, wantSuccess, type Answer, type Party, type Visit } from '../relying-party/party.js'
import { randomName } from '../../providers/test-provider.js'
import { referenceFor } from '../references.js'

/** Names that a refusal must not repeat. */
const marks = { sub: 'conformance-sub-mark', jti: 'conformance-jti-mark', claim: 'conformance-claim-mark' }

const good = async (party: Party, visit: Visit): Promise<Answer> => party.post(await party.logoutToken(visit))

const bad = async (party: Party, visit: Visit): Promise<Answer> =>
  party.post(
    await party.logoutToken(visit, { sub: marks.sub, jti: `${marks.jti}-${randomName()}`, nonce: marks.claim }),
  )

const isRedirect = ({ status }: Answer): boolean => status >= 300 && status < 400

const isNoStore = ({ headers }: Answer): boolean => /(?:^|,)\s*no-store\b/i.test(headers.get('cache-control') ?? '')

/** The JSON of a refusal, where it has some. */
function jsonOf({ headers, body }: Answer): Record<string, unknown> | undefined {
  if (!/^application\/(?:[\w.+-]+\+)?json\b/i.test(headers.get('content-type') ?? '')) return undefined
  try {
    const value = JSON.parse(body) as unknown
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

/** What a refusal must look like. One that was none is the concern of the cases that want it. */
const ofRefusal =
  (look: (answer: Answer) => void) =>
  (given: Answer): void => {
    if (given.status >= 400 && given.status < 500) look(given)
  }

const answer = (
  id: string,
  grade: ConformanceGrade,
  requirement: string,
  title: string,
  [sends, wants]: [sends: string, wants: string],
  ask: (party: Party, visit: Visit) => Promise<Answer>,
  look: (answer: Answer, party: Party) => void,
): ConformanceCase => ({
  id: `answer/${id}`,
  group: 'answer',
  title,
  grade,
  requirement,
  reference: referenceFor(requirement),
  sends,
  wants,
  acts(party) {
    let visit: Visit
    return [
      async () => void (visit = await party.signIn()),
      async () => {
        look(await ask(party, visit), party)
      },
    ]
  },
})

const wantNoStore = (given: Answer): void =>
  want(isNoStore(given), `answered with cache-control: ${given.headers.get('cache-control') ?? 'nothing'}`)

/** How answers look, whatever they are to: requirements section 4. */
export const answerConformance: readonly ConformanceCase[] = [
  answer(
    'success-is-200',
    'MUST',
    'RP-40',
    'answers a logout that succeeded with 200, not with another 2xx',
    ['a good token', '200 exactly'],
    good,
    wantSuccess,
  ),
  answer(
    'success-is-empty',
    'hardening',
    'RP-40',
    'says no more than that it succeeded',
    ['a good token', 'no body'],
    good,
    ({ body }) => want(body === '', `answered with a body: ${body.slice(0, 200)}`),
  ),
  answer(
    'success-is-not-stored',
    'hardening',
    'RP-42',
    'forbids to store the answer to a success',
    ['a good token', 'Cache-Control: no-store'],
    good,
    wantNoStore,
  ),
  answer(
    'refusal-is-not-stored',
    'hardening',
    'RP-42',
    'forbids to store the answer to a refusal',
    ['a token with a nonce', 'Cache-Control: no-store'],
    bad,
    ofRefusal(wantNoStore),
  ),
  answer(
    'no-redirect',
    'interoperability',
    'RP-44',
    'answers itself, and redirects nobody',
    ['a token with a nonce, and a good one', 'no redirect'],
    async (party, visit) => {
      const refusal = await bad(party, visit)
      return isRedirect(refusal) ? refusal : good(party, visit)
    },
    (given) => want(!isRedirect(given), sayAnswer(given)),
  ),
  answer(
    'refusal-says-why',
    'interoperability',
    'RP-41',
    'says in JSON why it refused',
    ['a token with a nonce', 'JSON with error, and an error_description of the characters allowed, if any'],
    bad,
    ofRefusal((given) => {
      const { error, error_description: description = 'none' } = jsonOf(given) ?? {}
      want(typeof error === 'string', 'answered without JSON that has an error')
      const isProper = typeof description === 'string' && /^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/.test(description)
      want(isProper, 'answered with an error_description that has characters it must not have')
    }),
  ),
  answer(
    'refusal-repeats-nothing',
    'hardening',
    'RP-43',
    'repeats nothing of the token that it refused',
    ['a token with a nonce', 'an answer that has none of its claims'],
    bad,
    ({ body }) => {
      const found = Object.entries(marks).filter(([, mark]) => body.includes(mark))
      want(found.length === 0, `answered with the token's ${found.map(([name]) => name).join(', ')}`)
    },
  ),
  {
    ...answer(
      'allow',
      'interoperability',
      'RP-3',
      'names POST where it answers 405',
      ['GET', 'Allow: POST, where the answer is 405'],
      (party) => party.send({ method: 'GET' }),
      ({ status, headers }) => {
        const allow = headers.get('allow') ?? 'nothing'
        want(status !== 405 || /\bPOST\b/.test(allow), `answered 405 with allow: ${allow}`)
      },
    ),
    reference: 'RFC 9110, 15.5.6: a 405 says by Allow what is supported',
  },
  answer(
    'in-time',
    'interoperability',
    'RP-45',
    'answers before providers give up',
    ['a good token', 'an answer within 2.5 s'],
    good,
    ({ durationMs }) => want(durationMs < 2500, `answered after ${Math.round(durationMs)} ms`),
  ),
]
