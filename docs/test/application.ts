// Starts the applications of the pages and their providers.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'

import { createTestProvider, runConformance } from '@bcl/testing'
import { serve } from '@hono/node-server'

import { freePort } from '../../checks/test-support/src/free-port.ts'

export const SECRET = 'at-least-32-characters-that-nobody-can-guess'

/** How to start an application: the program and its arguments, and the working folder. */
export interface Command {
  /** @default Node.js */
  program?: string
  args: (port: number) => string[]
  cwd?: string
  /** Settings that are added to those of the pages. */
  env?: Record<string, string>
}

export interface Application {
  base: string
  issuer: string
  /** The settings that the pages put into `.env`. */
  env: Record<string, string>
  provider: Awaited<ReturnType<typeof createTestProvider>>
  output(): string
  /** Sends SIGTERM. Resolves to the exit code and the signal that ended the process. */
  terminate(): Promise<unknown[]>
}

/** The settings for the applications of the start pages and for express-openid-connect. */
export const settings = (issuer: string, base: string): Record<string, string> => ({
  ISSUER: issuer,
  ISSUER_BASE_URL: issuer,
  CLIENT_ID: 'my-client',
  CLIENT_SECRET: 'my-secret',
  SESSION_SECRET: SECRET,
  SECRET,
  BASE_URL: base,
})

/** Starts a program. */
export function run(
  { program = process.execPath, args, cwd }: Command,
  env: Record<string, string | undefined>,
  port: number,
) {
  const child = spawn(program, args(port), {
    cwd,
    env: { ...process.env, NEXT_TELEMETRY_DISABLED: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text))
  const ended = once(child, 'close')
  /** Waits until the output matches the pattern. The last output can arrive after the exit of the process. */
  const printed = (pattern: RegExp) =>
    new Promise<void>((resolve, reject) => {
      const look = () => pattern.test(output) && resolve()
      for (const stream of [child.stdout, child.stderr]) stream.on('data', look)
      look()
      void ended.then(() => reject(new Error(`it did not print ${pattern}: ${output}`)))
    })
  return { child, output: () => output, ended, printed }
}

/** Starts an application with its own provider, waits until it answers, and stops both after the test. */
export async function start(t: { after(work: () => void): void }, command: Command): Promise<Application> {
  const [port, providerPort] = [await freePort(), await freePort()]
  const issuer = `http://127.0.0.1:${providerPort}`
  const base = `http://127.0.0.1:${port}`
  const provider = await createTestProvider({ issuer, clientId: 'my-client', clientSecret: 'my-secret' })
  const server = serve({ fetch: (request) => provider.handle(request), port: providerPort, hostname: '127.0.0.1' })
  t.after(() => server.close())

  const env = settings(issuer, base)
  const { child, output, ended } = run(command, { ...command.env, ...env }, port)
  t.after(() => child.kill())
  const terminate = () => {
    child.kill()
    return ended
  }
  while (true) {
    const end = child.exitCode ?? child.signalCode
    if (end !== null) throw new Error(`it ended with ${end}: ${output()}`)
    const response = await fetch(`${base}/me`).catch(() => undefined)
    await response?.body?.cancel()
    if (response) return { base, issuer, env, provider, output, terminate }
    await new Promise((again) => setTimeout(again, 50))
  }
}

/**
 * The conformance cases of a short run: all cases about requests, answers and sessions, and one or two cases about tokens of each
 * kind. The library decides about tokens in the same way in each application, and the examples pass all cases in each run.
 * Undefined for all cases, which the nightly workflow runs.
 */
const only =
  process.env['BCL_CASES'] === 'all'
    ? undefined
    : [
        'oidf',
        'request',
        'accept/sub',
        'accept/sid',
        'refuse/a-key',
        'refuse/a-nonce',
        'provider/keycloak-26',
        'answer',
        'session',
      ]

/** Checks that the application passes the conformance cases, including the cases with sessions. */
export async function passesCases(
  { base, provider, output }: Application,
  send: Parameters<typeof runConformance>[0],
): Promise<void> {
  const results = await runConformance(send, {
    provider,
    endpoint: `${base}/backchannel-logout`,
    signIn: { login: `${base}/login`, me: `${base}/me` },
    only,
  })
  const others = results.filter(({ outcome }) => outcome !== 'passed')
  assert.deepEqual(
    others.map(({ id, outcome, got }) => `${id} ${outcome}: ${got}`),
    [],
    output(),
  )
  assert.ok(results.some(({ id }) => id.startsWith('session/')))
}

/** Checks the cases of `passesCases`, and that the application logs each logout. */
export async function passes(application: Application): Promise<void> {
  await passesCases(application, (url, init) => fetch(url, { ...init, redirect: 'manual' }))

  const lines: string[] = application.output().match(/^logout: .*$/gm) ?? []
  for (const line of lines) {
    assert.match(line, /^logout: (?:logged_out|replayed|(?:refused|failed) ERR_LOGOUT_\w+(?: \w+)?(?: expected \S+)?)$/)
  }
  assert.ok(lines.includes('logout: logged_out'))
  assert.ok(lines.includes('logout: refused ERR_LOGOUT_TOKEN_SIGNATURE'))
  assert.ok(lines.includes('logout: refused ERR_LOGOUT_TOKEN_CLAIM aud expected my-client'), lines.join('\n'))
  assert.ok(lines.includes('logout: refused ERR_LOGOUT_TOKEN_CLAIM nonce'))
  // The log contains no token and no user.
  assert.doesNotMatch(lines.join('\n'), /eyJ|alice/)
}

/** Posts a Logout Token with these claims. Returns the status. */
export async function postLogout(
  { base, provider }: Application,
  claims: object,
  path = '/backchannel-logout',
): Promise<number> {
  const body = new URLSearchParams({ logout_token: await provider.op.logoutToken(claims) })
  return (await fetch(base + path, { method: 'POST', body })).status
}

/** Requests `/me` with cookies. Returns the status. */
export async function statusOfMe({ base }: Application, cookie: string): Promise<number> {
  const response = await fetch(`${base}/me`, { headers: { cookie }, redirect: 'manual' })
  await response.body?.cancel()
  return response.status
}

/** Returns the header `Cookie` of a browser with these cookies. */
export const headerOf = (cookies: Map<string, string>): string => [...cookies].map((pair) => pair.join('=')).join('; ')

/** Sends a request of a browser, and keeps the cookies of the answer. Returns the address to which the answer redirects. */
export async function visit({ base }: Application, cookies: Map<string, string>, url: string): Promise<string | null> {
  const cookie = headerOf(cookies)
  const response = await fetch(url, { headers: url.startsWith(base) ? { cookie } : {}, redirect: 'manual' })
  await response.body?.cancel()
  for (const line of response.headers.getSetCookie()) {
    const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)!
    if (line.length <= 4096) cookies.set(name!, value!) // browsers refuse longer cookies
  }
  const location = response.headers.get('location')
  return location === null ? null : new URL(location, url).href
}

/** Signs in as a browser. Returns the cookies. */
export async function signIn(application: Application, cookies = new Map<string, string>()): Promise<typeof cookies> {
  const { base } = application
  let url: string | null = `${base}/login`
  while (url !== null && url !== `${base}/me`) url = await visit(application, cookies, url)
  return cookies
}

/** Signs in with a new browser. Returns the header `Cookie` of the browser. */
export const newDevice = async (application: Application): Promise<string> => headerOf(await signIn(application))
