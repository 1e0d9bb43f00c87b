import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { ProviderSession, TestProvider } from '@bcl/testing'
import { reasonOf } from '../network/reason-of.js'
import { waitFor } from '../network/wait-for.js'
import { describeProvider, serveProvider, type ServeOptions } from '../provider/serve-provider.js'
import { CommandError } from '../terminal/command-error.js'
import type { Channel, Output } from '../terminal/output.js'

export interface SendCommandOptions extends ServeOptions {
  sub?: string
  sid?: string
  claim?: object
  afterSignIn?: boolean
  /** Seconds. */
  wait: number
}

/** The sub and sid come from the options, else from the session that signed in. Without both, the sub is "alice". */
function claimsFor({ sub, sid, claim }: SendCommandOptions, signedIn: ProviderSession | undefined): object {
  const isUnnamed = sub === undefined && sid === undefined && signedIn === undefined
  return {
    sub: sub ?? signedIn?.sub ?? (isUnnamed ? 'alice' : undefined),
    sid: sid ?? signedIn?.sid ?? undefined,
    ...claim,
  }
}

/** Posts a Logout Token and writes the answer. Returns the exit code: 1 if the endpoint refused the token. */
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

/** On a terminal, waits for Enter, so that the user can see the session before the logout. */
async function waitForEnter({ sub, sid }: ProviderSession, { write }: Channel): Promise<void> {
  write(`${sub} signed in${sid === null ? '' : `, with the sid ${sid}`}.`)
  if (!process.stdin.isTTY) return
  write('Press Enter to log this session out.')
  const lines = createInterface({ input: process.stdin })
  await once(lines, 'line')
  lines.close()
}

/** Starts a provider and posts one Logout Token. Returns the exit code: 1 if the endpoint refused the token. */
export async function send(url: string, options: SendCommandOptions, { out, notes }: Output): Promise<number> {
  let onSignIn: (session: ProviderSession) => void = () => {}
  const firstSignIn = new Promise<ProviderSession>((resolve) => (onSignIn = resolve))
  const { provider, close } = await serveProvider({ ...options, onSignIn })
  try {
    notes.write(describeProvider(provider))
    if (options.afterSignIn) notes.write('Sign in at your application. The Logout Token will be for that session.')
    const session = options.afterSignIn ? await firstSignIn : undefined
    if (session) await waitForEnter(session, notes)
    const claims = claimsFor(options, session)
    await waitFor(url, options.wait, () => notes.write(`Waiting for ${url} ...`))
    return await postToken(url, provider, claims, out)
  } finally {
    await close()
  }
}
