import type { Answer, Party, Visit } from './party.js'

/**
 * The kind of a failure.
 *
 * - `accepted`: the application accepted a token or a request that it must refuse.
 * - `not ended`: the application accepted a valid token, and the session did not end.
 * - `refused`: the application did not accept a valid token or request.
 * - `ended`: a session ended that must stay alive.
 * - `status`: the session did not end, but the answer has a status that the case does not allow, for example 200.
 * - `other`: anything else, for example a missing header.
 */
export type ConformanceFault = 'accepted' | 'not ended' | 'refused' | 'ended' | 'status' | 'other'

interface FailureOptions extends ErrorOptions {
  fault?: ConformanceFault
  about?: string
}

/** A wrong result of the application under test. The message says what happened. */
export class ConformanceFailure extends Error {
  readonly fault: ConformanceFault
  /** A property that several failures can have in common, for example `the status 500`. */
  readonly about: string | undefined

  constructor(message: string, { fault = 'other', about, ...options }: FailureOptions = {}) {
    super(message, options)
    this.fault = fault
    this.about = about
  }
}

/** The runner cannot decide the case. The message contains the reason. */
export class ConformanceSkip extends Error {}

/** Fails the case with `message` if the condition does not hold. */
export function expectThat(condition: boolean, message: string, options?: FailureOptions): asserts condition {
  if (!condition) throw new ConformanceFailure(message, options)
}

/** Shortens a body to one line. Removes control characters, because a terminal acts on them. */
const shorten = (body: string): string =>
  body
    .replaceAll(/[\s\p{Cc}\p{Cf}]+/gu, ' ')
    .trim()
    .slice(0, 200)

/** Describes an answer in one line. */
export function describeAnswer({ status, headers, body }: Answer): string {
  const location = headers.get('location')
  return [`answered ${status}`, location && `to ${location}`, shorten(body)].filter(Boolean).join(' ')
}

const isSuccess = ({ status }: Answer): boolean => status >= 200 && status < 300

/** Checks that the endpoint accepted the token. Every 2xx passes, because `answer/success-is-200` checks the exact status. */
export function expectAccepted(answer: Answer): void {
  expectThat(isSuccess(answer), describeAnswer(answer), { fault: 'refused' })
}

/** Checks that the endpoint answered 200, the status of the standard (BCL 2.8). With `accept204`, 204 also passes. */
export function expectStatus200(answer: Answer, { accept204 }: Party): void {
  const isRight = answer.status === 200 || (accept204 && answer.status === 204)
  const failure: FailureOptions = isSuccess(answer) ? { about: `the status ${answer.status}` } : { fault: 'refused' }
  expectThat(isRight, describeAnswer(answer), failure)
}

/**
 * Signs in again. Skips the case if nobody is signed in afterwards, because the case builds on the new session. The cases
 * `session/a-user-can-sign-in-again` and `session/a-sid-may-be-used-again` check the sign-in.
 */
export async function requireSignInAgain(party: Party, visit: Visit): Promise<Visit> {
  try {
    return await party.signIn({ sub: visit.sub, sid: visit.sid, again: visit })
  } catch (error) {
    if (!(error instanceof ConformanceFailure)) throw error
    throw new ConformanceSkip(`the sign-in that this case builds on failed: ${error.message}`)
  }
}

/** Tells whether the endpoint answered 400, the status of the standard (BCL 2.8). */
const is400 = ({ status }: Answer): boolean => status === 400

/** Tells whether the endpoint answered any 4xx, or 501, the status for an unknown method. */
const isRefusal = ({ status }: Answer): boolean => (status >= 400 && status < 500) || status === 501

/**
 * Checks that the endpoint refused the token, and that the session of the visit did not end.
 *
 * @param mustBe400 True if 400 is the only right status.
 */
export async function expectRefused(answer: Answer, visit: Visit, mustBe400: boolean): Promise<void> {
  const isLive = await visit.isLive()
  const description = describeAnswer(answer)
  expectThat(isLive !== false, `${description}, and the session has ended`, { fault: 'accepted' })
  if (isSuccess(answer)) {
    const end = isLive ? ', and the session is still live' : ''
    throw new ConformanceFailure(`${description}${end}`, isLive ? statusFault(answer) : { fault: 'accepted' })
  }
  expectThat(mustBe400 ? is400(answer) : isRefusal(answer), description, statusFault(answer))
}

const statusFault = ({ status }: Answer): FailureOptions => ({ fault: 'status', about: `the status ${status}` })

/** Checks that the session ended. Also passes if the session cannot be observed. */
export async function expectEnded(visit: Visit, what = 'the session'): Promise<void> {
  expectThat((await visit.isLive()) !== true, `${what} is still live`, { fault: 'not ended' })
}

/** Checks that the session did not end. Also passes if the session cannot be observed. */
export async function expectLive(visit: Visit, what: string, fault: ConformanceFault = 'ended'): Promise<void> {
  expectThat((await visit.isLive()) !== false, `${what} has ended`, { fault })
}

/**
 * Skips the case if the logout was refused or the session is still live, because the case builds on that logout. Does not
 * skip it if the session cannot be observed.
 */
export async function requireLogout(
  answer: Answer,
  visit: Visit,
  what = 'the logout that this case builds on',
): Promise<void> {
  if (!isSuccess(answer)) throw new ConformanceSkip(`${what} was refused: ${describeAnswer(answer)}`)
  if (await visit.isLive()) throw new ConformanceSkip(`${what} ended no session`)
}
