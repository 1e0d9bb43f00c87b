import type { TestIssuer } from '../../providers/test-issuer.js'
import type { TestProvider } from '../../providers/test-provider.js'
import { randomId } from '../../random-id.js'
import type { CaseRequest } from '../../requests/request-cases.js'
import type { TestTransmitter } from '../../security-events/test-transmitter.js'
import { decodePayload } from '../../tokens/compact-jws.js'
import { createBrowser, type Browser, type FetchLike } from './browser.js'
import { ConformanceFailure, ConformanceSkip, expectThat } from './expectations.js'

/** The addresses of the application under test for sign-in, and for the check whether a browser is signed in. */
export interface SignInContract {
  /** The address that redirects a browser to the provider and back. */
  login: string
  /** The address that answers 200 to a signed-in browser, and 401, 403 or a redirect to any other browser. */
  me: string
  /**
   * Signs in with another browser, for a sign-in that does not use redirects. Gets `login`. Returns the cookies of the
   * application, each as `name=value`. @default follows redirects and forms that submit themselves
   */
  run?: ((login: string) => Promise<readonly string[]>) | undefined
}

/** A session of the application under test that exists before the cases run. */
export interface ExistingSession {
  /** The address that answers 200 to a signed-in browser, and 401, 403 or a redirect to any other browser. */
  me: string
  /** The cookies of the session, each as `name=value`. */
  cookies: readonly string[]
  /** The `sub` in the ID Token of the session. */
  sub: string
  /** The `sid` in the ID Token of the session. @default the ID Token has no sid */
  sid?: string | undefined
}

/** An answer of the endpoint. */
export interface Answer {
  status: number
  headers: Headers
  body: string
  /** The time from the request to the end of the body, in milliseconds. */
  durationMs: number
  /**
   * Says which of `sub` and `sid` the Logout Token in the request has, for example `sub and no sid`. Not set if the
   * request had no token.
   */
  names?: string | undefined
}

/** Options of `Party.signIn`. */
export interface SignInOptions {
  /** The user. @default a new user */
  sub?: string | undefined
  /** The sid in the ID Token. With `null`, the ID Token has no sid. @default a new sid */
  sid?: string | null | undefined
  /** An earlier visit. The new sign-in uses the same browser. */
  again?: Visit | undefined
  /**
   * Called after the ID Token was made. The application receives the ID Token only after the returned promise has
   * resolved.
   */
  beforeAnswer?: (() => Promise<unknown>) | undefined
}

/**
 * A browser whose user is signed in at the application under test. Without a {@link SignInContract}, nobody signs in,
 * and the session cannot be observed.
 */
export interface Visit {
  readonly sub: string
  readonly sid: string | null
  readonly browser: Browser
  /** Returns whether the session is live, or `undefined` if it cannot be observed. */
  isLive(): Promise<boolean | undefined>
  /** Returns a visit in another browser, with a copy of the current cookies. */
  kept(): Visit
}

/** The receiver of Security Event Tokens of an application under test. */
export interface SecurityEventTarget {
  /** The transmitter that the receiver trusts. It must have the issuer and the key of the provider. */
  transmitter: TestTransmitter
  /** The value of the `Authorization` header that the receiver requires. */
  authorization: string
}

/** The application under test. */
export interface Party {
  readonly provider: TestProvider
  /** The transmitter, if the endpoint receives Security Event Tokens. */
  readonly transmitter: TestTransmitter | undefined
  /** True if browsers can sign in. */
  readonly signsIn: boolean
  /** True if the answer 204 counts as 200. */
  readonly accept204: boolean
  /** Sends a request to the endpoint. */
  send(request: CaseRequest): Promise<Answer>
  /** Posts a Logout Token to the endpoint, as a provider does. */
  post(token: string, headers?: Record<string, string>): Promise<Answer>
  /** Pushes a Security Event Token to the endpoint. `change` replaces parts of the request. */
  push(token: string, change?: Partial<CaseRequest>): Promise<Answer>
  /** Signs in with a browser. Rejects if nobody is signed in afterwards, unless `beforeAnswer` is set. */
  signIn(options?: SignInOptions): Promise<Visit>
  /** Signs a Logout Token for a visit. */
  logoutToken(visit: Visit, claims?: object, header?: object): Promise<string>
  /** Returns the provider. By default, its Logout Tokens have the `sub` and `sid` of a visit. */
  opFor(visit: Pick<Visit, 'sub' | 'sid'>): TestIssuer
}

export interface PartyOptions {
  provider: TestProvider
  endpoint: string
  contract?: SignInContract | undefined
  /** An existing session. Each visit uses it instead of a new sign-in. */
  existing?: ExistingSession | undefined
  securityEvents?: SecurityEventTarget | undefined
  accept204: boolean
  /** The time-out for one answer, in seconds. */
  timeout: number
}

const formType = 'application/x-www-form-urlencoded'

function reasonOf(error: unknown): string {
  const { message, cause } = error as Error
  return cause instanceof Error && cause.message ? cause.message : message
}

