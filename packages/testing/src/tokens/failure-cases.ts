import {
  createBackchannelLogout,
  MemoryStore,
  type BackchannelLogout,
  type BackchannelLogoutErrorCode,
  type BackchannelLogoutOptions,
  type LogoutStore,
} from '@bcl/core'
import type { TestIssuer } from '../providers/test-issuer.js'
import { decodePayload } from './compact-jws.js'

/** A valid Logout Token that a receiver cannot carry out, for example because its store is down. */
export interface FailureCase {
  /** The part that fails, in a few words. */
  name: string
  /** The id of the requirement in docs/requirements.md, for example `RP-38`. */
  requirement: string
  /** The error code with which `logout.receive(token)` rejects. */
  code: BackchannelLogoutErrorCode
  /** Makes a receiver that fails, and a valid token for the receiver. `options` are added to the options of the receiver. */
  make(
    op: TestIssuer,
    options?: Partial<BackchannelLogoutOptions>,
  ): Promise<{ logout: BackchannelLogout; token: string }>
}

interface Failure extends Omit<FailureCase, 'make'> {
  options?: (op: TestIssuer) => Partial<BackchannelLogoutOptions>
  /** Runs before the token is sent. */
  prepare?: (logout: BackchannelLogout, token: string, op: TestIssuer) => unknown
}

const failingWith = ({ name, requirement, code, options, prepare }: Failure): FailureCase => ({
  name,
  requirement,
  code,
  async make(op, added) {
    const { now } = op
    const ordinary = { issuers: [op.trusted], sessionMaxAge: 3600, store: new MemoryStore({ now }), now }
    const logout = createBackchannelLogout({ ...ordinary, ...options?.(op), ...added })
    const token = await op.logoutToken()
    await prepare?.(logout, token, op)
    return { logout, token }
  },
})

const failed = (failure: Omit<Failure, 'code'>): FailureCase => failingWith({ ...failure, code: 'ERR_LOGOUT_FAILED' })

/** Makes a case in which the receiver must fetch the keys. `answer` replaces some of the provider's answers. */
const withoutKeys = (
  requirement: string,
  name: string,
  answer: (url: string) => Response | undefined = () => undefined,
): FailureCase =>
  failingWith({
    name,
    requirement,
    code: 'ERR_LOGOUT_KEYS_UNAVAILABLE',
    options: (op) => ({
      issuers: [{ issuer: op.issuer, clientId: op.clientId, algorithms: [op.key.alg] }],
      fetch: async (url) => answer(String(url)) ?? op.fetch(url),
    }),
  })

const rejecting = (message: string) => async (): Promise<never> => {
  throw new Error(message)
}

/** A store in memory with some broken methods. */
const brokenStore = (broken: Partial<LogoutStore>): LogoutStore => {
  const good = new MemoryStore()
  return {
    add: (...args) => good.add(...args),
    values: (...args) => good.values(...args),
    remove: (...args) => good.remove(...args),
    ...broken,
  }
}

const newKey = withoutKeys('RP-52', 'a new key, after forged tokens have used up the refreshes of the JWK Set')
const newKeyAfterForgedTokens: FailureCase = {
  ...newKey,
  async make(op, options) {
    const { logout } = await newKey.make(op, options)
    const tokenWith = async (kid: string): Promise<string> => op.logoutToken({}, { kid })
    for (const kid of ['a', 'b', 'c', 'd']) await logout.receive(await tokenWith(kid)).catch(() => {})
    return { logout, token: await tokenWith('new') }
  },
}

/**
 * Valid Logout Tokens that the receiver does not carry out. The cause is the receiver, one of its parts, or an earlier
 * copy of the token.
 */
export const failureCases: readonly FailureCase[] = [
  withoutKeys('RP-50', 'discovery is down', (url) =>
    url.endsWith('configuration') ? new Response(null, { status: 503 }) : undefined,
  ),
  withoutKeys('RP-50', 'discovery names another issuer', (url) =>
    url.endsWith('configuration')
      ? Response.json({ issuer: 'https://another.example.com', jwks_uri: 'https://another.example.com/jwks' })
      : undefined,
  ),
  withoutKeys('RP-51', 'the JWK Set cannot be fetched, and never was', (url) =>
    url.endsWith('jwks') ? new Response(null, { status: 500 }) : undefined,
  ),
  withoutKeys('RP-51', 'the JWK Set is not JSON', (url) => (url.endsWith('jwks') ? new Response('<html>') : undefined)),
  withoutKeys('RP-51', 'the JWK Set has moved, and the answer is a redirect', (url) =>
    url.endsWith('jwks') ? Response.redirect('https://another.example.com/jwks') : undefined,
  ),
  newKeyAfterForgedTokens,
  failingWith({
    name: 'the key function fails',
    requirement: 'RP-15',
    code: 'ERR_LOGOUT_KEYS_UNAVAILABLE',
    options: ({ issuer, clientId }) => ({ issuers: [{ issuer, clientId, keys: rejecting('no keys') }] }),
  }),
  failingWith({
    name: "the same token was carried out before, and replay is 'reject'",
    requirement: 'RP-24',
    code: 'ERR_LOGOUT_TOKEN_REPLAYED',
    options: () => ({ replay: 'reject' }),
    prepare: (logout, token) => logout.receive(token),
  }),
  failed({
    name: 'the store does not accept the logout',
    requirement: 'RP-38',
    options: () => ({ store: brokenStore({ add: rejecting('down') }) }),
  }),
  failed({
    name: 'the store does not say whether the token was carried out before',
    requirement: 'RP-35',
    options: () => ({ store: brokenStore({ values: rejecting('down') }) }),
  }),
  failed({
    name: 'a listener fails',
    requirement: 'RP-35',
    prepare: (logout) => logout.onLogout(rejecting('no')),
  }),
  failed({
    name: 'a listener takes too long',
    requirement: 'RP-39',
    options: () => ({ listenerTimeout: 0.01 }),
    prepare: (logout) => logout.onLogout(() => new Promise(() => {})),
  }),
  failed({
    name: 'destroySession fails',
    requirement: 'RP-35',
    options: () => ({ destroySession: rejecting('no') }),
    prepare: (logout, token, op) => logout.trackSession(op.session(decodePayload(token)), 'application-session-1'),
  }),
  failed({
    name: 'the issuer function fails',
    requirement: 'RP-11',
    options: () => ({ issuers: rejecting('no') }),
  }),
  failed({
    name: 'the issuer function returns another issuer',
    requirement: 'RP-11',
    options: (op) => ({ issuers: () => ({ ...op.trusted, issuer: 'https://another.example.com' }) }),
  }),
]
