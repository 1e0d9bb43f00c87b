import { createBrowser, type Browser, type FetchLike } from './browser.js'
import { randomName, type TestProvider } from '../../providers/test-provider.js'
import type { CaseRequest } from '../../requests/request-cases.js'
import type { TestIssuer } from '../../providers/test-issuer.js'

/** Where a browser signs in at the application under test, and sees whether it still is. */
export interface SignInContract {
  /** Leads to the provider, and back, by redirects. */
  login: string
  /** Answers 200 to a browser that is signed in, and 401, 403 or a redirect to any other. */
  me: string
}

/** An answer of the endpoint. */
export interface Answer {
  status: number
  headers: Headers
  body: string
  durationMs: number
}

/** What to sign in with. */
export interface SignInOptions {
  /** @default somebody new */
  sub?: string | undefined
  /** Null for an ID Token without one. @default a new one */
  sid?: string | null | undefined
  /** Signs in again in the browser of an earlier visit. */
  again?: Visit | undefined
  /** Awaited between the making of the ID Token and its delivery. */
  beforeAnswer?: (() => Promise<unknown>) | undefined
}

/** A browser that signed in. Where the application has no sign-in that is known, it did not, and nothing is seen. */
export interface Visit {
  readonly sub: string
  readonly sid: string | null
  readonly browser: Browser
  /** Undefined where it cannot be seen. */
  isLive(): Promise<boolean | undefined>
  /** The same with the cookies of now, for somebody who keeps them. */
  kept(): Visit
}

/** The application under test. */
export interface Party {
  readonly provider: TestProvider
  /** Whether browsers can sign in. */
  readonly signsIn: boolean
  /** Whether 204 counts as the 200 that it stands for. */
  readonly accept204: boolean
  send(request: CaseRequest): Promise<Answer>
  /** Posts a token, as providers do. */
  post(token: string, headers?: Record<string, string>): Promise<Answer>
  signIn(options?: SignInOptions): Promise<Visit>
  /** A Logout Token for a visit. */
  logoutToken(visit: Visit, claims?: object, header?: object): Promise<string>
  /** The provider's tokens, for a visit where nothing else is said. */
  opFor(visit: Pick<Visit, 'sub' | 'sid'>): TestIssuer
}

export interface PartyOptions {
  provider: TestProvider
  endpoint: string
  contract?: SignInContract | undefined
  accept204: boolean
  /** Seconds an answer may take. */
  timeout: number
}

const formType = 'application/x-www-form-urlencoded'

/** What a case reports: what was wanted and did not come. */
class Fault extends Error {}

export function want(condition: boolean, problem: string): asserts condition {
  if (!condition) throw new Fault(problem)
}

/** Appends the query of a case to an address that may have one already. */
function withQuery(endpoint: string, query = ''): string {
  const url = new URL(endpoint)
  for (const [name, value] of new URLSearchParams(query)) url.searchParams.append(name, value)
  return url.href
}

/** Makes the application under test reachable; `heard` gets each answer of the endpoint. */
export function createParty(
  fetch: FetchLike,
  options: PartyOptions,
  heard: (answer: Answer) => void = () => {},
): Party {
  const { provider, endpoint, contract, timeout } = options

  const bounded: FetchLike = async (url, init) => {
    const signal = AbortSignal.timeout(timeout * 1000)
    try {
      return await fetch(url, { ...init, signal })
    } catch (error) {
      const why = signal.aborted ? `no answer within ${timeout} s` : `no answer: ${reasonOf(error)}`
      throw new Fault(`${init.method} ${url}: ${why}`, { cause: error })
    }
  }

  const send: Party['send'] = async ({ query, ...request }) => {
    const startedAt = performance.now()
    const response = await bounded(withQuery(endpoint, query), { ...request, redirect: 'manual' })
    const body = await response.text()
    const answer = {
      status: response.status,
      headers: response.headers,
      body,
      durationMs: performance.now() - startedAt,
    }
    heard(answer)
    return answer
  }

  const opFor: Party['opFor'] = ({ sub, sid }) => ({
    ...provider.op,
    logoutToken: (claims, header) => provider.op.logoutToken({ sub, sid: sid ?? undefined, ...claims }, { ...header }),
  })

  const toVisit = (session: Pick<Visit, 'sub' | 'sid'>, browser: Browser): Visit => ({
    ...session,
    browser,
    async isLive() {
      if (!contract) return undefined
      const status = await browser.look(contract.me)
      if (status === 200) return true
      want((status >= 300 && status < 400) || status === 401 || status === 403, `${contract.me} answered ${status}`)
      return false
    },
    kept: () => toVisit(session, browser.copy()),
  })

  const signIn: Party['signIn'] = async ({ sub, sid, again, beforeAnswer } = {}) => {
    const session = { sub: sub ?? again?.sub ?? `user-${randomName()}`, sid: sid === undefined ? randomName() : sid }
    const browser = again?.browser ?? createBrowser(bounded, provider)
    const visit = toVisit(session, browser)
    if (!contract) return visit
    const base = `${provider.op.issuer.replace(/\/$/, '')}/`
    browser.setCookie(`${provider.createSession({ ...session, beforeAnswer })}; Path=${new URL(base).pathname}`, base)
    const page = await browser.visit(contract.login)
    // A case that meddles with the sign-in looks for itself.
    if (!beforeAnswer && !(await visit.isLive())) {
      throw new Fault(`signing in at ${contract.login} ended at ${page.url}, answered ${page.status}, signed out`)
    }
    return visit
  }

  return {
    provider,
    signsIn: contract !== undefined,
    accept204: options.accept204,
    send,
    post: (token, headers) =>
      send({
        method: 'POST',
        headers: { 'content-type': formType, ...headers },
        body: `logout_token=${encodeURIComponent(token)}`,
      }),
    signIn,
    logoutToken: (visit, claims, header) => opFor(visit).logoutToken(claims, header),
    opFor,
  }
}

function reasonOf(error: unknown): string {
  const { message, cause } = error as Error
  return cause instanceof Error && cause.message ? cause.message : message
}

/** The beginning of a body on one line, without what a terminal would obey. */
const shorten = (body: string): string =>
  body
    .replaceAll(/[\s\p{Cc}\p{Cf}]+/gu, ' ')
    .trim()
    .slice(0, 200)

/** An answer in a line. */
export function sayAnswer({ status, headers, body }: Answer): string {
  const location = headers.get('location')
  return [`answered ${status}`, location && `to ${location}`, shorten(body)].filter(Boolean).join(' ')
}

/** The endpoint took the token. Which 2xx it says so by is a case of its own. */
export function wantAccepted(answer: Answer): void {
  want(answer.status >= 200 && answer.status < 300, sayAnswer(answer))
}

/** The endpoint took the token, and said so by the status that the standard asks for. */
export function wantSuccess(answer: Answer, { accept204 }: Party): void {
  want(answer.status === 200 || (accept204 && answer.status === 204), sayAnswer(answer))
}

/** The endpoint refused the token as the standard has it. */
export function wantRefusedBy400(answer: Answer): void {
  want(answer.status === 400, sayAnswer(answer))
}

/** The endpoint refused, by whichever status of the client's fault. 501 is for methods it has never heard of. */
export function wantRefused(answer: Answer): void {
  want((answer.status >= 400 && answer.status < 500) || answer.status === 501, sayAnswer(answer))
}

export async function wantEnded(visit: Visit, what = 'the session'): Promise<void> {
  want((await visit.isLive()) !== true, `${what} lives on`)
}

export async function wantLive(visit: Visit, what: string): Promise<void> {
  want((await visit.isLive()) !== false, `${what} has ended`)
}
