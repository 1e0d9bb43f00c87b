import type { TrustedIssuer } from '@bcl/core'
import type { JSONWebKeySet } from 'jose'
import { randomId } from '../random-id.js'
import {
  codeChallengeOf,
  errorResponse,
  halfHashOf,
  pageHeaders,
  readBearerToken,
  readCookie,
  readParameters,
  redirect,
  sendToClient,
} from './authorization-http.js'
import { isFromClient } from './client-authentication.js'
import { metadataOf, responseTypes } from './provider-metadata.js'
import { createTestIssuer, type TestIssuer } from './test-issuer.js'
import { createTestKey, type TestKey } from './test-key.js'

/** Options of {@link createTestProvider}. */
export interface TestProviderOptions {
  /** The issuer identifier. @default 'https://op.example.com' */
  issuer?: string | undefined
  /** The `client_id` of the application under test. @default 'test-client' */
  clientId?: string | undefined
  /** The secret of that client. @default 'test-secret' */
  clientSecret?: string | undefined
  /** The signing key. To use one key in several runs, pass a key from {@link createTestKey}. @default a new key */
  key?: TestKey | undefined
  /** A second published key with another algorithm. @default a new key for ES256, or for RS256 if the first key is for ES256 */
  otherKey?: TestKey | undefined
  /** Called at each sign-in, after the ID Token was made. */
  onSignIn?: ((session: ProviderSession) => void) | undefined
  /** Returns the current time as a NumericDate, in seconds. @default the system clock */
  now?: (() => number) | undefined
}

/** A browser session at a {@link TestProvider}. */
export interface ProviderSession {
  /** The user. */
  sub: string
  /** The sid in the ID Tokens. With `null`, the ID Tokens have no sid. */
  sid: string | null
  /**
   * Called after the ID Token was made. The application receives the ID Token only after the returned promise has
   * resolved. In the flow `code id_token`, this is the ID Token of the token endpoint.
   */
  beforeAnswer?: (() => Promise<unknown>) | undefined
}

/**
 * An OpenID Provider in memory with discovery, keys, the authorization code flow and logout. Anybody can sign in
 * without a password. So use this provider only for tests and on loopback.
 */
export interface TestProvider {
  /** Signs the tokens of the provider. */
  readonly op: TestIssuer
  readonly clientSecret: string
  /** An entry for the option `issuers` of `createBackchannelLogout`. It contains the keys. */
  readonly trusted: TrustedIssuer
  /**
   * The second published key. Its algorithm is not registered for the client. So a token that is signed with this key
   * is wrong.
   */
  readonly otherKey: TestKey
  /** True if the keys were fetched at least once. */
  readonly keysWereFetched: boolean
  /** Answers a request to an address below the issuer. An unknown address gets 404. */
  handle(request: Request): Promise<Response>
  /** Makes a browser session. Returns the cookie of the session, as `name=value`. */
  createSession(session: ProviderSession): string
  /** Sets the session for the next browser that signs in without a session at the provider. */
  signInNext(session: ProviderSession): void
  /** Publishes another key. Returns a function that withdraws the key. */
  publish(key: TestKey): () => void
}

/** The data of an authorization code. */
interface Grant {
  session: ProviderSession
  redirectUri: string
  nonce: string | null
  challenge: string | null
}

const cookieName = 'bcl_test_provider'

