import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { createBrowser, type ProviderSession, type TestProvider } from '@bcl/testing'
import { reasonOf } from '../network/reason-of.js'
import { sendAsWritten } from '../network/send-as-written.js'
import { waitFor } from '../network/wait-for.js'
import { describeProvider, serveProvider, type ServeOptions } from '../provider/serve-provider.js'
import { CommandError } from '../terminal/command-error.js'
import type { Channel, Output } from '../terminal/output.js'

export interface SendCommandOptions extends ServeOptions {
  sub?: string
  sid?: string
  claim?: object
  afterSignIn?: boolean
  /** The address that shows whether a browser is signed in. */
  me?: string
  login?: string
  cookie?: string[]
  /** Seconds to wait for the application to start. */
  wait: number
}

/**
 * Returns the sub and sid of the options. Without these options, returns the sub and sid of the session that signed in. Without a
 * session, the sub is "alice".
 */
function claimsFor({ sub, sid, claim }: SendCommandOptions, signedIn: ProviderSession | undefined): object {
  const isUnnamed = sub === undefined && sid === undefined && signedIn === undefined
  return {
    sub: sub ?? signedIn?.sub ?? (isUnnamed ? 'alice' : undefined),
    sid: sid ?? signedIn?.sid ?? undefined,
    ...claim,
  }
}

/** Posts a Logout Token and prints the answer. Returns the exit code. The exit code is 1 if the endpoint refused the token. */
async function postToken(url: string, provider: TestProvider, claims: object, out: Channel): Promise<number> {
  const token = await provider.op.logoutToken(claims)
  const body = new URLSearchParams({ logout_token: token })
  const request = { method: 'POST', body, redirect: 'manual', signal: AbortSignal.timeout(30_000) } as const
  const response = await fetch(url, request).catch((error: unknown) => {
    throw new CommandError(
      `Nothing answers at ${url} (${reasonOf(error)}).`,
      'Start your application and check its address.',
    )
  })
  const answer = await response.text()
  out.write(`${out.style(response.ok ? 'green' : 'red', String(response.status))} ${response.statusText}`)
  for (const name of ['cache-control', 'content-type', 'location', 'allow']) {
    const value = response.headers.get(name)
    if (value !== null) out.write(`${name}: ${value}`)
  }
  if (answer !== '') out.write(`\n${answer.slice(0, 4000)}`)
  return response.ok ? 0 : 1
}

/** On a terminal, waits for Enter, so that the user can look at the session before the logout. */
async function waitForEnter({ sub, sid }: ProviderSession, { write }: Channel): Promise<void> {
  write(`${sub} signed in${sid === null ? '' : `, with the sid ${sid}`}.`)
  if (!process.stdin.isTTY) return
  write('Press Enter to log this session out.')
  const lines = createInterface({ input: process.stdin })
  await once(lines, 'line')
  lines.close()
}

/** Reports whether a session ended. */
interface Observer {
  /** Returns the exit code: 1 if the session is still live. */
  report(): Promise<number>
  /** The session that signed in, if `bcl` signed it in. */
  session?: ProviderSession
}

/**
 * Observes a session with the cookies of the user. Without cookies, signs in at `/login` next to `me`. Fails if the session is
 * not live.
 */
async function observe(
  { me, login, cookie = [], sub, sid }: SendCommandOptions,
  provider: TestProvider,
  out: Channel,
): Promise<Observer | undefined> {
  if (me === undefined) return undefined
  const browser = createBrowser(sendAsWritten, provider)
  const session = cookie.length > 0 ? undefined : { sub: sub ?? 'alice', sid: sid ?? crypto.randomUUID() }
  for (const pair of cookie) browser.setCookie(`${pair}; Path=/`, me)
  if (session) {
    browser.setCookie(`${provider.createSession(session)}; Path=/`, provider.op.issuer)
    await browser.visit(login ?? new URL('/login', me).href)
  }
  const before = await browser.look(me)
  if (before !== 200) {
    const remedy = session
      ? 'Check that your application uses the settings above. Pass its sign-in address with --login.'
      : 'Copy the cookies of a browser that is signed in.'
    throw new CommandError(`${me} answers ${before} before the logout, so nobody is signed in.`, remedy)
  }
  return {
    ...(session && { session }),
    async report() {
      const after = await browser.look(me)
      out.write(
        after === 200
          ? `\nThe session is still live: ${me} answers 200.`
          : `\nThe session has ended: ${me} answers ${after}.`,
      )
      return after === 200 ? 1 : 0
    },
  }
}

/**
 * Starts a provider and posts one Logout Token. Returns the exit code. The exit code is 1 if the endpoint refused the token, or
 * if the session is still live.
 */
export async function send(url: string, options: SendCommandOptions, { out, notes }: Output): Promise<number> {
  let onSignIn: (session: ProviderSession) => void = () => {}
  const firstSignIn = new Promise<ProviderSession>((resolve) => (onSignIn = resolve))
  const served = await serveProvider({ ...options, onSignIn })
  const { provider, close } = served
  try {
    notes.write(describeProvider(served, url))
    if (options.afterSignIn) notes.write('Sign in at your application. The Logout Token will be for that session.')
    const session = options.afterSignIn ? await firstSignIn : undefined
    if (session) await waitForEnter(session, notes)
    await waitFor(url, options.wait, () => notes.write(`Waiting for ${url} ...`))
    const observer = await observe(options, provider, out)
    const claims = claimsFor(options, session ?? observer?.session)
    const code = await postToken(url, provider, claims, out)
    if (observer) return Math.max(code, await observer.report())
    if (code === 0) notes.write('\nThe answer does not prove that a session ended. To check that, pass --me.')
    return code
  } finally {
    await close()
  }
}
