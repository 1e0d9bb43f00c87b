import { createBackchannelLogout, MemoryStore, verifyLogoutToken, type TrustedIssuer } from '@bcl/core'
import { createTestIssuer } from '@bcl/testing'
import { describe, expect, test, vi } from 'vitest'
import { createClock, refusal } from './support.js'

const clock = createClock()
const op = await createTestIssuer({ alg: 'ES256', now: clock.now })
const outcome = (jwt: string, settings: Partial<TrustedIssuer> = {}) =>
  verifyLogoutToken(jwt, [{ ...op.trusted, ...settings }], { now: clock.now }).then(
    () => 'ok',
    (error: unknown) => (error as { code: string }).code,
  )

describe('RP-4a: the length of a token', () => {
  /** Makes a token of this length. To reach the length, tries several lengths of a claim and of a header parameter. */
  async function tokenOf(length: number): Promise<string> {
    const { length: least } = await op.logoutToken({ pad: '' }, { more: '' })
    const guess = Math.floor(((length - least) * 3) / 4)
    for (let pad = guess - 4; pad < guess + 5; pad += 1) {
      for (const more of ['', '1', '22']) {
        const token = await op.logoutToken({ pad: 'x'.repeat(pad) }, { more })
        if (token.length === length) return token
      }
    }
    return expect.fail(`no token of ${length} characters`)
  }

  test('a token of 16,384 characters is accepted, and a longer token is refused', async () => {
    expect(await outcome(await tokenOf(16_384))).toBe('ok')
    expect(await outcome(await tokenOf(16_385))).toBe('ERR_LOGOUT_TOKEN_INVALID')
  })
})

describe('RP-15, RP-54: the kid', () => {
  const keys = async () => op.key.publicKey

  test('a kid of 1,024 characters is accepted, and a longer kid is refused', async () => {
    expect(await outcome(await op.logoutToken({}, { kid: 'k'.repeat(1024) }), { keys })).toBe('ok')
    expect(await outcome(await op.logoutToken({}, { kid: 'k'.repeat(1025) }), { keys })).toBe(
      'ERR_LOGOUT_TOKEN_INVALID',
    )
  })

  test('the kid may be empty or absent', async () => {
    expect(await outcome(await op.logoutToken({}, { kid: '' }), { keys })).toBe('ok')
    expect(await outcome(await op.logoutToken({}, { kid: undefined }), { keys })).toBe('ok')
  })
})

describe('RP-13: the code of the error if no key verifies a token', () => {
  test.each([
    ['ERR_JWS_SIGNATURE_VERIFICATION_FAILED', 'ERR_LOGOUT_TOKEN_SIGNATURE'],
    ['ERR_JWS_INVALID', 'ERR_LOGOUT_TOKEN_SIGNATURE'],
    ['ERR_JWKS_NO_MATCHING_KEY', 'ERR_LOGOUT_TOKEN_SIGNATURE'],
    ['ERR_JOSE_NOT_SUPPORTED', 'ERR_LOGOUT_TOKEN_SIGNATURE'],
    ['ERR_JWKS_TIMEOUT', 'ERR_LOGOUT_KEYS_UNAVAILABLE'],
    ['ECONNREFUSED', 'ERR_LOGOUT_KEYS_UNAVAILABLE'],
  ])('%s is %s', async (code, is) => {
    const cause = Object.assign(new Error('of the keys'), { code })
    const keys = () => Promise.reject(cause)
    const error = await refusal(
      verifyLogoutToken(await op.logoutToken(), [{ ...op.trusted, keys }], { now: clock.now }),
    )
    expect([error.code, error.cause]).toEqual([is, cause])
  })

  test('a rejection with undefined is an outage', async () => {
    // oxlint-disable-next-line prefer-promise-reject-errors -- an application may reject with undefined
    expect(await outcome(await op.logoutToken(), { keys: () => Promise.reject(undefined) })).toBe(
      'ERR_LOGOUT_KEYS_UNAVAILABLE',
    )
  })

  test('a token with an unregistered algorithm causes no call of the key function', async () => {
    const keys = vi.fn(async () => op.key.publicKey)
    expect(await outcome(await op.logoutToken(), { keys, algorithms: ['RS256'] })).toBe('ERR_LOGOUT_TOKEN_SIGNATURE')
    expect(keys).not.toHaveBeenCalled()
  })
})

