import {
  BACKCHANNEL_LOGOUT_EVENT,
  BackchannelLogoutError,
  MemoryStore,
  type BackchannelLogoutErrorCode,
  type LogoutDelivery,
} from '@bcl/core'
import { failureCases, requestCases, wrongTokens, type TestIssuer } from '@bcl/testing'
import { decodeJwt } from 'jose'
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { create, refusal, sharedIssuer } from './support.js'

const op = await sharedIssuer()

const codes: Record<BackchannelLogoutErrorCode, 'refused' | 'failed'> = {
  ERR_LOGOUT_REQUEST_INVALID: 'refused',
  ERR_LOGOUT_TOKEN_INVALID: 'refused',
  ERR_LOGOUT_TOKEN_SIGNATURE: 'refused',
  ERR_LOGOUT_TOKEN_CLAIM: 'refused',
  ERR_LOGOUT_TOKEN_EXPIRED: 'refused',
  ERR_LOGOUT_TOKEN_REPLAYED: 'refused',
  ERR_LOGOUT_KEYS_UNAVAILABLE: 'failed',
  ERR_LOGOUT_FAILED: 'failed',
}

const post = (token: string) =>
  new Request('https://app.example/backchannel-logout', {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: `logout_token=${token}`,
  })

describe('the code of each failed check', () => {
  const refusedRequests = requestCases.filter(({ code }) => code !== undefined)

  test.each(refusedRequests.map((row) => [row.requirement, row.name, row] as const))(
    'request, %s: %s',
    async (_, __, row) => {
      const deliveries: LogoutDelivery[] = []
      const logout = create(op, { onDelivery: (delivery) => deliveries.push(delivery) })
      const { query = '', ...init } = await row.make(op)
      const response = await logout.handle(new Request(`https://app.example/logout${query}`, init))
      expect(response.status).toBe(row.status)
      expect(deliveries).toMatchObject([{ outcome: 'refused', code: row.code }])
    },
  )

  test('in the table, exactly the requests with the answer 200 have no code', () => {
    for (const { code, status } of requestCases) expect(code === undefined).toBe(status === 200)
  })

  test.concurrent.each(failureCases.map((row) => [row.requirement, row.name, row] as const))(
    'failure, %s: %s',
    async (_, __, row) => {
      const { logout, token } = await row.make(op)
      expect((await refusal(logout.receive(token))).code).toBe(row.code)
    },
  )

  test('each code has a row', () => {
    const rows = [...refusedRequests, ...wrongTokens, ...failureCases]
    expect(new Set(rows.map(({ code }) => code))).toEqual(new Set(Object.keys(codes)))
  })
})

describe('RP-41: the answer to each kind of failure', () => {
  test.concurrent.each(failureCases.map((row) => [row.name, row] as const))('%s', async (_, row) => {
    const ours = codes[row.code] === 'failed'
    const check = async (unavailableStatus: 400 | 503): Promise<void> => {
      const deliveries: LogoutDelivery[] = []
      const onDelivery = (delivery: LogoutDelivery) => deliveries.push(delivery)
      const { logout, token } = await row.make(op, { unavailableStatus, onDelivery })
      const response = await logout.handle(post(token))
      expect(response.status).toBe(ours ? unavailableStatus : 400)
      expect(await response.json()).toMatchObject({ error: ours ? 'temporarily_unavailable' : 'invalid_request' })
      expect(deliveries).toMatchObject([{ outcome: codes[row.code], code: row.code }])
    }
    await Promise.all([check(400), check(503)])
  })
})

/** Returns all text that a logger can find in a value at any depth. */
function everythingIn(value: unknown, seen = new Set<unknown>()): string[] {
  if (seen.has(value)) return []
  seen.add(value)
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return [String(value)]
  const limits = { maxStringLength: null, maxArrayLength: null, breakLength: Infinity }
  const texts = [
    inspect(value, { depth: Infinity, showHidden: true, getters: true, ...limits }),
    JSON.stringify(value) ?? '',
    String(value),
  ]
  const members = Reflect.ownKeys(value).flatMap((name) => [
    String(name),
    ...everythingIn((value as Record<PropertyKey, unknown>)[name], seen),
  ])
  return [...texts, ...members]
}

const secrets = {
  sub: 'SECRET-subject',
  sid: 'SECRET-session',
  jti: 'SECRET-token-id',
  email: 'SECRET@example.com',
  address: { street_address: 'SECRET street', floor: 90_210_777 },
}

/** The issuer `op`, but its tokens have a secret in each claim that a row does not set. */
const secretive: TestIssuer = {
  ...op,
  logoutToken: (claims = {}, header = {}) => op.logoutToken({ ...secrets, ...claims }, header),
}

const leaves = (value: unknown): unknown[] =>
  typeof value === 'object' && value !== null ? Object.values(value).flatMap(leaves) : [value]

/** The texts that no error may contain: the token, its parts, and its claim values. Short and configured values are allowed. */
function forbidden(token: string): string[] {
  const known = new Set([op.issuer, op.clientId, BACKCHANNEL_LOGOUT_EVENT])
  let claims: unknown
  try {
    claims = decodeJwt(token)
  } catch {
    claims = secrets
  }
  return [token, ...token.split('.'), ...leaves(claims).map(String)].filter(
    (text) => text.length > 4 && !known.has(text),
  )
}

