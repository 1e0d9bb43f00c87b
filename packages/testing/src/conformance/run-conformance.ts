import { createBrowser, type FetchLike } from './relying-party/browser.js'
import type { ConformanceCase, ConformanceGrade } from './case.js'
import { selectConformanceCases } from './select-cases.js'
import { createParty, type Answer, type PartyOptions, type SignInContract } from './relying-party/party.js'
import type { TestProvider } from '../providers/test-provider.js'

/** Options of {@link runConformance}. */
export interface ConformanceOptions {
  /** The provider that the application trusts, by its issuer or by `provider.trusted`. */
  provider: TestProvider
  /** The address of the endpoint. */
  endpoint: string
  /** Where browsers sign in, to see what becomes of sessions. Left out, only answers are looked at. */
  signIn?: SignInContract | undefined
  /** The cases to run, by {@link selectConformanceCases}. @default all */
  only?: readonly string[] | undefined
  /** Let 204 pass for the 200 that it stands for. @default false */
  accept204?: boolean | undefined
  /** Seconds one answer may take. @default 10 */
  timeout?: number | undefined
  /**
   * Seconds to wait until somebody can sign in and a first good token is accepted: an application that holds the keys of an
   * earlier provider may look for new ones only now and then. @default 0
   */
  patience?: number | undefined
  /** Called once when that wait begins. */
  onWait?: (() => void) | undefined
  /** Called with each result as it comes. */
  onResult?: ((result: ConformanceResult) => void) | undefined
  /** Called with each case before it goes on: most have several parts, with others between them. */
  onProgress?: ((row: ConformanceCase) => void) | undefined
  /** Lets the clock of provider and application reach a later second. @default waits for it */
  nextSecond?: (() => Promise<void>) | undefined
}

/** What became of one case. */
export interface ConformanceResult extends Omit<ConformanceCase, 'acts'> {
  outcome: 'passed' | 'failed' | 'skipped'
  /** What came back, why it is not what was wanted, or why it was not tried. */
  got: string
  durationMs: number
}

interface Run {
  row: ConformanceCase
  acts: (() => Promise<void>)[]
  answers: Answer[]
  durationMs: number
}

async function laterSecond(): Promise<void> {
  const second = Math.floor(Date.now() / 1000)
  while (Math.floor(Date.now() / 1000) === second)
    await new Promise((resolve) => setTimeout(resolve, 1000 - (Date.now() % 1000)))
}

/** The statuses that came back, each once: `200, then 400`. */
const summaryOf = (answers: readonly Answer[]): string =>
  answers.length === 0 ? 'as wanted' : answers.map(({ status }) => status).join(', then ')

/** Gives the application a reason to fetch the provider's keys, where it does so, and time. */
async function warm(
  fetch: FetchLike,
  options: PartyOptions,
  { patience = 0, onWait }: ConformanceOptions,
): Promise<void> {
  const party = createParty(fetch, options)
  const deadline = performance.now() + patience * 1000
  // A sign-in that does not come as far as to need keys fails for another reason.
  let needsKeys = options.contract === undefined
  const isAccepted = async (): Promise<boolean> => {
    const visit = await party.signIn({ beforeAnswer: async () => void (needsKeys = true) })
    if ((await visit.isLive()) === false) return false
    const answer = await party.post(await party.logoutToken(visit))
    return answer.status >= 200 && answer.status < 300
  }
  for (let isFirst = true; !(await isAccepted().catch(() => false)); isFirst = false) {
    if (!needsKeys || performance.now() >= deadline) return
    if (isFirst) onWait?.()
    await new Promise((resolve) => setTimeout(resolve, 1000))
  }
}

/** Nobody can sign in where {@link ConformanceOptions.signIn} says. */
export class SignInError extends Error {
  override name = 'SignInError'
}

/** Has somebody sign in, so that what is said of sessions afterwards is not said of none. */
async function requireSignIn(fetch: FetchLike, options: PartyOptions, { me }: SignInContract): Promise<void> {
  try {
    await createParty(fetch, options).signIn()
    const status = await createBrowser(fetch, options.provider).look(me)
    if (status === 200) throw new Error(`${me} answers 200 to somebody who is not signed in`)
  } catch (error) {
    throw new SignInError(`nobody can sign in: ${(error as Error).message}`, { cause: error })
  }
}

