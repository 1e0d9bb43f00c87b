import type { TrustedIssuer } from '@bcl/core'
import { base64url, type JSONWebKeySet } from 'jose'
import { createTestIssuer, createTestKey, type TestIssuer, type TestKey } from './test-issuer.js'

/** Options of {@link createTestProvider}. */
export interface TestProviderOptions {
  /** @default 'https://op.example.com' */
  issuer?: string | undefined
  /** @default 'test-client' */
  clientId?: string | undefined
  /** @default 'test-secret' */
  clientSecret?: string | undefined
  /** Its RS256 key, as {@link createTestKey} makes it, for one that outlives it. @default a new one */
  key?: TestKey | undefined
  /** A key more, of another algorithm. @default a new one for ES256 */
  otherKey?: TestKey | undefined
  /** Hears of each sign-in, once its ID Token is made. */
  onSignIn?: ((session: ProviderSession) => void) | undefined
  /** The clock: a NumericDate, seconds. @default the system's */
  now?: (() => number) | undefined
}

/** A browser session at a {@link TestProvider}. */
export interface ProviderSession {
  sub: string
  /** Null: its ID Tokens have none. */
  sid: string | null
  /** Awaited when an ID Token has been made and not yet been given away. */
  beforeAnswer?: (() => Promise<unknown>) | undefined
}

/**
 * An OpenID Provider in memory to sign in at: discovery, keys, the authorization code flow and logout. It asks nobody
 * for a password, so it is for loopback and for tests.
 */
export interface TestProvider {
  /** Signs its tokens. */
  readonly op: TestIssuer
  readonly clientSecret: string
  /** The client registration to trust, with the keys by value. */
  readonly trusted: TrustedIssuer
  /** A key of another algorithm that is published too: what it signs is not signed as registered. */
  readonly otherKey: TestKey
  /** Whether anybody has fetched its keys. */
  readonly keysWereFetched: boolean
  /** Answers a request to any address below the issuer. */
  handle(request: Request): Promise<Response>
  /** Makes a browser session, and gives the cookie that a browser in it sends. */
  createSession(session: ProviderSession): string
  /** Publishes a key more, until the function it returns is called. */
  publish(key: TestKey): () => void
}

interface Grant {
  session: ProviderSession
  redirectUri: string
  nonce: string | null
  challenge: string | null
}

/** A name for a session, code or token. */
export const randomName = (): string => base64url.encode(crypto.getRandomValues(new Uint8Array(16)))

const cookieName = 'bcl_test_provider'
const html = { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' }
const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
const refuse = (error: string, status = 400): Response =>
  Response.json({ error }, { status, headers: { 'cache-control': 'no-store' } })

function cookieOf(request: Request): string | undefined {
  const pairs = (request.headers.get('cookie') ?? '').split(/;\s*/)
  return pairs.find((pair) => pair.startsWith(`${cookieName}=`))?.slice(cookieName.length + 1)
}

const isForm = (request: Request): boolean =>
  /^application\/x-www-form-urlencoded/i.test(request.headers.get('content-type') ?? '')

async function parametersOf(request: Request): Promise<URLSearchParams> {
  return request.method === 'POST' && isForm(request)
    ? new URLSearchParams(await request.text())
    : new URL(request.url).searchParams
}

/** The client's credentials, by `client_secret_basic` or `client_secret_post`. */
function credentialsOf(request: Request, form: URLSearchParams): (string | null)[] {
  const basic = /^Basic (.+)$/i.exec(request.headers.get('authorization') ?? '')?.[1]
  if (basic === undefined) return [form.get('client_id'), form.get('client_secret')]
  return atob(basic)
    .split(':')
    .map((part) => decodeURIComponent(part.replaceAll('+', ' ')))
}

async function challengeOf(verifier: string): Promise<string> {
  return base64url.encode(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier))))
}

function selfSubmittingForm(action: string, fields: URLSearchParams): Response {
  const inputs = [...fields].map(
    ([name, value]) => `<input type="hidden" name="${escapeHtml(name)}" value="${escapeHtml(value)}"/>`,
  )
  const form = `<form method="post" action="${escapeHtml(action)}">${inputs.join('')}</form>`
  return new Response(`<!doctype html>${form}<script>document.forms[0].submit()</script>`, { headers: html })
}

/** Sends the browser back to the application. */
function redirect(to: string, parameters: URLSearchParams, cookie?: string): Response {
  const url = new URL(to)
  for (const [name, value] of parameters) url.searchParams.append(name, value)
  return new Response(null, { status: 303, headers: { location: url.href, ...(cookie && { 'set-cookie': cookie }) } })
}

/**
 * Makes an OpenID Provider in memory, for {@link runConformance} and for applications under test to sign in at.
 *
 * @example
 * ```ts
 * import { createTestProvider } from '@bcl/testing'
 *
 * const provider = await createTestProvider({ issuer: 'http://127.0.0.1:4000' })
 * const response = await provider.handle(new Request('http://127.0.0.1:4000/.well-known/openid-configuration'))
 * ```
 */
