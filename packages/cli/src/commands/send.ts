import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { createBrowser, type ProviderSession, type TestProvider } from '@bcl/testing'
import { readAnswer } from '../network/read-answer.js'
import { reasonOf } from '../network/reason-of.js'
import { sendAsWritten } from '../network/send-as-written.js'
import { waitFor } from '../network/wait-for.js'
import { describeProvider, serveProvider, type ServeOptions } from '../provider/serve-provider.js'
import { effectOf, eventNames, eventTypeOf } from '../security-events/event-types.js'
import {
  describeTransmitter,
  pushOf,
  serveTransmitter,
  type TransmitterOptions,
} from '../security-events/serve-transmitter.js'
import { CommandError } from '../terminal/command-error.js'
import type { Channel, Output } from '../terminal/output.js'

export interface SendCommandOptions extends ServeOptions, Pick<TransmitterOptions, 'audience' | 'authorization'> {
  /** The event of a Security Event Token. Without this option, the command sends a Logout Token. */
  event?: string
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
 * Returns the claims of the token. The sub and sid come from the options, or else from the signed-in session. If there
 * is no sub, no sid and no session, the sub is "alice".
 */
function claimsFor({ sub, sid, claim }: SendCommandOptions, signedIn: ProviderSession | undefined): object {
  const isUnnamed = sub === undefined && sid === undefined && signedIn === undefined
  return {
    sub: sub ?? signedIn?.sub ?? (isUnnamed ? 'alice' : undefined),
    sid: sid ?? signedIn?.sid ?? undefined,
    ...claim,
  }
}

/** Sends a token and prints the answer. Returns the exit code. The exit code is 1 if the endpoint refused the token. */
async function post(url: string, request: RequestInit, out: Channel): Promise<number> {
  const init = { method: 'POST', redirect: 'manual', signal: AbortSignal.timeout(30_000), ...request } as const
  const response = await fetch(url, init).catch((error: unknown) => {
    throw new CommandError(
      `Nothing answers at ${url} (${reasonOf(error)}).`,
      'Start your application and check its address.',
    )
  })
  const answer = await readAnswer(response).catch((error: unknown) => `(${reasonOf(error)})`)
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
  /** The session of the user. Only set if `bcl` signed the user in. */
  session?: ProviderSession
}

/**
 * Observes a session with the cookies of the user. Without cookies, signs in at `login`, by default at `/login` on the host
 * of `me`. Returns `undefined` if there is no `me`. Fails if the session is not live.
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

/** The claims of a Security Event Token for the user or the session. */
function eventClaims(type: string, issuer: string, { sub, sid, ...claims }: { sub?: string; sid?: string }): object {
  const user = sub === undefined ? undefined : { format: 'iss_sub', iss: issuer, sub }
  // Only session-revoked is about one session. Other events are about the user.
  const isNamed = sid !== undefined && (user === undefined || effectOf(type) === 'its subject')
  const session = isNamed ? { format: 'opaque', id: sid } : undefined
  return { events: { [type]: {} }, sub_id: session ? { format: 'complex', user, session } : user, ...claims }
}

/** Starts a provider. Returns the provider, and a function that makes the request with the token. */
async function serve(options: SendCommandOptions) {
  if (options.event === undefined) {
    const served = await serveProvider(options)
    const request = async (claims: object): Promise<RequestInit> => ({
      body: new URLSearchParams({ logout_token: await served.provider.op.logoutToken(claims) }),
    })
    return { served, request, settings: '' }
  }
  const type = eventTypeOf(options.event)
  if (type === undefined)
    throw new CommandError(`No event is named ${options.event}.`, `Use a URI, or one of: ${eventNames.join(', ')}.`)
  const served = await serveTransmitter(options)
  const { issuer } = served.provider.op
  const request = async (claims: object): Promise<RequestInit> =>
    pushOf(await served.transmitter.set(eventClaims(type, issuer, claims)), options.authorization)
  return { served, request, settings: `\n${describeTransmitter(issuer, options)}` }
}

/**
 * Starts a provider and posts one token. Returns the exit code. The exit code is 1 if the endpoint refused the token, or if the
 * session is still live.
 */
export async function send(url: string, options: SendCommandOptions, { out, notes }: Output): Promise<number> {
  let onSignIn: (session: ProviderSession) => void = () => {}
  const firstSignIn = new Promise<ProviderSession>((resolve) => (onSignIn = resolve))
  const { served, request, settings } = await serve({ ...options, onSignIn })
  const { provider, close } = served
  try {
    notes.write(describeProvider(served, options.event === undefined ? url : undefined) + settings)
    if (options.afterSignIn) notes.write('Sign in at your application. The token will be for that session.')
    const session = options.afterSignIn ? await firstSignIn : undefined
    if (session) await waitForEnter(session, notes)
    await waitFor(url, options.wait, () => notes.write(`Waiting at most ${options.wait} s for ${url} ...`))
    const observer = await observe(options, provider, out)
    const claims = claimsFor(options, session ?? observer?.session)
    const code = await post(url, await request(claims), out)
    if (observer) return Math.max(code, await observer.report())
    if (code === 0) notes.write('\nThe answer does not prove that a session ended. To check that, pass --me.')
    return code
  } finally {
    await close()
  }
}