describe('RP-13: algorithms that may be registered', () => {
  const registering = (algorithm: string) => () =>
    createBackchannelLogout({
      issuers: [{ ...op.trusted, algorithms: [algorithm], clientSecret: 's' }],
      sessionMaxAge: 60,
      store: new MemoryStore(),
    })
  const families = ['RS', 'PS', 'ES', 'HS'].flatMap((family) => [256, 384, 512].map((size) => `${family}${size}`))

  test.each([...families, 'EdDSA', 'Ed25519', 'ML-DSA-44', 'ML-DSA-65', 'ML-DSA-87'])('%s', (algorithm) => {
    expect(registering(algorithm)).not.toThrow()
  })

  test.each(['none', 'rs256', 'xRS256', 'RS256x', 'RS', '256', 'AS256', 'RS128', 'ES', 'EdDSAx', 'xEdDSA', 'Ed448'])(
    'not %s',
    (algorithm) => {
      expect(registering(algorithm)).toThrow('issuers[0].algorithms must be a list such as ["RS256"]')
    },
  )

  test.each(['Ed25519x', 'ML-DSA-', 'ML-DSA-46', 'ML-DSA-44x', 'xML-DSA-44', '', 'RS256 '])('nor %j', (algorithm) => {
    expect(registering(algorithm)).toThrow('issuers[0].algorithms must be a list such as ["RS256"]')
  })
})

describe('URLs from which keys may be fetched', () => {
  const at = (url: string) => () =>
    createBackchannelLogout({
      issuers: [{ issuer: op.issuer, clientId: 'c', keys: new URL(url) }],
      sessionMaxAge: 60,
      store: new MemoryStore(),
    })

  test.each([
    'https://op.example.com/jwks',
    'https://op.example.com/user@jwks',
    'https://op.example.com?user@jwks',
    'http://localhost/jwks',
    'http://127.0.0.1:1/jwks',
    'http://[::1]/jwks',
  ])('%s', (url) => {
    expect(at(url)).not.toThrow()
  })

  test.each([
    'http://op.example.com/jwks',
    'ftp://localhost/jwks',
    'http://localhost.evil/jwks',
    'http://xlocalhost/',
    'file:///jwks',
    'https://user@op.example.com/jwks',
    'https://user:secret@op.example.com',
    'http://user:secret@localhost?jwks',
  ])('not %s', (url) => {
    expect(at(url)).toThrow('issuers[0].keys must be https')
    expect(at(url)).not.toThrow('secret')
  })
})

describe('the error of verifyLogoutToken names the wrong option', () => {
  const jwt = 'x'
  test.each<[string, unknown, string]>([
    ['no list', undefined, 'issuers must be a list, got undefined'],
    ['an issuer that is not in a list', op.trusted, 'issuers must be a list, got object'],
    ['no keys', [{ issuer: op.issuer, clientId: 'c' }], 'issuers[0].keys must be set'],
    [
      'keys of only one of two issuers',
      [op.trusted, { issuer: op.issuer, clientId: 'c' }],
      'issuers[1].keys must be set',
    ],
    [
      'HS256 beside RS256',
      [{ issuer: 'i', clientId: 'c', algorithms: ['HS256', 'RS256'], clientSecret: 's' }],
      'issuers[0].keys must be set',
    ],
  ])('%s', async (_, issuers, name) => {
    const work = verifyLogoutToken(jwt, issuers as TrustedIssuer[])
    await expect(work).rejects.toThrow(TypeError)
    await expect(work).rejects.toThrow(name)
  })
})
