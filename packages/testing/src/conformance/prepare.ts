import { createBrowser, type FetchLike } from './relying-party/browser.js'
import { createParty, type PartyOptions, type SignInContract } from './relying-party/party.js'

/** Nobody can sign in at the addresses of `signIn`. */
export class SignInError extends Error {
  override name = 'SignInError'
}

/**
 * Signs in once, so that a broken sign-in is one error and not the failure of every case about sessions.
 *
 * @throws {SignInError} if nobody can sign in, or if `me` answers 200 to a browser that is not signed in.
 */
export async function requireSignIn(fetch: FetchLike, options: PartyOptions, { me }: SignInContract): Promise<void> {
  try {
    await createParty(fetch, options).signIn()
    const status = await createBrowser(fetch, options.provider).look(me)
    if (status === 200) throw new Error(`${me} answers 200 to a browser that is not signed in`)
  } catch (error) {
    throw new SignInError(`nobody can sign in: ${(error as Error).message}`, { cause: error })
  }
}

/**
 * Waits until the application accepts a good token, for at most `patience` seconds. An application that still has the keys of an
 * earlier provider accepts no token before it fetches the keys again.
 */
export async function waitUntilTokensAreAccepted(
  fetch: FetchLike,
  options: PartyOptions,
  { patience = 0, onWait }: { patience?: number | undefined; onWait?: (() => void) | undefined },
): Promise<void> {
  const party = createParty(fetch, options)
  const deadline = performance.now() + patience * 1000
  // If a sign-in fails before the application gets an ID Token, the keys are not the cause, and waiting does not help.
  let mayLackKeys = options.contract === undefined
  const isAccepted = async (): Promise<boolean> => {
    const visit = await party.signIn({ beforeAnswer: async () => void (mayLackKeys = true) })
    if ((await visit.isLive()) === false) return false
    const answer = await party.post(await party.logoutToken(visit))
    return answer.status >= 200 && answer.status < 300
  }
  for (let isFirst = true; !(await isAccepted().catch(() => false)); isFirst = false) {
    if (!mayLackKeys || performance.now() >= deadline) return
    if (isFirst) onWait?.()
    await new Promise((resolve) => setTimeout(resolve, 1000))
  }
}
