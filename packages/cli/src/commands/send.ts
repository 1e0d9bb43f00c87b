import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { ProviderSession, TestProvider } from '@bcl/testing'
import type { Channel, Output } from '../terminal/output.js'
import { Problem } from '../terminal/problem.js'
import { reasonOf, waitFor } from '../network/reach.js'
import { introduce, serveProvider, type ServeOptions } from '../provider/serve-provider.js'

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

async function post(url: string, provider: TestProvider, claims: object, out: Channel): Promise<number> {
  const token = await provider.op.logoutToken(claims)
  const body = new URLSearchParams({ logout_token: token })
  const request = { method: 'POST', body, redirect: 'manual', signal: AbortSignal.timeout(30_000) } as const
  const response = await fetch(url, request).catch((error: unknown) => {
    throw new Problem(`Nothing answers at ${url} (${reasonOf(error)}).`, 'Start your application, and see its address.')
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

/** Lets somebody see that they are signed in, before they are not. */
async function confirm({ sub, sid }: ProviderSession, { write }: Channel): Promise<void> {
  write(`${sub} signed in${sid === null ? '' : `, with the sid ${sid}`}.`)
  if (!process.stdin.isTTY) return
  write('Press Enter to log them out.')
  const lines = createInterface({ input: process.stdin })
  await once(lines, 'line')
  lines.close()
}

/** Posts one Logout Token of a provider that it starts, and gives the exit code. */
export async function send(url: string, options: SendCommandOptions, { out, notes }: Output): Promise<number> {
  let resolve: (session: ProviderSession) => void
  const signedIn = new Promise<ProviderSession>((settle) => (resolve = settle))
  const served = await serveProvider({ ...options, onSignIn: (session) => resolve(session) })
  try {
    notes.write(introduce(served.provider))
    if (options.afterSignIn) notes.write('Sign in at your application; what is sent then is for that session.')
    const session = options.afterSignIn ? await signedIn : undefined
    if (session) await confirm(session, notes)
    const claims = claimsFor(options, session)
    await waitFor(url, options.wait, () => notes.write(`Waiting for ${url} ...`))
    return await post(url, served.provider, claims, out)
  } finally {
    await served.close()
  }
}
