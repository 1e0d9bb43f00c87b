import {
  securityEventCases,
  type ConformanceGrade,
  type ConformanceResult,
  type SecurityEventCase,
  type TestTransmitter,
} from '@bcl/testing'
import { reasonOf } from '../network/reason-of.js'
import { sendAsWritten } from '../network/send-as-written.js'
import { pushOf } from './serve-transmitter.js'

/** One request to a push receiver, and the answer that passes. */
export interface PushCase extends Pick<
  ConformanceResult,
  'id' | 'group' | 'title' | 'grade' | 'requirement' | 'reference'
> {
  status: number
  err?: string | undefined
  /** Makes the request. */
  make(transmitter: TestTransmitter, authorization: string): Promise<RequestInit>
}

/** Cases for rules that no standard has. A receiver that breaks such a rule can be attacked. */
const hardening = new Set(['eleven-events', 'a-month-old', 'iat-ahead', 'typ-jwt', 'the-typ-of-a-logout-token'])

const references: Record<string, string> = {
  'SE-1': 'RFC 8417, 2: a Security Event Token has a typ, iss, iat, jti and events; SSF 4.1 adds sub_id',
  'SE-2': 'SSF 7.2: the keys of the transmitter verify the token',
  'SE-3': 'RFC 8417, 2.2: a receiver that is not in aud must not accept the token',
  'SE-10': 'SSF 8.1.4: a receiver also gets verification events that it did not request',
  'SE-13': 'OIDC Back-Channel Logout 1.0, 2.4: a Logout Token must not be accepted as another kind of token',
}

const tokenCase = ({ id, name, requirement, status, err, make }: SecurityEventCase): PushCase => ({
  id: `ssf/${id}`,
  group: status === 202 ? 'accept' : 'refuse',
  title: `a security event: ${name}`,
  grade: hardening.has(id) ? 'hardening' : 'MUST',
  requirement,
  reference: references[requirement] ?? 'RFC 8935, 2.2: the receiver acknowledges each token that is valid for it',
  status,
  err,
  make: async (transmitter, authorization) => pushOf(await make(transmitter), authorization),
})

const requestCase = (
  title: string,
  grade: ConformanceGrade,
  reference: string,
  status: number,
  err: string | undefined,
  change: (push: ReturnType<typeof pushOf>) => RequestInit,
): PushCase => ({
  id: `ssf/${title.replaceAll(' ', '-').toLowerCase()}`,
  group: 'request',
  title: `a push: ${title}`,
  grade,
  requirement: 'SE-1',
  reference,
  status,
  err,
  make: async (transmitter, authorization) => change(pushOf(await transmitter.set(), authorization)),
})

const withHeaders = (headers: Record<string, string>) => (push: ReturnType<typeof pushOf>) => ({
  ...push,
  headers: { ...push.headers, ...headers },
})

/** The requests that `bcl conformance --ssf` sends. */
export const pushCases: readonly PushCase[] = [
  requestCase(
    'wrong authorization',
    'MUST',
    'RFC 8935, 2.4: authentication_failed',
    401,
    'authentication_failed',
    withHeaders({ authorization: 'Bearer wrong' }),
  ),
  requestCase(
    'another media type',
    'SHOULD',
    'RFC 8935, 2.1: the media type is application/secevent+jwt',
    400,
    'invalid_request',
    withHeaders({ 'content-type': 'application/json' }),
  ),
  requestCase(
    'no token',
    'MUST',
    'RFC 8935, 2.3: a request that cannot be parsed is answered 400',
    400,
    'invalid_request',
    (push) => ({ ...push, body: '' }),
  ),
  requestCase('another method', 'SHOULD', 'RFC 8935, 2.1: a push is a POST', 405, undefined, ({ headers }) => ({
    headers,
  })),
  ...securityEventCases.map(tokenCase),
]

const wantsOf = ({ status, err }: PushCase): string => {
  if (status === 202) return '202 and an empty body'
  return err === undefined ? `${status}` : `${status} and the err "${err}"`
}

/** Describes the important parts of an answer. */
function describeAnswer(status: number, body: string): string {
  if (status === 202) return body === '' ? '202 and an empty body' : '202 with a body'
  try {
    const { err } = JSON.parse(body) as { err?: unknown }
    if (typeof err === 'string') return `${status} and the err ${JSON.stringify(err)}`
  } catch {}
  return `${status}`
}

/** Sends the request of one case, and compares the answer. */
export async function runPushCase(
  url: string,
  one: PushCase,
  transmitter: TestTransmitter,
  { authorization, timeout }: { authorization: string; timeout: number },
): Promise<ConformanceResult> {
  const { status: _, err: _err, make, ...described } = one
  const startedAt = performance.now()
  const wants = wantsOf(one)
  const got = await sendAsWritten(url, {
    ...(await make(transmitter, authorization)),
    signal: AbortSignal.timeout(timeout * 1000),
  }).then(async (response) => describeAnswer(response.status, await response.text()), reasonOf)
  const hasPassed = got === wants
  const fault = got.startsWith('20') ? 'accepted' : one.status === 202 ? 'refused' : 'other'
  return {
    ...described,
    sends: one.title,
    wants,
    outcome: hasPassed ? 'passed' : 'failed',
    got: hasPassed ? got : `answered ${got}`,
    ...(!hasPassed && { fault }),
    durationMs: Math.round(performance.now() - startedAt),
  }
}
