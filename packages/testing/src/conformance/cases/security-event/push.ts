// The cases about security events share these functions for pushes, right answers and subjects.
import type { Act } from '../../case.js'
import { describeAnswer, expectLive, expectThat, type ConformanceFault } from '../../relying-party/expectations.js'
import type { Answer, Party, Visit } from '../../relying-party/party.js'

/** The answers that pass. */
export interface Wanted {
  /** The answers in words. */
  text: string
  /** Whether the right answer accepts the token. */
  isAccepted: boolean
  isRight: (answer: Answer) => boolean
}

/** The error codes of RFC 8935, 2.4. */
const errorCodes: ReadonlySet<unknown> = new Set([
  'invalid_request',
  'invalid_key',
  'invalid_issuer',
  'invalid_audience',
  'authentication_failed',
  'access_denied',
])

/** Returns the error code in the body of an answer. */
export function errOf({ body }: Answer): unknown {
  try {
    return (JSON.parse(body) as { err?: unknown }).err
  } catch {
    return undefined
  }
}

const isAcknowledged = ({ status, body }: Answer): boolean => status === 202 && body === ''
const isErrorAnswer = (answer: Answer): boolean => answer.status === 400 && errorCodes.has(errOf(answer))
const isAnyRefusal = ({ status }: Answer): boolean => (status >= 400 && status < 500) || status === 501

export const acknowledged: Wanted = { text: '202 and an empty body', isAccepted: true, isRight: isAcknowledged }

/** The right answer to a wrong token. A receiver may choose among the codes, because a token can have several faults. */
export const errorAnswer = (err: string): Wanted => ({
  text: `400 and an err of RFC 8935, for example "${err}"`,
  isAccepted: false,
  isRight: isErrorAnswer,
})

/** The right answer to wrong authorization. RFC 8935, 2.3, allows an HTTP status, for example 401 or 403, or an error answer. */
export const notAuthorized: Wanted = {
  text: '401 or 403, or 400 and an err of RFC 8935, for example "authentication_failed"',
  isAccepted: false,
  isRight: (answer) => answer.status === 401 || answer.status === 403 || isErrorAnswer(answer),
}

export const anyRefusal = (status: number): Wanted => ({
  text: `a refusal, for example ${status}`,
  isAccepted: false,
  isRight: isAnyRefusal,
})

function faultOf({ status }: Answer, { isAccepted }: Wanted): ConformanceFault {
  const isSuccess = status >= 200 && status < 300
  if (isAccepted) return isSuccess ? 'other' : 'refused'
  return isSuccess ? 'accepted' : 'other'
}

/** Checks the status and the body of an answer. */
function expectAnswer(answer: Answer, wanted: Wanted): void {
  expectThat(wanted.isRight(answer), describeAnswer(answer), { fault: faultOf(answer, wanted) })
}

export const expectAccepted = (answer: Answer): void => expectAnswer(answer, acknowledged)

/** Sends one request for a new session, and checks the answer. A wrong request must not end the session. */
export const actsOf =
  (wanted: Wanted, send: (party: Party, visit: Visit) => Promise<Answer>) =>
  (party: Party): Act[] => {
    let visit: Visit
    return [
      async () => void (visit = await party.signIn()),
      async () => {
        expectAnswer(await send(party, visit), wanted)
        if (!wanted.isAccepted) await expectLive(visit, 'the session', 'accepted')
      },
    ]
  }

export const userOf = ({ transmitter }: Party, { sub }: Visit): object => ({
  format: 'iss_sub',
  iss: transmitter!.issuer,
  sub,
})
export const opaque = (id: string | null): object => ({ format: 'opaque', id })
/** Makes a complex subject with the user and the session of a visit. */
export const sessionOf = (party: Party, visit: Visit): object => ({
  format: 'complex',
  user: userOf(party, visit),
  session: opaque(visit.sid),
})