const withTimeout =
  (fetch: FetchLike, seconds: number): FetchLike =>
  async (url, init) => {
    const signal = AbortSignal.timeout(seconds * 1000)
    try {
      return await fetch(url, { ...init, signal })
    } catch (error) {
      const reason = signal.aborted ? `no answer within ${seconds} s` : `no answer: ${reasonOf(error)}`
      throw new ConformanceFailure(`${init.method} ${url}: ${reason}`, { cause: error })
    }
  }

/** Appends a query string to an address. The address may already have a query string. */
function withQuery(endpoint: string, query = ''): string {
  const url = new URL(endpoint)
  for (const [name, value] of new URLSearchParams(query)) url.searchParams.append(name, value)
  return url.href
}

/** Describes one claim of a token. Returns `undefined` if its value is neither text nor null. */
function describeName(claims: Record<string, unknown>, name: string): string | undefined {
  const value = claims[name]
  if (value === undefined) return `no ${name}`
  if (value === null) return `a ${name} that is null`
  return typeof value === 'string' ? name : undefined
}

/** Describes which of `sub` and `sid` the Logout Token in a form has. A claim that is null is not the same as no claim. */
function namesIn(body: string | undefined): string | undefined {
  const token = new URLSearchParams(body).get('logout_token')
  try {
    const claims = decodePayload(token ?? '') as Record<string, unknown>
    const [sub, sid] = [describeName(claims, 'sub'), describeName(claims, 'sid')]
    if (sub === undefined || sid === undefined || (sub !== 'sub' && sid !== 'sid')) return undefined
    return sub === 'sub' ? `sub and ${sid}` : `sid and ${sub}`
  } catch {
    return undefined
  }
}

/** Creates a client for the application under test. The client calls `onAnswer` with each answer of the endpoint. */
export function createParty(
  fetch: FetchLike,
  { provider, endpoint, contract, existing, securityEvents, accept204, timeout }: PartyOptions,
  onAnswer: (answer: Answer) => void = () => {},
): Party {
  const fetchInTime = withTimeout(fetch, timeout)
  const me = contract?.me ?? existing?.me

  const send: Party['send'] = async ({ query, ...request }) => {
    const startedAt = performance.now()
    const response = await fetchInTime(withQuery(endpoint, query), { ...request, redirect: 'manual' })
    const { status, headers } = response
    const body = await response.text()
    const answer = { status, headers, body, durationMs: performance.now() - startedAt, names: namesIn(request.body) }
    onAnswer(answer)
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
      if (me === undefined) return undefined
      const status = await browser.look(me)
      if (status === 200) return true
      const isSignedOut = (status >= 300 && status < 400) || status === 401 || status === 403
      expectThat(isSignedOut, `${me} answered ${status}`)
      return false
    },
    kept: () => toVisit(session, browser.copy()),
  })

  const visitExisting = async ({ cookies, sub, sid }: ExistingSession): Promise<Visit> => {
    const browser = createBrowser(fetchInTime, provider)
    for (const cookie of cookies) browser.setCookie(`${cookie}; Path=/`, me!)
    const visit = toVisit({ sub, sid: sid ?? null }, browser)
    if (!(await visit.isLive())) throw new ConformanceSkip('the existing session has ended')
    return visit
  }

  const signIn: Party['signIn'] = async ({ sub, sid, again, beforeAnswer } = {}) => {
    if (existing) return visitExisting(existing)
    const session = { sub: sub ?? again?.sub ?? `user-${randomId()}`, sid: sid === undefined ? randomId() : sid }
    const browser = again?.browser ?? createBrowser(fetchInTime, provider)
    const visit = toVisit(session, browser)
    if (!contract) return visit
    const providerSession = { ...session, beforeAnswer }
    let page: string
    if (contract.run) {
      provider.signInNext(providerSession)
      const cookies = await contract.run(contract.login)
      for (const cookie of cookies) browser.setCookie(`${cookie}; Path=/`, contract.me)
      page = `with ${cookies.length} cookies`
    } else {
      const base = `${provider.op.issuer.replace(/\/$/, '')}/`
      browser.setCookie(`${provider.createSession(providerSession)}; Path=${new URL(base).pathname}`, base)
      const { url, status } = await browser.visit(contract.login)
      page = `at ${url}, which answered ${status}`
    }
    // A case with `beforeAnswer` changes the sign-in, so the case itself checks the session.
    if (!beforeAnswer && !(await visit.isLive())) {
      throw new ConformanceFailure(`the sign-in at ${contract.login} ended ${page}, and nobody is signed in`)
    }
    return visit
  }

  return {
    provider,
    transmitter: securityEvents?.transmitter,
    signsIn: contract !== undefined,
    accept204,
    send,
    post: (token, headers) =>
      send({
        method: 'POST',
        headers: { 'content-type': formType, ...headers },
        body: `logout_token=${encodeURIComponent(token)}`,
      }),
    push: (token, { method = 'POST', headers, ...change } = {}) =>
      send({
        method,
        headers: {
          'content-type': 'application/secevent+jwt',
          accept: 'application/json',
          authorization: securityEvents?.authorization ?? '',
          ...headers,
        },
        ...(method === 'POST' && { body: token }),
        ...change,
      }),
    signIn,
    logoutToken: (visit, claims, header) => opFor(visit).logoutToken(claims, header),
    opFor,
  }
}
