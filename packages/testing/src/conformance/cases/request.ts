import { requestCases, type RequestCase } from '../../requests/request-cases.js'
import type { ConformanceCase } from '../case.js'
import { gradeOf } from '../grades.js'
import { referenceFor } from '../references.js'
import { expectAccepted, expectEnded, expectRefused } from '../relying-party/expectations.js'
import type { Answer, Party, Visit } from '../relying-party/party.js'

/**
 * The ids of requests that are not sent, because other endpoints may rightly answer them differently. An endpoint may
 * support HEAD, answer OPTIONS for CORS, ignore `logout_token[]`, or have other limits.
 */
const notSent = new Set([
  'HEAD',
  'OPTIONS',
  'logout-token-beside-a-token',
  '100-parameters',
  'more-than-100-parameters',
  'a-body-over-64-KiB',
])

const hugeBody: RequestCase = {
  id: 'a-body-over-a-mebibyte',
  name: 'a body over 1 MiB',
  requirement: 'RP-4',
  status: 413,
  make: async (op) => ({
    method: 'POST',
    // The server may close the connection while the body is sent. The next request needs a new connection.
    headers: { 'content-type': 'application/x-www-form-urlencoded', connection: 'close' },
    body: `logout_token=${await op.logoutToken()}&x=${'A'.repeat(1024 * 1024)}`,
  }),
}

const sendFor = async (row: RequestCase, party: Party, visit: Visit): Promise<Answer> =>
  party.send(await row.make(party.opFor(visit)))

/** Sends a huge body. A server may also close the connection without an answer. Then returns `undefined`. */
const sendHugeBody = (party: Party, visit: Visit): Promise<Answer | undefined> =>
  sendFor(hugeBody, party, visit).catch((error: unknown) => {
    if (String(error).includes('no answer: ')) return undefined
    throw error
  })

type Described = Pick<ConformanceCase, 'title' | 'sends' | 'wants' | 'wantsOfSession' | 'acts'>

const accepts = (row: RequestCase): Described => ({
  title: `accepts a request: ${row.name}`,
  sends: `a valid token: ${row.name}`,
  wants: '200',
  wantsOfSession: 'the session has ended',
  acts(party) {
    let visit: Visit
    return [
      async () => void (visit = await party.signIn()),
      async () => {
        expectAccepted(await sendFor(row, party, visit))
        await expectEnded(visit)
      },
    ]
  },
})

function refuses(row: RequestCase, mustBe400: boolean): Described {
  const { name, status } = row
  const isMethod = status === 405
  return {
    title: `refuses ${isMethod ? 'the method ' : 'a request: '}${name}`,
    sends: isMethod ? `${name}, with a valid token in the query string` : `a request: ${name}`,
    wants: mustBe400 ? '400' : `a refusal, for example ${status}`,
    wantsOfSession: 'the session is live',
    acts(party) {
      let visit: Visit
      return [
        async () => void (visit = await party.signIn()),
        async () => {
          const answer = await (row === hugeBody ? sendHugeBody(party, visit) : sendFor(row, party, visit))
          if (!answer) return
          await expectRefused(answer, visit, mustBe400)
        },
      ]
    },
  }
}

function toCase(row: RequestCase): ConformanceCase {
  const id = `request/${row.id}`
  const grade = gradeOf(id)
  return {
    id,
    group: 'request',
    grade,
    requirement: row.requirement,
    reference: referenceFor(row.requirement, id),
    ...(row.status === 200 ? accepts(row) : refuses(row, grade === 'MUST')),
  }
}

/** Ways in which a Logout Token arrives: section 1 of docs/requirements.md. */
export const requestConformance: readonly ConformanceCase[] = [
  ...requestCases.filter(({ id }) => !notSent.has(id)),
  hugeBody,
].map(toCase)
