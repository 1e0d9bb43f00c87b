import { BACKCHANNEL_LOGOUT_EVENT, isLogoutToken, verifyLogoutToken, type TrustedIssuer } from '@bcl/core'
import { createTestIssuer } from '@bcl/testing'
import { describe, expect, test } from 'vitest'
import { createClock, refusal } from './support.js'

const clock = createClock()
const op = await createTestIssuer({ alg: 'ES256', now: clock.now })
const now = clock.time
const verify = async (claims: object, settings: Partial<TrustedIssuer> = {}) =>
  verifyLogoutToken(await op.logoutToken(claims), [{ ...op.trusted, ...settings }], { now: clock.now })
const refused = async (claims: object, settings?: Partial<TrustedIssuer>) => {
  const { code, claim, expected } = await refusal(verify(claims, settings))
  return { code, claim, expected }
}

test('the event has the name in the specification', () => {
  expect(BACKCHANNEL_LOGOUT_EVENT).toBe('http://schemas.openid.net/event/backchannel-logout')
})

test('a verified token has exactly the sent claims', async () => {
  const events = { [BACKCHANNEL_LOGOUT_EVENT]: {}, revoke_offline_access: true }
  const claims = { iss: op.issuer, aud: [op.clientId], iat: now - 5, exp: now + 5, jti: 'j', sub: 'alice', events }
  const said = { ...claims, extra: { a: [1] } }
  expect(await verify({ ...said, sid: undefined })).toStrictEqual({
    ...claims,
    clientId: op.clientId,
    clientIds: [op.clientId],
    claims: said,
  })
  const { exp: _exp, sub: _sub, ...rest } = { ...said, sub: null, sid: 's' }
  const { extra: _extra, ...known } = rest
  expect(await verify({ ...rest, sub: null, exp: undefined }, { requireExp: false })).toStrictEqual({
    ...known,
    clientId: op.clientId,
    clientIds: [op.clientId],
    claims: { ...rest, sub: null },
  })
})

test('a value that is not a string is refused', async () => {
  for (const jwt of [undefined, null, 42, {}, ['a', 'b', 'c'], { length: 3, split: () => ['e30', 'e30', ''] }]) {
    expect((await refusal(verifyLogoutToken(jwt as never, [op.trusted]))).code).toBe('ERR_LOGOUT_TOKEN_INVALID')
  }
})

test('RP-12c: a token may have at most 100 audiences', async () => {
  const others = Array.from({ length: 99 }, (_, index) => `api-${index}`)
  const settings = { trustedAudiences: [...others, 'one more'] }
  expect(await verify({ aud: [op.clientId, ...others] }, settings)).toMatchObject({ clientId: op.clientId })
  const { claim } = await refused({ aud: [op.clientId, ...others, 'one more'] }, settings)
  expect(claim).toBe('aud')
})

test.each([null, 7, [], ['key-1'], { length: 1 }])('RP-15: a kid that is not a string is refused: %j', async (kid) => {
  const { code } = await refusal(verifyLogoutToken(await op.logoutToken({}, { kid }), [op.trusted], { now: clock.now }))
  expect(code).toBe('ERR_LOGOUT_TOKEN_INVALID')
})

test('RP-22: a typ with more text around logout+jwt is refused', async () => {
  for (const typ of ['xlogout+jwt', 'logout+jwtx', 'x/logout+jwt', 'xapplication/logout+jwt', 'xjwt', 'jwtx']) {
    expect(isLogoutToken({ typ })).toBe(false)
    const { code } = await refusal(
      verifyLogoutToken(await op.logoutToken({}, { typ }), [op.trusted], { now: clock.now }),
    )
    expect(code).toBe('ERR_LOGOUT_TOKEN_INVALID')
  }
})

test('RP-11: the error names the issuer that differs only by a slash. If there is none, the error names the first issuer', async () => {
  const issuers = ['https://a.example', 'https://b.example/', 'https://c.example'].map((issuer) => ({
    ...op.trusted,
    issuer,
  }))
  const expectedFor = async (iss: unknown) =>
    (await refusal(verifyLogoutToken(await op.logoutToken({ iss }), issuers, { now: clock.now }))).expected
  expect(await expectedFor('https://b.example')).toBe('https://b.example/')
  expect(await expectedFor('https://c.example/')).toBe('https://c.example')
  expect(await expectedFor('https://d.example')).toBe('https://a.example')
  expect(await expectedFor(undefined)).toBe('https://a.example')
})

