import {
  createBackchannelLogout,
  MemoryStore,
  type BackchannelLogout,
  type BackchannelLogoutErrorCode,
  type BackchannelLogoutOptions,
  type LogoutStore,
} from '@bcl/core'
import { decodePayload } from './compact-jws.js'
import type { TestIssuer } from '../providers/test-issuer.js'

/** A good Logout Token that cannot be carried out, and why. */
export interface FailureCase {
  name: string
  /** The requirement it is about, as numbered in docs/requirements.md. */
  requirement: string
  code: BackchannelLogoutErrorCode
  /** A receiver with `options` of yours beside its own, and the token that it answers with the code. */
  make(
    op: TestIssuer,
    options?: Partial<BackchannelLogoutOptions>,
  ): Promise<{ logout: BackchannelLogout; token: string }>
}

const fail = (problem: string) => async (): Promise<never> => {
  throw new Error(problem)
}

/** Has the keys fetched, unlike `op.trusted`. */
const discovering = ({ issuer, clientId, key }: TestIssuer): BackchannelLogoutOptions['issuers'] => [
  { issuer, clientId, algorithms: [key.alg] },
]

const failing = (
  code: BackchannelLogoutErrorCode,
  requirement: string,
  name: string,
  optionsFor: (op: TestIssuer) => Partial<BackchannelLogoutOptions>,
  prepare: (logout: BackchannelLogout, token: string, op: TestIssuer) => unknown = () => {},
): FailureCase => ({
  name,
  requirement,
  code,
  async make(op, options) {
    const { now } = op
    const usual = { issuers: [op.trusted], sessionMaxAge: 3600, store: new MemoryStore({ now }), now }
    const logout = createBackchannelLogout({ ...usual, ...optionsFor(op), ...options })
    const token = await op.logoutToken()
    await prepare(logout, token, op)
    return { logout, token }
  },
})

const noKeys = (requirement: string, name: string, answer: (url: string) => Response | undefined): FailureCase =>
  failing('ERR_LOGOUT_KEYS_UNAVAILABLE', requirement, name, (op) => ({
    issuers: discovering(op),
    fetch: async (url) => answer(String(url)) ?? op.fetch(url),
  }))

const failed = failing.bind(undefined, 'ERR_LOGOUT_FAILED')

const brokenStore = (broken: Partial<LogoutStore>): LogoutStore => {
  const good = new MemoryStore()
  return {
    add: (...args) => good.add(...args),
    values: (...args) => good.values(...args),
    remove: (...args) => good.remove(...args),
    ...broken,
  }
}

const usable = noKeys('RP-52', 'a new key, after forged tokens have used up the refreshes', () => undefined)
const usedUp: FailureCase = {
  ...usable,
  async make(op, options) {
    const { logout } = await usable.make(op, options)
    const forge = async (kid: string): Promise<string> => op.logoutToken({}, { kid })
    for (const kid of ['a', 'b', 'c', 'd']) await logout.receive(await forge(kid)).catch(() => {})
    return { logout, token: await forge('new') }
  },
}

/** Good tokens that fail all the same, for no fault of theirs or for having come before. */
export const failureCases: readonly FailureCase[] = [
  noKeys('RP-50', 'discovery is down', (url) =>
    url.endsWith('configuration') ? new Response(null, { status: 503 }) : undefined,
  ),
  noKeys('RP-50', 'discovery names another issuer', (url) =>
    url.endsWith('configuration')
      ? Response.json({ issuer: 'https://another.example.com', jwks_uri: 'https://another.example.com/jwks' })
      : undefined,
  ),
  noKeys('RP-51', 'the keys are down, and never were there', (url) =>
    url.endsWith('jwks') ? new Response(null, { status: 500 }) : undefined,
  ),
  noKeys('RP-51', 'the keys are not JSON', (url) => (url.endsWith('jwks') ? new Response('<html>') : undefined)),
  noKeys('RP-51', 'the keys are somewhere else', (url) =>
    url.endsWith('jwks') ? Response.redirect('https://another.example.com/jwks') : undefined,
  ),
  usedUp,
  failing('ERR_LOGOUT_KEYS_UNAVAILABLE', 'RP-15', 'the function for keys fails', ({ issuer, clientId }) => ({
    issuers: [{ issuer, clientId, keys: fail('no keys') }],
  })),
  failing(
    'ERR_LOGOUT_TOKEN_REPLAYED',
    'RP-24',
    "carried out before, and replay is 'reject'",
    () => ({ replay: 'reject' }),
    (logout, token) => logout.receive(token),
  ),
  failed('RP-38', 'the store does not take the logout', () => ({ store: brokenStore({ add: fail('down') }) })),
  failed('RP-35', 'the store does not say whether it was carried out before', () => ({
    store: brokenStore({ values: fail('down') }),
  })),
  failed(
    'RP-35',
    'a listener fails',
    () => ({}),
    (logout) => logout.onLogout(fail('no')),
  ),
  failed(
    'RP-39',
    'a listener takes too long',
    () => ({ listenerTimeout: 0.01 }),
    (logout) => logout.onLogout(() => new Promise(() => {})),
  ),
  failed(
    'RP-35',
    'destroySession fails',
    () => ({ destroySession: fail('no') }),
    (logout, token, op) => logout.trackSession(op.session(decodePayload(token)), 'application-session-1'),
  ),
  failed('RP-11', 'the function for issuers fails', () => ({ issuers: fail('no') })),
  failed('RP-11', 'the function for issuers answers another issuer', (op) => ({
    issuers: () => ({ ...op.trusted, issuer: 'https://another.example.com' }),
  })),
]