export async function createTestProvider(options: TestProviderOptions = {}): Promise<TestProvider> {
  const { clientSecret = 'test-secret', onSignIn, issuer, clientId, now, key } = options
  // A new name each time: an application that still holds the keys of an earlier run must look again.
  const op = await createTestIssuer({ issuer, clientId, now, key, kid: randomName() })
  const otherKey = options.otherKey ?? (await createTestKey('ES256', randomName()))
  const more = new Set([otherKey])
  const sessions = new Map<string, ProviderSession>()
  const grants = new Map<string, Grant>()
  const accessTokens = new Map<string, string>()
  const base = op.issuer.replace(/\/$/, '')
  let keysWereFetched = false

  const jwks = (): JSONWebKeySet => ({ keys: [...op.jwks.keys, ...[...more].map(({ publicJwk }) => publicJwk)] })

  const metadata = {
    issuer: op.issuer,
    authorization_endpoint: `${base}/authorize`,
    token_endpoint: `${base}/token`,
    userinfo_endpoint: `${base}/userinfo`,
    jwks_uri: `${base}/jwks`,
    end_session_endpoint: `${base}/end_session`,
    scopes_supported: ['openid', 'profile', 'email'],
    response_types_supported: ['code'],
    response_modes_supported: ['query', 'form_post'],
    grant_types_supported: ['authorization_code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: [op.key.alg],
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
    code_challenge_methods_supported: ['S256'],
    claims_supported: ['iss', 'sub', 'aud', 'iat', 'exp', 'nonce', 'sid', 'auth_time'],
    authorization_response_iss_parameter_supported: true,
    backchannel_logout_supported: true,
    backchannel_logout_session_supported: true,
  }

  const createSession = (session: ProviderSession): string => {
    const id = randomName()
    sessions.set(id, session)
    return `${cookieName}=${id}`
  }

  const authorize = (request: Request, parameters: URLSearchParams): Response => {
    const redirectUri = parameters.get('redirect_uri') ?? ''
    const isUsable = parameters.get('client_id') === op.clientId && URL.canParse(redirectUri)
    if (!isUsable) return new Response('Unknown client_id, or no redirect_uri', { status: 400 })
    const state = parameters.get('state')
    const answer = new URLSearchParams({ ...(state !== null && { state }), iss: op.issuer })
    if (parameters.get('response_type') !== 'code') {
      answer.set('error', 'unsupported_response_type')
      return redirect(redirectUri, answer)
    }
    const known = sessions.get(cookieOf(request) ?? '')
    const session = known ?? { sub: parameters.get('login_hint') || 'alice', sid: randomName() }
    const cookie = known ? undefined : `${createSession(session)}; Path=/; HttpOnly; SameSite=Lax`
    const code = randomName()
    const [nonce, challenge] = [parameters.get('nonce'), parameters.get('code_challenge')]
    grants.set(code, { session, redirectUri, nonce, challenge })
    answer.set('code', code)
    return parameters.get('response_mode') === 'form_post'
      ? selfSubmittingForm(redirectUri, answer)
      : redirect(redirectUri, answer, cookie)
  }

  const idToken = ({ sub, sid }: ProviderSession, nonce: string | null): Promise<string> => {
    const time = op.now()
    const claims = { iss: op.issuer, sub, aud: op.clientId, iat: time, exp: time + 3600, auth_time: time }
    return op.sign(
      { ...claims, ...(nonce !== null && { nonce }), ...(sid !== null && { sid }) },
      { alg: op.key.alg, kid: op.key.kid },
    )
  }

  const exchange = async (request: Request, form: URLSearchParams): Promise<Response> => {
    const [id, secret] = credentialsOf(request, form)
    if (id !== op.clientId || secret !== clientSecret) return refuse('invalid_client', 401)
    const code = form.get('code') ?? ''
    const grant = grants.get(code)
    grants.delete(code)
    const isGood =
      grant?.redirectUri === form.get('redirect_uri') &&
      (grant.challenge === null || grant.challenge === (await challengeOf(form.get('code_verifier') ?? '')))
    if (!grant || !isGood) return refuse('invalid_grant')
    const token = await idToken(grant.session, grant.nonce)
    await grant.session.beforeAnswer?.()
    onSignIn?.(grant.session)
    const accessToken = randomName()
    accessTokens.set(accessToken, grant.session.sub)
    return Response.json(
      { access_token: accessToken, token_type: 'Bearer', expires_in: 3600, scope: 'openid', id_token: token },
      { headers: { 'cache-control': 'no-store' } },
    )
  }

  const userinfo = (request: Request): Response => {
    const sub = accessTokens.get(/^Bearer (.+)$/i.exec(request.headers.get('authorization') ?? '')?.[1] ?? '')
    return sub === undefined ? refuse('invalid_token', 401) : Response.json({ sub })
  }

  const endSession = (request: Request, parameters: URLSearchParams): Response => {
    sessions.delete(cookieOf(request) ?? '')
    const to = parameters.get('post_logout_redirect_uri')
    const state = parameters.get('state')
    if (to === null || !URL.canParse(to)) return new Response('<!doctype html>Signed out', { headers: html })
    return redirect(to, new URLSearchParams(state === null ? {} : { state }))
  }

  const routes: Record<string, (request: Request) => Response | Promise<Response>> = {
    '/.well-known/openid-configuration': () => Response.json(metadata),
    '/jwks': () => {
      keysWereFetched = true
      return Response.json(jwks())
    },
    '/authorize': async (request) => authorize(request, await parametersOf(request)),
    '/token': async (request) => exchange(request, await parametersOf(request)),
    '/userinfo': userinfo,
    '/end_session': async (request) => endSession(request, await parametersOf(request)),
  }

  return {
    op,
    clientSecret,
    otherKey,
    get trusted() {
      return { ...op.trusted, keys: jwks() }
    },
    get keysWereFetched() {
      return keysWereFetched
    },
    async handle(request) {
      const { origin, pathname } = new URL(request.url)
      const route = routes[`${origin}${pathname}`.slice(base.length)]
      return route ? route(request) : new Response('not found', { status: 404 })
    },
    createSession,
    publish(key) {
      more.add(key)
      return () => void more.delete(key)
    },
  }
}