test('RP-13: the cause has the reason why a signature was refused', async () => {
  const [header, payload] = (await op.logoutToken()).split('.')
  const [, , signature] = (await op.logoutToken({ jti: 'another' })).split('.')
  const forged = [header, payload, signature].join('.')
  const error = await refusal(verifyLogoutToken(forged, [op.trusted], { now: clock.now }))
  expect(error.code).toBe('ERR_LOGOUT_TOKEN_SIGNATURE')
  expect(error.cause).toMatchObject({ code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED' })
})

describe('RP-17: times, to the second', () => {
  const expired = 'ERR_LOGOUT_TOKEN_EXPIRED'
  const wrong = 'ERR_LOGOUT_TOKEN_CLAIM'

  test('a token expires at exp plus the tolerance', async () => {
    expect(await verify({ exp: now - 59 })).toBeDefined()
    expect(await refused({ exp: now - 60 })).toEqual({ code: expired, claim: 'exp' })
  })

  test('iat and nbf may be ahead by the tolerance', async () => {
    expect(await verify({ iat: now + 60, nbf: now + 60 })).toBeDefined()
    expect(await refused({ iat: now + 61 })).toEqual({ code: wrong, claim: 'iat' })
    expect(await refused({ nbf: now + 61 })).toEqual({ code: wrong, claim: 'nbf' })
  })

  test('a token expires at iat plus maxTokenAge plus the tolerance', async () => {
    const settings = { maxTokenAge: 100 }
    expect(await verify({ iat: now - 160 }, settings)).toBeDefined()
    expect(await refused({ iat: now - 161 }, settings)).toEqual({ code: expired, claim: 'iat' })
  })

  test('a token without exp expires after 120 s plus the tolerance', async () => {
    const [claims, settings] = [{ exp: undefined }, { requireExp: false }]
    expect(await verify({ ...claims, iat: now - 180 }, settings)).toBeDefined()
    expect(await refused({ ...claims, iat: now - 181 }, settings)).toEqual({ code: expired, claim: 'iat' })
    expect(await refused(claims)).toEqual({ code: wrong, claim: 'exp' })
  })
})

describe('RP-11: an iss that is not a string', () => {
  test.each([[7], [null], [{}], [{ toString: '' }], [[op.issuer]]])('is refused: %j', async (iss) => {
    expect(await refused({ iss })).toEqual({ code: 'ERR_LOGOUT_TOKEN_CLAIM', claim: 'iss', expected: op.issuer })
  })
})

describe('RP-12: the client in the error of a refused token', () => {
  const code = 'ERR_LOGOUT_TOKEN_CLAIM'
  const issuers = ['first', 'second'].map((clientId) => ({ ...op.trusted, clientId }))
  const expected = async (claims: object) => {
    const error = await refusal(verifyLogoutToken(await op.logoutToken(claims), issuers, { now: clock.now }))
    return [error.code, error.claim, error.expected]
  }

  test('is the client that the token names. If the token names none, it is the first client', async () => {
    expect(await expected({ aud: ['second', 'stranger'] })).toEqual([code, 'aud', 'second'])
    expect(await expected({ aud: 'stranger' })).toEqual([code, 'aud', 'first'])
    expect(await expected({ aud: 'second', azp: 'first' })).toEqual([code, 'azp', 'second'])
  })
})

describe('RP-10a: the encoding of a token', () => {
  test.each(['é', 'ÿ', '😀', 'ÿÿÿ>>>???~~~', '\ufeff', 'a\u0000b', '~~~???>>>', '\u0080\u07ff\u0800\uffff'])(
    '%j',
    async (name) => {
      const { sub, sid } = await verify({ sub: name, sid: `${name}${name}` })
      expect([sub, sid]).toEqual([name, name + name])
    },
  )

  test.each([
    ['bytes that are not UTF-8', [0xff]],
    ['UTF-8 that is cut off', [0xc3]],
    ['a surrogate as UTF-8', [0xed, 0xa0, 0x80]],
  ])('a payload with %s is refused', async (_, bytes) => {
    const payload = Buffer.from((await op.logoutToken({ sub: '@@' })).split('.')[1]!, 'base64url')
    const at = payload.indexOf('@@')
    const changed = Buffer.concat([payload.subarray(0, at), Buffer.from(bytes), payload.subarray(at + 2)])
    const token = await op.sign(changed, { alg: 'ES256', kid: op.key.kid })
    const { code } = await refusal(verifyLogoutToken(token, [op.trusted], { now: clock.now }))
    expect(code).toBe('ERR_LOGOUT_TOKEN_INVALID')
  })

  test('a payload that starts with a byte order mark is refused', async () => {
    const payload = Buffer.from((await op.logoutToken({ sub: 'é' })).split('.')[1]!, 'base64url')
    const token = await op.sign(Buffer.concat([Buffer.from('\ufeff'), payload]), { alg: 'ES256', kid: op.key.kid })
    const { code } = await refusal(verifyLogoutToken(token, [op.trusted], { now: clock.now }))
    expect(code).toBe('ERR_LOGOUT_TOKEN_INVALID')
  })

  // 32 bytes leave two spare bits, and 64 bytes leave four. So other last characters decode to the same bytes.
  test.each([
    ['HS256', 4],
    ['HS512', 16],
  ])('a signature with %s is accepted in one spelling only', async (alg, spellings) => {
    const clientSecret = 'a-secret-of-at-least-sixty-four-bytes-so-that-it-fits-each-algorithm'
    const { keys: _, ...settings } = { ...op.trusted, algorithms: [alg], clientSecret }
    const payload = Buffer.from((await op.logoutToken()).split('.')[1]!, 'base64url')
    const token = await op.sign(payload, { alg }, new TextEncoder().encode(clientSecret))
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const bytes = Buffer.from(token.split('.')[2]!, 'base64url')
    const same = [...alphabet]
      .map((last) => token.slice(0, -1) + last)
      .filter((one) => Buffer.from(one.split('.')[2]!, 'base64url').equals(bytes))
    expect(same.length).toBe(spellings)
    for (const one of same) {
      const outcome = verifyLogoutToken(one, [settings], { now: clock.now }).then(
        () => 'accepted',
        (error: unknown) => (error as { code: string }).code,
      )
      expect(await outcome).toBe(one === token ? 'accepted' : 'ERR_LOGOUT_TOKEN_INVALID')
    }
  })

  test.each(['', 'a', 'a.b', 'a.b.c.d', 'a.b.c.d.e.f', '.', '..', '....'])('%j is not a token', async (token) => {
    const { code } = await refusal(verifyLogoutToken(token, [op.trusted]))
    expect(code).toBe('ERR_LOGOUT_TOKEN_INVALID')
  })
})
