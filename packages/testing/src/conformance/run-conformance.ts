import type { TestProvider } from '../providers/test-provider.js'
import type { Act, ConformanceCase } from './case.js'
import { requireSession, requireSignIn, waitUntilTokensAreAccepted } from './prepare.js'
import type { FetchLike } from './relying-party/browser.js'
import { ConformanceFailure, ConformanceSkip } from './relying-party/expectations.js'
import {
  createParty,
  type Answer,
  type ExistingSession,
  type PartyOptions,
  type SecurityEventTarget,
  type SignInContract,
} from './relying-party/party.js'
import type { ConformanceResult } from './result.js'
import { plainest, securityEventConformanceCases, selectConformanceCases } from './select-cases.js'

/** Options of {@link runConformance}. */
export interface ConformanceOptions {
  /** The provider that the application trusts. Configure the application with its issuer or with `provider.trusted`. */
  provider: TestProvider
  /** The address of the back-channel logout endpoint. */
  endpoint: string
  /** The sign-in addresses. Without them, the session cases are skipped, and the other cases check only the answers. */
  signIn?: SignInContract | undefined
  /**
   * An existing session. Set it if browsers cannot sign in during the run. The cases about wrong tokens and requests
   * check that this session stays live. `accept/sub-and-sid` runs last and checks that the session ends. The cases that
   * need new sign-ins are skipped, and all other cases check only the answers. Do not set both `session` and `signIn`.
   */
  session?: ExistingSession | undefined
  /**
   * Set it if the endpoint receives pushes of Security Event Tokens, and no Logout Tokens. Then the cases are {@link
   * securityEventConformanceCases}.
   */
  securityEvents?: SecurityEventTarget | undefined
  /** Names of the cases to run, as for {@link selectConformanceCases}. @default all cases */
  only?: readonly string[] | undefined
  /**
   * True if the client is registered with `backchannel_logout_session_required`. Then a provider sends no tokens
   * without a `sid` to the client, and the cases about tokens without a `sid` are skipped. @default false
   */
  requireSid?: boolean | undefined
  /** True if the answer 204 counts as 200. @default false */
  accept204?: boolean | undefined
  /** The time-out for one answer, in seconds. @default 10 */
  timeout?: number | undefined
  /**
   * Seconds to wait until the application accepts the first valid token. An application that still has the keys of an earlier
   * provider may need some time to fetch the keys again. @default 0
   */
  patience?: number | undefined
  /** Called once if the runner must wait for the first valid token. */
  onWait?: (() => void) | undefined
  /** Called with each result as soon as it is known. */
  onResult?: ((result: ConformanceResult) => void) | undefined
  /** Called before each step of a case. Most cases have several steps. Steps of other cases run in between. */
  onProgress?: ((conformanceCase: ConformanceCase) => void) | undefined
  /** Moves the clock of the provider and the application to a later second. @default waits for the next second */
  nextSecond?: (() => Promise<void>) | undefined
}

/** A case in progress. */
interface Run {
  conformanceCase: ConformanceCase
  /** The remaining steps. */
  acts: Act[]
  answers: Answer[]
  durationMs: number
}

async function waitForNextSecond(): Promise<void> {
  const second = Math.floor(Date.now() / 1000)
  while (Math.floor(Date.now() / 1000) === second)
    await new Promise((resolve) => setTimeout(resolve, 1000 - (Date.now() % 1000)))
}

/** Returns the fault of a failed case, and the property that this failure shares with other failures. */
function describeFailure(error: unknown, answers: readonly Answer[]): Pick<ConformanceResult, 'fault' | 'cause'> {
  if (!(error instanceof ConformanceFailure)) return { fault: 'other' }
  const { fault, about } = error
  const names = answers.at(-1)?.names
  // An application may ignore or refuse every token that names only a user or only a session.
  const isAboutNames = (fault === 'refused' || fault === 'not ended') && names !== undefined && names !== 'sub and sid'
  const cause = isAboutNames ? `tokens with ${names}` : about
  return { fault, ...(cause !== undefined && { cause }) }
}

/** Lists the statuses of the answers: `200, then 400`. */
const summaryOf = (answers: readonly Answer[]): string =>
  answers.length === 0 ? 'as wanted' : answers.map(({ status }) => status).join(', then ')

/**
 * Runs the conformance cases against a back-channel logout endpoint, or against a receiver of Security Event Tokens.
 *
 * If a case with the grade `MUST` fails, the endpoint breaks a standard. The application and the provider must use the same clock.
 *
 * @param fetch Sends a request to the application: `fetch`, or a function that calls a handler. It must not follow redirects.
 * @returns One result for each case, in the order of the cases.
 * @throws {RangeError} if a name in `only` matches no case.
 * @throws {EndpointError} if the endpoint answers a valid token with 5xx or not at all.
 * @throws {SignInError} if `signIn` is given and nobody can sign in there, or if the session in `session` is not live.
 * @throws {TypeError} if both `signIn` and `session` are given.
 * @example
 * ```ts
 * import { createBackchannelLogout, MemoryStore } from '@bcl/core'
 * import { createTestProvider, runConformance } from '@bcl/testing'
 * import assert from 'node:assert/strict'
 * import test from 'node:test'
 *
 * test('the endpoint passes all conformance cases', async () => {
 *   const provider = await createTestProvider()
 *   const logout = createBackchannelLogout({
 *     issuers: [provider.trusted],
 *     sessionMaxAge: 3600,
 *     store: new MemoryStore(),
 *   })
 *   const results = await runConformance((url, init) => logout.handle(new Request(url, init)), {
 *     provider,
 *     endpoint: 'https://app.example.com/backchannel-logout',
 *   })
 *   assert.deepEqual(results.filter(({ outcome }) => outcome === 'failed'), [])
 * })
 * ```
 */