/**
 * Runs the cases against an endpoint, and gives what became of each.
 *
 * A failing grade of `MUST` is a fault by the standard. Application and provider must share a clock.
 *
 * @param fetch Sends a request to the application: `fetch`, or what hands it to a handler. It must not follow redirects.
 * @throws {RangeError} when a name in `only` means no case.
 * @throws {SignInError} when `signIn` is given and nobody can sign in there.
 * @example
 * ```ts
 * import { createBackchannelLogout, MemoryStore } from '@bcl/core'
 * import { createTestProvider, runConformance } from '@bcl/testing'
 * import assert from 'node:assert/strict'
 * import test from 'node:test'
 *
 * test('the endpoint does all that a standard asks for', async () => {
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
  const { provider, endpoint, signIn, accept204 = false, timeout = 10, nextSecond = laterSecond } = options
  const { onResult, onProgress } = options
  const party: PartyOptions = { provider, endpoint, contract: signIn, accept204, timeout }
  const selected = selectConformanceCases(options.only)
  const results = new Map<ConformanceCase, ConformanceResult>()

  const settle = (row: ConformanceCase, outcome: ConformanceResult['outcome'], got: string, durationMs = 0): void => {
    const { acts: _, ...described } = row
    const result = { ...described, outcome, got, durationMs: Math.round(durationMs) }
    results.set(row, result)
    onResult?.(result)
  }

  await warm(fetch, party, options)
  if (signIn) await requireSignIn(fetch, party, signIn)

  const start = (row: ConformanceCase): Run => {
    const answers: Answer[] = []
    return { row, acts: row.acts(createParty(fetch, party, (answer) => answers.push(answer))), answers, durationMs: 0 }
  }

  /** Does the next act of a case; says whether there is one more. */
  const advance = async (run: Run): Promise<boolean> => {
    const startedAt = performance.now()
    onProgress?.(run.row)
    try {
      await run.acts.shift()!()
    } catch (error) {
      const durationMs = run.durationMs + performance.now() - startedAt
      // One that has fetched them before this run is not known for it until it does so again.
      const isElsewhere = run.row.needs === 'fetched keys' && !provider.keysWereFetched
      if (isElsewhere) settle(run.row, 'skipped', 'the application has its keys from elsewhere', durationMs)
      else settle(run.row, 'failed', (error as Error).message, durationMs)
      return false
    }
    run.durationMs += performance.now() - startedAt
    if (run.acts.length > 0) return true
    settle(run.row, 'passed', summaryOf(run.answers), run.durationMs)
    return false
  }

  // Group by group, one case at a time: the first acts of all cases, a second that passes, their second acts, and so on.
  for (const group of new Set(selected.map((row) => row.group))) {
    let runs: Run[] = []
    for (const row of selected.filter((one) => one.group === group)) {
      if (row.needs === 'sign-in' && !signIn) settle(row, 'skipped', 'no way to sign in was given')
      else runs.push(start(row))
    }
    while (runs.length > 0) {
      const going: Run[] = []
      for (const run of runs) if (await advance(run)) going.push(run)
      runs = going
      // Without sign-ins there is nothing that a token must be later than, and no later group that it could hit.
      if (signIn) await nextSecond()
    }
  }
  return selected.map((row) => results.get(row)!)
}

/** How many passed and failed, by grade. */
export function sumUp(
  results: readonly ConformanceResult[],
): Record<ConformanceGrade, Record<ConformanceResult['outcome'], number>> {
  const count = (grade: ConformanceGrade) => {
    const outcomes = results.filter((result) => result.grade === grade).map(({ outcome }) => outcome)
    const of = (wanted: ConformanceResult['outcome']): number => outcomes.filter((one) => one === wanted).length
    return { passed: of('passed'), failed: of('failed'), skipped: of('skipped') }
  }
  return { MUST: count('MUST'), hardening: count('hardening'), interoperability: count('interoperability') }
}
