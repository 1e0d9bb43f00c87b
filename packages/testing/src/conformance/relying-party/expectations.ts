import type { Answer, Party, Visit } from './party.js'

/** A wrong result of the application under test. The message says what happened. */
export class ConformanceFailure extends Error {}

/** Fails the case with `message` if the condition does not hold. */
export function expectThat(condition: boolean, message: string): asserts condition {
  if (!condition) throw new ConformanceFailure(message)
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

/** The endpoint accepted the token. Every 2xx passes, because `answer/success-is-200` checks the exact status. */
export function expectAccepted(answer: Answer): void {
  expectThat(answer.status >= 200 && answer.status < 300, describeAnswer(answer))
}

/** The endpoint accepted the token with 200, the status of the standard (BCL 2.8). */
export function expectStatus200(answer: Answer, { accept204 }: Party): void {
  expectThat(answer.status === 200 || (accept204 && answer.status === 204), describeAnswer(answer))
}

/** The endpoint refused the token with 400, the status of the standard (BCL 2.8). */
export function expectStatus400(answer: Answer): void {
  expectThat(answer.status === 400, describeAnswer(answer))
}

/** The endpoint refused the request with any 4xx, or with 501, the status for a method that a server does not know. */
export function expectRefused(answer: Answer): void {
  expectThat((answer.status >= 400 && answer.status < 500) || answer.status === 501, describeAnswer(answer))
}

/** The session ended. Also passes if sessions cannot be observed. */
export async function expectEnded(visit: Visit, what = 'the session'): Promise<void> {
  expectThat((await visit.isLive()) !== true, `${what} is still live`)
}

/** The session did not end. Also passes if sessions cannot be observed. */
export async function expectLive(visit: Visit, what: string): Promise<void> {
  expectThat((await visit.isLive()) !== false, `${what} has ended`)
}