/**
 * Makes an OpenID Provider in memory, for {@link runConformance} and for applications under test.
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
  // Without the option `key`, the kid is new in each run. So an application that still has the keys of an earlier run does not know
  // this kid, and fetches the new keys.
  const op = await createTestIssuer({ issuer, clientId, now, key, kid: randomId() })
  const otherKey = options.otherKey ?? (await createTestKey(op.key.alg === 'ES256' ? 'RS256' : 'ES256', randomId()))
  const extraKeys = new Set([otherKey])
  const sessions = new Map<string, ProviderSession>()
  const grants = new Map<string, Grant>()
  let nextSession: ProviderSession | undefined
  /** The `sub` of each access token. */
  const subjects = new Map<string, string>()
  const base = op.issuer.replace(/\/$/, '')
  const metadata = metadataOf(op, base)
  let keysWereFetched = false

  const jwks = (): JSONWebKeySet => ({ keys: [...op.jwks.keys, ...[...extraKeys].map(({ publicJwk }) => publicJwk)] })

  const createSession = (session: ProviderSession): string => {
    const id = randomId()
    sessions.set(id, session)
    return `${cookieName}=${id}`
  }

  const authorize = async (request: Request, parameters: URLSearchParams): Promise<Response> => {
    const redirectUri = parameters.get('redirect_uri') ?? ''
    const isKnownClient = parameters.get('client_id') === op.clientId && URL.canParse(redirectUri)
    if (!isKnownClient) {
      return new Response('The client_id is unknown, or the redirect_uri is missing', { status: 400 })
    }
    const state = parameters.get('state')
    const answer = new URLSearchParams({ ...(state !== null && { state }), iss: op.issuer })
    const types = (parameters.get('response_type') ?? '').split(' ').sort()
    const mode = parameters.get('response_mode') ?? (types.includes('id_token') ? 'fragment' : 'query')
    if (!responseTypes.includes(types.join(' '))) {
      answer.set('error', 'unsupported_response_type')
      return sendToClient(mode, redirectUri, answer)
    }
    const existing = sessions.get(readCookie(request, cookieName) ?? '')
    const session = existing ?? nextSession ?? { sub: parameters.get('login_hint') || 'alice', sid: randomId() }
    if (!existing) nextSession = undefined
    const cookie = existing ? undefined : `${createSession(session)}; Path=/; HttpOnly; SameSite=Lax`
    const [nonce, challenge] = [parameters.get('nonce'), parameters.get('code_challenge')]
    if (types.includes('code')) {
      const code = randomId()
      grants.set(code, { session, redirectUri, nonce, challenge })
      answer.set('code', code)
    }
    if (types.includes('id_token')) {
      const code = answer.get('code')
      answer.set('id_token', await signIdToken(session, nonce, code === null ? {} : { c_hash: await halfHashOf(code) }))
      if (code === null) await announce(session)
    }
    return sendToClient(mode, redirectUri, answer, cookie)
  }

  /** Calls `beforeAnswer` and `onSignIn` before the client gets its last ID Token. */
  const announce = async (session: ProviderSession): Promise<void> => {
    await session.beforeAnswer?.()
    onSignIn?.(session)
  }

  const signIdToken = ({ sub, sid }: ProviderSession, nonce: string | null, more: object = {}): Promise<string> => {
    const time = op.now()
    const claims = { iss: op.issuer, sub, aud: op.clientId, iat: time, exp: time + 3600, auth_time: time, ...more }
    return op.sign(
      { ...claims, ...(nonce !== null && { nonce }), ...(sid !== null && { sid }) },
      { alg: op.key.alg, kid: op.key.kid },
    )
  }

  const exchangeCode = async (request: Request, form: URLSearchParams): Promise<Response> => {
    const code = form.get('code') ?? ''
    const grant = grants.get(code)
    const usesPkce = grant !== undefined && grant.challenge !== null
    if (!isFromClient(request, form, { id: op.clientId, secret: clientSecret }, usesPkce))
      return errorResponse('invalid_client', 401)
    grants.delete(code)
    const isValid =
      grant?.redirectUri === form.get('redirect_uri') &&
      (grant.challenge === null || grant.challenge === (await codeChallengeOf(form.get('code_verifier') ?? '')))
    if (!grant || !isValid) return errorResponse('invalid_grant')
    const idToken = await signIdToken(grant.session, grant.nonce)
    await announce(grant.session)
    const accessToken = randomId()
    subjects.set(accessToken, grant.session.sub)
    return Response.json(
      { access_token: accessToken, token_type: 'Bearer', expires_in: 3600, scope: 'openid', id_token: idToken },
      { headers: { 'cache-control': 'no-store' } },
    )
  }

  const userinfo = (request: Request): Response => {
    const sub = subjects.get(readBearerToken(request))
    return sub === undefined ? errorResponse('invalid_token', 401) : Response.json({ sub })
  }

  const endSession = (request: Request, parameters: URLSearchParams): Response => {
    sessions.delete(readCookie(request, cookieName) ?? '')
    const address = parameters.get('post_logout_redirect_uri')
    const state = parameters.get('state')
    if (address === null || !URL.canParse(address)) {
      return new Response('<!doctype html>You are signed out', { headers: pageHeaders })
    }
    return redirect(address, new URLSearchParams(state === null ? {} : { state }))
  }

  const routes: Record<string, (request: Request) => Response | Promise<Response>> = {
    '/.well-known/openid-configuration': () => Response.json(metadata),
    '/jwks': () => {
      keysWereFetched = true
      return Response.json(jwks())
    },
    '/authorize': async (request) => authorize(request, await readParameters(request)),
    '/token': async (request) => exchangeCode(request, await readParameters(request)),
    '/userinfo': userinfo,
    '/end_session': async (request) => endSession(request, await readParameters(request)),
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
    signInNext(session) {
      nextSession = session
    },
    publish(extraKey) {
      extraKeys.add(extraKey)
      return () => void extraKeys.delete(extraKey)
    },
  }
}
