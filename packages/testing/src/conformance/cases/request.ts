import { caseId, type ConformanceCase } from '../case.js'
import { gradeOf } from '../grades.js'
import {
  wantAccepted,
  wantEnded,
  wantRefused,
  wantRefusedBy400,
  type Party,
  type Visit,
} from '../relying-party/party.js'
import { referenceFor } from '../references.js'
import { requestCases, type RequestCase } from '../../requests/request-cases.js'

/** Cases in which another answer can be right: OPTIONS for CORS, HEAD, `logout_token[]` as a foreign parameter, our limits. */
const ours = new Set([
  'HEAD',
  'OPTIONS',
  'logout_token[] beside a token',
  '100 parameters',
  'more than 100 parameters',
  'a body over 64 KiB',
])

const hugeBody: RequestCase = {
  name: 'a body over a mebibyte',
  requirement: 'RP-4',
  status: 413,
  make: async (op) => ({
    method: 'POST',
    // A server that refuses what it has not read hangs up, and the next request must not meet that.
    headers: { 'content-type': 'application/x-www-form-urlencoded', connection: 'close' },
    body: `logout_token=${await op.logoutToken()}&x=${'A'.repeat(1024 * 1024)}`,
  }),
}

const sendFor = async (row: RequestCase, party: Party, visit: Visit) => party.send(await row.make(party.opFor(visit)))

const isMethod = (name: string): boolean => /^[A-Z]+$/.test(name) && name !== 'JSON'

function toCase(row: RequestCase): ConformanceCase {
  const { name, requirement, status } = row
  const grade = gradeOf(name)
  const common = {
    id: caseId('request', name),
    group: 'request' as const,
    grade,
    requirement,
    reference: referenceFor(requirement),
  }
  if (status === 200) {
    return {
      ...common,
      title: `accepts a request: ${name}`,
      sends: `a good token: ${name}`,
      wants: '200, and the session ended',
      acts(party) {
        let visit: Visit
        return [
          async () => void (visit = await party.signIn()),
          async () => {
            wantAccepted(await sendFor(row, party, visit))
            await wantEnded(visit)
          },
        ]
      },
    }
  }
  const by400 = grade === 'MUST'
  return {
    ...common,
    title: `refuses ${isMethod(name) ? 'the method ' : 'a request: '}${name}`,
    sends: isMethod(name) ? `${name}, with a good token in the query string` : `a request: ${name}`,
    wants: by400 ? '400' : `a refusal, ${status} for one`,
    acts(party) {
      let visit: Visit
      return [
        async () => void (visit = await party.signIn()),
        async () => {
          const answer = await sendFor(row, party, visit).catch((error: unknown) => {
            // A server may hang up on a body that it will not read to its end.
            if (row === hugeBody && String(error).includes('no answer: ')) return undefined
            throw error
          })
          if (answer) (by400 ? wantRefusedBy400 : wantRefused)(answer)
        },
      ]
    },
  }
}

/** The cases of requirements section 1: how a token comes. */
export const requestConformance: readonly ConformanceCase[] = [
  ...requestCases.filter(({ name }) => !ours.has(name)),
  hugeBody,
].map(toCase)
