import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { ProviderSession, TestProvider } from '@bcl/testing'
import type { Output } from './output.js'
import { Problem } from './problem.js'
import { reasonOf, waitFor } from './reach.js'
import { environmentOf, serveProvider, type ServeOptions } from './serve-provider.js'

export interface SendCommandOptions extends ServeOptions {
  sub?: string
  sid?: string
  claim?: object
  afterSignIn?: boolean
  wait: number
}

/** Whom to log out: who is named, else who signs in, else somebody. */
function claimsFor({ sub, sid, claim }: SendCommandOptions, signedIn: ProviderSession | undefined): object {
  const named = signedIn ?? { sub: undefined, sid: undefined }
  const isSomebody = sub === undefined && sid === undefined && signedIn === undefined
  return {
    sub: sub ?? named.sub ?? (isSomebody ? 'alice' : undefined),
    sid: sid ?? named.sid ?? undefined,
    ...claim,
  }
}

async function post(url: string, provider: TestProvider, claims: object, output: Output): Promise<number> {
  const token = await provider.op.logoutToken(claims)
  const body = new URLSearchParams({ logout_token: token })
  const request = { method: 'POST', body, redirect: 'manual', signal: AbortSignal.timeout(30_000) } as const
  const response = await fetch(url, request).catch((error: unknown) => {
    throw new Problem(`Nothing answers at ${url} (${reasonOf(error)}).`, 'Start your application, and see its address.')
  })
  const answer = await response.text()
  output.out(`${output.style(response.ok ? 'green' : 'red', String(response.status))} ${response.statusText}`)
  for (const name of ['cache-control', 'content-type', 'location', 'allow']) {
    const value = response.headers.get(name)
    if (value !== null) output.out(`${name}: ${value}`)
  }
  if (answer !== '') output.out(`\n${answer.slice(0, 4000)}`)
  return response.ok ? 0 : 1
}

/** Lets somebody see that they are signed in, before they are not. */
async function confirm({ sub, sid }: ProviderSession, { note }: Output): Promise<void> {
  note(`${sub} signed in${sid === null ? '' : `, with the sid ${sid}`}.`)
  if (!process.stdin.isTTY) return
  note('Press Enter to log them out.')
  const lines = createInterface({ input: process.stdin })
  await once(lines, 'line')
  lines.close()
}

/** Posts one Logout Token of a provider that it starts, and gives the exit code. */
export async function send(url: string, options: SendCommandOptions, output: Output): Promise<number> {
  let resolve: (session: ProviderSession) => void
  const signedIn = new Promise<ProviderSession>((settle) => (resolve = settle))
  const served = await serveProvider({ ...options, onSignIn: (session) => resolve(session) })
  try {
    output.note(`An OpenID Provider is up for your application to trust:\n\n${environmentOf(served.provider)}\n`)
    if (options.afterSignIn) output.note('Sign in at your application; what is sent then is for that session.')
    const session = options.afterSignIn ? await signedIn : undefined
    if (session) await confirm(session, output)
    const claims = claimsFor(options, session)
    await waitFor(url, options.wait, () => output.note(`Waiting for ${url} ...`))
    return await post(url, served.provider, claims, output)
  } finally {
    await served.close()
  }
}