export async function runConformance(fetch: FetchLike, options: ConformanceOptions): Promise<ConformanceResult[]> {
  const {
    provider,
    endpoint,
    signIn,
    session,
    securityEvents,
    requireSid = false,
    accept204 = false,
    timeout = 10,
    nextSecond = waitForNextSecond,
  } = options
  const { onResult, onProgress } = options
  if (signIn && session) throw new TypeError('pass signIn or session, not both')
  const partyOptions: PartyOptions = { provider, endpoint, contract: signIn, securityEvents, accept204, timeout }
  const selected = selectConformanceCases(options.only, securityEvents && securityEventConformanceCases)
  const results = new Map<ConformanceCase, ConformanceResult>()

  /** Tells whether the case uses the existing session. Only the case `plainest` ends the session. */
  const usesSession = ({ id, wantsOfSession }: ConformanceCase): boolean =>
    session !== undefined && (wantsOfSession === 'the session is live' || id === plainest)

  const finish = (
    conformanceCase: ConformanceCase,
    outcome: ConformanceResult['outcome'],
    got: string,
    durationMs = 0,
    failure?: Pick<ConformanceResult, 'fault' | 'cause'>,
  ): void => {
    const { acts: _, wantsOfSession, namesOnlyTheUser: _names, ...described } = conformanceCase
    const isObserved = signIn !== undefined || usesSession(conformanceCase)
    const wants = isObserved && wantsOfSession ? `${described.wants}; and ${wantsOfSession}` : described.wants
    const result = { ...described, wants, outcome, got, durationMs: Math.round(durationMs), ...failure }
    results.set(conformanceCase, result)
    onResult?.(result)
  }

  await waitUntilTokensAreAccepted(fetch, partyOptions, options)
  if (signIn) await requireSignIn(fetch, partyOptions, signIn)
  if (session) await requireSession(fetch, partyOptions, session)

  const start = (conformanceCase: ConformanceCase): Run => {
    const answers: Answer[] = []
    const existing = usesSession(conformanceCase) ? session : undefined
    const party = createParty(fetch, { ...partyOptions, existing }, (answer) => answers.push(answer))
    return { conformanceCase, acts: conformanceCase.acts(party), answers, durationMs: 0 }
  }

  /** Runs the next step of a case. Returns true if the case has another step. */
  const runStep = async (run: Run): Promise<boolean> => {
    const startedAt = performance.now()
    onProgress?.(run.conformanceCase)
    try {
      await run.acts.shift()!()
    } catch (error) {
      const durationMs = run.durationMs + performance.now() - startedAt
      // Also true if the application fetched the keys before this run, and has not fetched them during this run.
      const neverFetchedKeys = run.conformanceCase.needs === 'fetched keys' && !provider.keysWereFetched
      const { message } = error as Error
      if (neverFetchedKeys)
        finish(run.conformanceCase, 'skipped', 'the application does not fetch the keys of the provider', durationMs)
      else if (error instanceof ConformanceSkip) finish(run.conformanceCase, 'skipped', message, durationMs)
      else finish(run.conformanceCase, 'failed', message, durationMs, describeFailure(error, run.answers))
      return false
    }
    run.durationMs += performance.now() - startedAt
    if (run.acts.length > 0) return true
    finish(run.conformanceCase, 'passed', summaryOf(run.answers), run.durationMs)
    return false
  }

  // The cases of one batch run at the same time. The cases about refused tokens are a batch of their own. So if a valid token ends
  // too many sessions, these cases still pass, and only the cases about sessions fail. With an existing session, each case is a
  // batch of its own, and the case that ends the session comes last.
  const isAboutRefusals = ({ group }: ConformanceCase): boolean => group === 'refuse'
  const batches = session
    ? selected.toSorted((one, other) => Number(one.id === plainest) - Number(other.id === plainest)).map((one) => [one])
    : [selected.filter((one) => !isAboutRefusals(one)), selected.filter(isAboutRefusals)]

  // In a batch, runs the first step of each case and waits for the next second. Then runs the second step of each case, and so
  // on. So all cases of the batch share the wait.
  for (const batch of batches) {
    let runs: Run[] = []
    for (const conformanceCase of batch) {
      if (conformanceCase.needs === 'sign-in' && !signIn) {
        const reason = session
          ? 'this case needs new sign-ins, and only an existing session was given'
          : 'no sign-in addresses were given'
        finish(conformanceCase, 'skipped', reason)
      } else if (conformanceCase.namesOnlyTheUser && requireSid)
        finish(conformanceCase, 'skipped', 'the client requires a sid, so no provider sends it such a token')
      else runs.push(start(conformanceCase))
    }
    while (runs.length > 0) {
      const unfinished: Run[] = []
      for (const run of runs) if (await runStep(run)) unfinished.push(run)
      runs = unfinished
      // Without sign-ins, no session begins during the run. So no step has to wait for a later second.
      if (signIn && runs.length > 0) await nextSecond()
    }
  }
  return selected.map((conformanceCase) => results.get(conformanceCase)!)
}
