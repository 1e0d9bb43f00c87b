import { createBrowser, type FetchLike } from './relying-party/browser.js'
import { ConformanceSkip } from './relying-party/expectations.js'
import {
  createParty,
  type Answer,
  type ExistingSession,
  type Party,
  type PartyOptions,
  type SignInContract,
  type Visit,
} from './relying-party/party.js'

/** The error if a sign-in at the addresses of `signIn` fails, or if the existing session is not live. */
export class SignInError extends Error {
  override name = 'SignInError'
}

/**
 * The error if the endpoint answers a valid token with 5xx or not at all. Then the results of the cases would mean nothing.
 */
export class EndpointError extends Error {
  override name = 'EndpointError'
}

/**
 * Signs in once before the cases run. So a broken sign-in is reported once, and not for each session case.
 *
 * @throws {SignInError} if nobody can sign in, or if `me` answers 200 to a browser that is not signed in.
 */
export async function requireSignIn(fetch: FetchLike, options: PartyOptions, { me }: SignInContract): Promise<void> {
  try {
    await createParty(fetch, options).signIn()
    await requireClosed(fetch, options, me)
  } catch (error) {
    throw new SignInError(`nobody can sign in: ${(error as Error).message}`, { cause: error })
  }
}

/** Fails if `me` answers 200 to everybody. */
async function requireClosed(fetch: FetchLike, { provider }: PartyOptions, me: string): Promise<void> {
  const status = await createBrowser(fetch, provider).look(me)
  if (status === 200) throw new Error(`${me} answers 200 to a browser that is not signed in`)
}

/**
 * Checks that the existing session is live.
 *
 * @throws {SignInError} if the session is not live, or if `me` answers 200 to a browser that is not signed in.
 */
export async function requireSession(
  fetch: FetchLike,
  options: PartyOptions,
  existing: ExistingSession,
): Promise<void> {
  try {
    await createParty(fetch, { ...options, existing }).signIn()
    await requireClosed(fetch, options, existing.me)
  } catch (error) {
    const isSignedOut = error instanceof ConformanceSkip
    const reason = isSignedOut ? `${existing.me} does not answer 200 with the cookies` : (error as Error).message
    throw new SignInError(`nobody is signed in: ${reason}`, { cause: error })
  }
}

/** Sends the simplest valid token for a visit. */
const sendGoodToken = async (party: Party, visit: Visit): Promise<Answer> =>
  party.transmitter
    ? party.push(
        await party.transmitter.set({ sub_id: { format: 'iss_sub', iss: party.transmitter.issuer, sub: visit.sub } }),
      )
    : party.post(await party.logoutToken(visit))

/**
 * Waits until the application accepts a valid token, for at most `patience` seconds. If an application still has the
 * keys of an earlier provider, it accepts no token until it fetches the keys again.
 *
 * @throws {EndpointError} if the endpoint still answers a valid token with 5xx at the end, or does not answer in time.
 */
export async function waitUntilTokensAreAccepted(
  fetch: FetchLike,
  options: PartyOptions,
  { patience = 0, onWait }: { patience?: number | undefined; onWait?: (() => void) | undefined },
): Promise<void> {
  const party = createParty(fetch, options)
  const deadline = performance.now() + patience * 1000
  // If a sign-in fails before the application gets an ID Token, the cause is not the keys. Then waiting does not help.
  let mayLackKeys = options.contract === undefined
  let failure: string | undefined
  const isAccepted = async (): Promise<boolean> => {
    failure = undefined
    const visit = await party.signIn({ beforeAnswer: async () => void (mayLackKeys = true) })
    if ((await visit.isLive()) === false) return false
    const answer = await sendGoodToken(party, visit).catch((error: Error) => {
      throw new EndpointError(`the endpoint does not answer a valid token: ${error.message}`, { cause: error })
    })
    if (answer.status >= 500) failure = `the endpoint answers a valid token with ${answer.status}`
    return answer.status >= 200 && answer.status < 300
  }
  const isNoEndpointError = (error: unknown): boolean => {
    if (error instanceof EndpointError) throw error
    return false
  }
  for (let isFirst = true; !(await isAccepted().catch(isNoEndpointError)); isFirst = false) {
    if (!mayLackKeys || performance.now() >= deadline) {
      if (failure !== undefined) throw new EndpointError(failure)
      return
    }
    if (isFirst) onWait?.()
    await new Promise((resolve) => setTimeout(resolve, 1000))
  }
}
