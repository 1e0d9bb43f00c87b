import type { CaseRequest } from '../../../requests/request-cases.js'
import { slug } from '../../../slug.js'
import type { ConformanceCase, ConformanceGrade } from '../../case.js'
import { errorAnswer, notAuthorized, anyRefusal, actsOf, userOf, type Wanted } from './push.js'

const requestCase = (
  title: string,
  grade: ConformanceGrade,
  reference: string,
  wanted: Wanted,
  change: Partial<CaseRequest>,
): ConformanceCase => ({
  id: `ssf/${slug(title)}`,
  group: 'request',
  title: `a push: ${title}`,
  grade,
  requirement: 'SE-1',
  reference,
  sends: `a push: ${title}`,
  wants: wanted.text,
  wantsOfSession: 'the session is live',
  acts: actsOf(wanted, async (party, visit) =>
    party.push(await party.transmitter!.set({ sub_id: userOf(party, visit) }), change),
  ),
})

/** Cases about requests. */
export const requests: readonly ConformanceCase[] = [
  requestCase(
    'wrong authorization',
    'MUST',
    'RFC 8935, 2.3: an error in the authentication of the transmitter is answered by a status of HTTP or by 400 and an err',
    notAuthorized,
    { headers: { authorization: 'Bearer wrong' } },
  ),
  requestCase(
    'another media type',
    'hardening',
    'RFC 8935, 2.1: the media type of a push is application/secevent+jwt. No section says what a receiver does with another one',
    anyRefusal(400),
    { headers: { 'content-type': 'application/json' } },
  ),
  requestCase(
    'no token',
    'MUST',
    'RFC 8935, 2.3: a body that cannot be parsed is answered 400, and the body of the answer has an err',
    errorAnswer('invalid_request'),
    { body: '' },
  ),
  requestCase(
    'another method',
    'hardening',
    'RFC 8935, 2.1: a push is a POST. No section says what a receiver does with another method',
    anyRefusal(405),
    { method: 'GET' },
  ),
]