/** A record without its duration. The digits of a duration can equal the digits of a claim. */
const withoutDuration = (record: LogoutDelivery): LogoutDelivery => ({ ...record, durationMs: 0 })

function expectNone(texts: readonly string[], found: unknown): void {
  const everything = everythingIn(found).join('\n')
  for (const text of texts) expect(everything).not.toContain(text)
}

describe('RP-43: no claim value and no token in errors, records and answers', () => {
  test('the search function of these tests also finds hidden texts', () => {
    const inner = Object.defineProperty(new Error('x'), 'payload', { value: { sub: 'SECRET' }, enumerable: false })
    const error = new Error('y', { cause: new AggregateError([inner]) })
    expect(() => expectNone(['SECRET'], { error })).toThrow('SECRET')
    expect(() => expectNone(['SECRET'], new Error('a SECRET'))).toThrow('SECRET')
    expect(forbidden('not.a.token-at-all')).toContain('SECRET-subject')
  })

  test.each(wrongTokens.map((row) => [row.name, row] as const))(
    'contain nothing of a refused token: %s',
    async (_, row) => {
      const token = await row.make(secretive)
      const deliveries: LogoutDelivery[] = []
      const logout = create(op, {
        issuers: [{ ...op.trusted, ...row.settings }],
        onDelivery: (delivery) => deliveries.push(delivery),
      })
      expectNone(forbidden(token), await refusal(logout.receive(token)))
      const response = await logout.handle(post(token))
      expectNone(forbidden(token), [await response.text(), ...response.headers])
      expect(deliveries).toHaveLength(1)
      expectNone(forbidden(token), deliveries.map(withoutDuration))
      expect(Object.keys(deliveries[0]!).toSorted()).toEqual(['code', 'durationMs', 'error', 'outcome'])
    },
  )

  test.concurrent.each(failureCases.map((row) => [row.name, row] as const))(
    'contain nothing of a token whose logout failed: %s',
    async (_, row) => {
      const deliveries: LogoutDelivery[] = []
      const { logout, token } = await row.make(secretive, { onDelivery: (delivery) => deliveries.push(delivery) })
      const [error, response] = await Promise.all([refusal(logout.receive(token)), logout.handle(post(token))])
      expectNone(forbidden(token), [error, await response.text(), ...response.headers])
      // The record of a verified token has its `jti`, and no other value of the token.
      const { jti, ...rest } = withoutDuration(deliveries[0]!)
      expect([undefined, secrets.jti]).toContain(jti)
      expectNone(forbidden(token), rest)
    },
  )

  test('contain nothing of a token that was carried out', async () => {
    const deliveries: LogoutDelivery[] = []
    const logout = create(op, { onDelivery: (delivery) => deliveries.push(delivery) })
    const token = await secretive.logoutToken()
    const response = await logout.handle(post(token))
    expectNone(forbidden(token), [await response.text(), ...response.headers])
    const { jti, ...rest } = withoutDuration(deliveries[0]!)
    expect(jti).toBe(secrets.jti)
    expectNone(forbidden(token), rest)
  })

  test("contain nothing of a store's error that repeats its arguments", async () => {
    const down = async (...args: unknown[]): Promise<never> => {
      throw Object.assign(new Error(`failed: ${JSON.stringify(args)}`), { command: { name: 'SADD', args } })
    }
    const deliveries: LogoutDelivery[] = []
    const errors: unknown[] = []
    const logout = create(op, {
      store: { add: down, values: down, remove: down },
      onDelivery: (delivery) => deliveries.push(delivery),
      onError: (error) => errors.push(error),
    })
    const token = await secretive.logoutToken()
    const [error] = await Promise.all([refusal(logout.receive(token)), logout.handle(post(token))])
    const { jti: _, ...rest } = withoutDuration(deliveries[0]!)
    expectNone(forbidden(token), [error, rest])
    const session = op.session({ ...secrets, sid: 'SECRET-other' })
    expectNone(forbidden(token), await refusal(logout.isLoggedOut(session)))
    expectNone(forbidden(token), errors)
    await logout.close()
  })

  test("contain nothing of the store's error if the failed work does not affect the answer", async () => {
    const down = async (...args: unknown[]): Promise<never> => {
      throw new Error(`failed: ${JSON.stringify(args)}`)
    }
    const errors: unknown[] = []
    const store = Object.assign(new MemoryStore(), { remove: down, publish: down })
    const logout = create(op, { store, onError: (error) => errors.push(error) })
    const tokens = [secretive.logoutToken({ iat: op.now() - 1, jti: 'SECRET-first' }), secretive.logoutToken()]
    for (const token of tokens) await logout.receive(await token)
    // Two broadcasts fail, and one removal of the superseded marker.
    expect(errors).toHaveLength(3)
    expectNone(forbidden(await tokens[1]!), errors)
  })
})

test('an error has the name of its class and the values that it was created with', () => {
  const cause = new Error('why')
  const error = new BackchannelLogoutError('ERR_LOGOUT_TOKEN_CLAIM', 'what', { claim: 'aud', expected: 'me', cause })
  expect(String(error)).toBe('BackchannelLogoutError: what')
  expect(error).toMatchObject({ code: 'ERR_LOGOUT_TOKEN_CLAIM', claim: 'aud', expected: 'me' })
  expect(error.cause).toBe(cause)
  const bare = new BackchannelLogoutError('ERR_LOGOUT_FAILED', 'what')
  expect(['claim', 'expected', 'cause'].filter((name) => name in bare)).toEqual([])
})
