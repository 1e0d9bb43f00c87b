import { randomId } from '../../random-id.js'
import type { ConformanceCase } from '../case.js'
import { referenceFor } from '../references.js'
import { describeAnswer, expectStatus200, expectThat } from '../relying-party/expectations.js'
import type { Answer, Party, Visit } from '../relying-party/party.js'

/** Values that these cases put into tokens. The answer to such a token must not contain them. */
const marks = { sub: 'conformance-sub-mark', jti: 'conformance-jti-mark', claim: 'conformance-claim-mark' }

const sendGoodToken = async (party: Party, visit: Visit): Promise<Answer> => party.post(await party.logoutToken(visit))

const sendTokenWithNonce = async (party: Party, visit: Visit): Promise<Answer> =>
  party.post(await party.logoutToken(visit, { sub: marks.sub, jti: `${marks.jti}-${randomId()}`, nonce: marks.claim }))

const isRedirect = ({ status }: Answer): boolean => status >= 300 && status < 400

const isNoStore = ({ headers }: Answer): boolean => /(?:^|,)\s*no-store\b/i.test(headers.get('cache-control') ?? '')

/** Returns the parsed body of an answer. Returns `undefined` if the media type is not JSON, or the body is no object or array. */
function jsonOf({ headers, body }: Answer): Record<string, unknown> | undefined {
  if (!/^application\/(?:[\w.+-]+\+)?json\b/i.test(headers.get('content-type') ?? '')) return undefined
  try {
    const value = JSON.parse(body) as unknown
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

/** Tells whether a value is text with the characters that RFC 6749, 5.2, allows in `error` and `error_description`. */
const isAllowed = (value: unknown): boolean =>
  typeof value === 'string' && /^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/.test(value)

/** Runs a check only if the answer is a refusal. Cases of the group `refuse` check that bad tokens are refused. */
const ifRefused =
  (check: (answer: Answer) => void) =>
  (answer: Answer): void => {
    if (answer.status >= 400 && answer.status < 500) check(answer)
  }

const expectNoStore = (answer: Answer): void =>
  expectThat(isNoStore(answer), `answered with cache-control: ${answer.headers.get('cache-control') ?? 'nothing'}`)

function expectNoneRepeated(body: string, claims: Record<string, string | null>): void {
  const repeated = Object.entries(claims).filter(([, value]) => value !== null && body.includes(value))
  expectThat(repeated.length === 0, `answered with the token's ${repeated.map(([name]) => name).join(', ')}`)
}

interface AnswerCase extends Pick<ConformanceCase, 'id' | 'grade' | 'requirement' | 'title' | 'sends' | 'wants'> {
  reference?: string
  send: (party: Party, visit: Visit) => Promise<Answer>
  check: (answer: Answer, party: Party, visit: Visit) => void
}

const toCase = ({ id, requirement, reference, send, check, ...described }: AnswerCase): ConformanceCase => ({
  ...described,
  id: `answer/${id}`,
  group: 'answer',
  requirement,
  reference: reference ?? referenceFor(requirement),
  acts(party) {
    let visit: Visit
    return [
      async () => void (visit = await party.signIn()),
      async () => {
        check(await send(party, visit), party, visit)
      },
    ]
  },
})

const cases: readonly AnswerCase[] = [
  {
    id: 'success-is-200',
    grade: 'MUST',
    requirement: 'RP-40',
    title: 'answers a successful logout with 200, not with another 2xx',
    sends: 'a valid token',
    wants: '200 exactly',
    send: sendGoodToken,
    check: expectStatus200,
  },
  {
    id: 'success-repeats-nothing',
    grade: 'hardening',
    requirement: 'RP-43',
    title: 'repeats no claim in the answer to a successful logout',
    sends: 'a valid token',
    wants: 'an answer that contains no claim of the token',
    send: async (party, visit) => party.post(await party.logoutToken(visit, { jti: `${marks.jti}-${randomId()}` })),
    check: ({ body }, _, { sub, sid }) => expectNoneRepeated(body, { sub, sid, jti: marks.jti }),
  },
  {
    id: 'success-is-not-stored',
    grade: 'SHOULD',
    requirement: 'RP-42',
    title: 'forbids caches to store the answer to a successful logout',
    sends: 'a valid token',
    wants: 'Cache-Control: no-store',
    send: sendGoodToken,
    check: expectNoStore,
  },
  {
    id: 'refusal-is-not-stored',
    grade: 'SHOULD',
    requirement: 'RP-42',
    title: 'forbids caches to store a refusal',
    sends: 'a token with a nonce',
    wants: 'Cache-Control: no-store',
    send: sendTokenWithNonce,
    check: ifRefused(expectNoStore),
  },
  {
    id: 'no-redirect',
    grade: 'interoperability',
    requirement: 'RP-44',
    title: 'does not redirect the provider',
    sends: 'a token with a nonce, and a valid token',
    wants: 'no redirect',
    async send(party, visit) {
      const refusal = await sendTokenWithNonce(party, visit)
      return isRedirect(refusal) ? refusal : sendGoodToken(party, visit)
    },
    check: (answer) => expectThat(!isRedirect(answer), describeAnswer(answer)),
  },
  {
    id: 'refusal-says-why',
    grade: 'interoperability',
    requirement: 'RP-41',
    title: 'gives the reason of a refusal in JSON, or no reason',
    sends: 'a token with a nonce',
    wants: 'no body, or JSON with error. The error, and an error_description, have only allowed characters',
    send: sendTokenWithNonce,
    check: ifRefused((answer) => {
      if (answer.body === '') return
      const { error, error_description: description = 'none' } = jsonOf(answer) ?? {}
      expectThat(typeof error === 'string', 'answered without a JSON object that has an error')
      expectThat(isAllowed(error), 'answered with an error that has forbidden characters')
      expectThat(isAllowed(description), 'answered with an error_description that has forbidden characters')
    }),
  },
  {
    id: 'refusal-repeats-nothing',
    grade: 'hardening',
    requirement: 'RP-43',
    title: 'repeats no claim of a refused token',
    sends: 'a token with a nonce',
    wants: 'an answer that contains no claim of the token',
    send: sendTokenWithNonce,
    check: ({ body }) => expectNoneRepeated(body, marks),
  },
  {
    id: 'allow',
    grade: 'MUST',
    requirement: 'RP-3',
    reference: 'RFC 9110, 15.5.6: an answer 405 must list the supported methods in Allow',
    title: 'names POST in Allow if it answers 405',
    sends: 'GET',
    wants: 'Allow: POST if the answer is 405',
    send: (party) => party.send({ method: 'GET' }),
    check({ status, headers }) {
      const allow = headers.get('allow') ?? 'nothing'
      expectThat(status !== 405 || /\bPOST\b/.test(allow), `answered 405 with allow: ${allow}`)
    },
  },
  {
    id: 'in-time',
    grade: 'interoperability',
    requirement: 'RP-45',
    title: 'answers before providers stop waiting',
    sends: 'a valid token',
    wants: 'an answer within 2.5 s',
    send: sendGoodToken,
    check: ({ durationMs }) => expectThat(durationMs < 2500, `answered after ${Math.round(durationMs)} ms`),
  },
]

/** The form of the answers: section 4 of docs/requirements.md. */
export const answerConformance: readonly ConformanceCase[] = cases.map(toCase)
