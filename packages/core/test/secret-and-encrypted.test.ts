import { verifyLogoutToken, type TrustedIssuer } from '@bcl/core'
import { createTestIssuer, type TestIssuer } from '@bcl/testing'
import { CompactEncrypt, exportJWK, generateKeyPair, importJWK, type CryptoKey, type JWK } from 'jose'
import { describe, expect, test, vi } from 'vitest'
import { advance, create, createClock, refusal } from './support.js'

const op = await createTestIssuer()
const encoder = new TextEncoder()
const claimsOf = async (from: TestIssuer = op, claims: object = {}) =>
  JSON.parse(
    atob((await from.logoutToken({ jti: 'j', ...claims })).split('.')[1]!.replaceAll('-', '+').replaceAll('_', '/')),
  ) as object

describe('RP-14: HS256, HS384 and HS512', () => {
  const secret = 'the client secret, of ünusual letters'

  test.each(['HS256', 'HS384', 'HS512'])('%s uses the UTF-8 bytes of the client secret', async (alg) => {
    const issuers = [{ issuer: op.issuer, clientId: op.clientId, algorithms: [alg], clientSecret: secret }]
    expect(
      await verifyLogoutToken(await op.sign(await claimsOf(), { alg }, encoder.encode(secret)), issuers),
    ).toMatchObject({ jti: 'j' })
    const forged = await op.sign(
      await claimsOf(),
      { alg },
      encoder.encode('another secret, that is of proper length too'),
    )
    expect((await refusal(verifyLogoutToken(forged, issuers))).code).toBe('ERR_LOGOUT_TOKEN_SIGNATURE')
  })

  test('a short secret is used unchanged', async () => {
    const issuers = [{ issuer: op.issuer, clientId: op.clientId, algorithms: ['HS256'], clientSecret: 'short' }]
    const key = await crypto.subtle.importKey(
      'raw',
      encoder.encode('short'),
      { name: 'HMAC', hash: 'SHA-256' },
      false,
      ['sign'],
    )
    const parts = [{ alg: 'HS256' }, await claimsOf()]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.')
    const signature = Buffer.from(await crypto.subtle.sign('HMAC', key, encoder.encode(parts))).toString('base64url')
    expect(await verifyLogoutToken(`${parts}.${signature}`, issuers)).toMatchObject({ jti: 'j' })
  })

  test('an HS algorithm that is not registered is refused', async () => {
    const issuers = [{ issuer: op.issuer, clientId: op.clientId, algorithms: ['HS512'], clientSecret: secret }]
    const token = await op.sign(await claimsOf(), { alg: 'HS256' }, encoder.encode(secret))
    expect((await refusal(verifyLogoutToken(token, issuers))).code).toBe('ERR_LOGOUT_TOKEN_SIGNATURE')
  })

  test('if only RS256 is registered, the client secret verifies no HS256 token', async () => {
    const token = await op.sign(await claimsOf(), { alg: 'HS256' }, encoder.encode(secret))
    expect((await refusal(verifyLogoutToken(token, [{ ...op.trusted, clientSecret: secret }]))).code).toBe(
      'ERR_LOGOUT_TOKEN_SIGNATURE',
    )
  })
})

test.each(['RS384', 'PS256', 'ES256', 'ES384', 'EdDSA', 'Ed25519'])(
  'RP-13: %s is accepted if it is registered',
  async (alg) => {
    const other = await createTestIssuer({ alg })
    expect(await verifyLogoutToken(await other.logoutToken(), [other.trusted])).toMatchObject({ iss: op.issuer })
    expect(
      (await refusal(verifyLogoutToken(await other.logoutToken(), [{ ...other.trusted, algorithms: ['RS256'] }]))).code,
    ).toBe('ERR_LOGOUT_TOKEN_SIGNATURE')
  },
)

describe('RP-16: encrypted tokens', async () => {
  const other = await createTestIssuer({ issuer: 'https://other.example.com' })
  const pair = async (alg: string, kid?: string): Promise<{ publicKey: JWK; privateKey: JWK }> => {
    const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
    return {
      publicKey: { ...(await exportJWK(publicKey)), ...(kid && { kid }) },
      privateKey: { ...(await exportJWK(privateKey)), ...(kid && { kid }) },
    }
  }
  const mine = await pair('RSA-OAEP', 'enc-1')
  const theirs = await pair('RSA-OAEP', 'enc-2')
  const settings = { alg: ['RSA-OAEP'], enc: ['A128CBC-HS256'] }
  const trusting = (more: object = {}): TrustedIssuer => ({
    ...op.trusted,
    decryption: { ...settings, keys: [mine.privateKey], ...more },
  })
  const encrypt = (text: string, header: object = {}, key: JWK | Uint8Array = mine.publicKey) =>
    new CompactEncrypt(encoder.encode(text))
      .setProtectedHeader({ alg: 'RSA-OAEP', enc: 'A128CBC-HS256', ...header })
      .encrypt(key)
  const verify = (token: string, ...issuers: TrustedIssuer[]) => verifyLogoutToken(token, issuers)
  const code = async (token: string, ...issuers: TrustedIssuer[]) => (await refusal(verify(token, ...issuers))).code

  test('are decrypted and then verified', async () => {
    const jws = await op.logoutToken({ jti: 'j' })
    for (const header of [
      {},
      { kid: 'enc-1' },
      { kid: 'unheard of' },
      { iss: op.issuer, aud: op.clientId, cty: 'JWT' },
      { zip: 'DEF' },
    ]) {
      expect(await verify(await encrypt(jws, header), trusting())).toMatchObject({ jti: 'j' })
    }
    expect(await code(await encrypt(await op.logoutToken({ nonce: 'n' })), trusting())).toBe('ERR_LOGOUT_TOKEN_CLAIM')
    expect(await code(await encrypt(jws.slice(0, -9) + 'AAAAAAAAA'), trusting())).toBe('ERR_LOGOUT_TOKEN_SIGNATURE')
    expect(await code(await encrypt(await other.logoutToken({ iss: op.issuer })), trusting())).toBe(
      'ERR_LOGOUT_TOKEN_SIGNATURE',
    )
  })

  test('an oct key decrypts a token with dir', async () => {
    const key = crypto.getRandomValues(new Uint8Array(32))
    const jwk = { kty: 'oct', k: Buffer.from(key).toString('base64url') }
    const decryption = { keys: [jwk], alg: ['dir'], enc: ['A256GCM'] }
    const token = await encrypt(await op.logoutToken({ jti: 'j' }), { alg: 'dir', enc: 'A256GCM' }, key)
    expect(await verify(token, { ...op.trusted, decryption })).toMatchObject({ jti: 'j' })
  })

  test('a token that is not encrypted is refused if encryption is required, and accepted otherwise', async () => {
    const jws = await op.logoutToken()
    expect(await code(jws, trusting({ required: true }))).toBe('ERR_LOGOUT_TOKEN_INVALID')
    expect(await verify(jws, trusting())).toMatchObject({ iss: op.issuer })
    expect(await verify(await encrypt(jws), trusting({ required: true }))).toMatchObject({ iss: op.issuer })
  })

  test.each<[string, () => Promise<string>]>([
    ['under another key', async () => encrypt(await op.logoutToken(), {}, theirs.publicKey)],
    ['under another alg', async () => encrypt(await op.logoutToken(), { alg: 'RSA-OAEP-256' })],
    ['under another enc', async () => encrypt(await op.logoutToken(), { enc: 'A256GCM' })],
    ['twice', async () => encrypt(await encrypt(await op.logoutToken()))],
    ['text', async () => encrypt('alice')],
    ['claims without a signature', async () => encrypt(JSON.stringify(await claimsOf()))],
    [
      'with crit',
      async () => {
        const [, ...rest] = (await encrypt(await op.logoutToken())).split('.')
        return [
          Buffer.from(JSON.stringify({ alg: 'RSA-OAEP', enc: 'A128CBC-HS256', crit: ['x'], x: 1 })).toString(
            'base64url',
          ),
          ...rest,
        ].join('.')
      },
    ],
    [
      'that decompresses to more than 64 KiB',
      async () => encrypt((await op.logoutToken()) + 'A'.repeat(64 * 1024), { zip: 'DEF' }),
    ],
  ])('encrypted %s is refused', async (_, make) => {
    expect(await code(await make(), trusting())).toBe('ERR_LOGOUT_TOKEN_INVALID')
  })

  test('a token is refused if no registration has a key for it', async () => {
    expect(await code(await encrypt(await op.logoutToken()), op.trusted)).toBe('ERR_LOGOUT_TOKEN_INVALID')
  })

  test('the token is refused if its issuer is not the issuer of the decryption key', async () => {
    const both: TrustedIssuer[] = [
      trusting(),
      { ...other.trusted, decryption: { ...settings, keys: [theirs.privateKey] } },
    ]
    const inner = await other.logoutToken()
    expect(await verify(await encrypt(inner, {}, theirs.publicKey), ...both)).toMatchObject({ iss: other.issuer })
    expect(await verify(await encrypt(inner, { iss: other.issuer }, theirs.publicKey), ...both)).toMatchObject({
      iss: other.issuer,
    })
    expect(await refusal(verify(await encrypt(inner), ...both))).toMatchObject({
      code: 'ERR_LOGOUT_TOKEN_CLAIM',
      claim: 'iss',
      expected: op.issuer,
    })
    expect(await code(await encrypt(inner, { iss: op.issuer }, theirs.publicKey), ...both)).toBe(
      'ERR_LOGOUT_TOKEN_INVALID',
    )
    expect(await refusal(verify(await encrypt(inner, { iss: 'https://unknown.example' }), ...both))).toMatchObject({
      claim: 'iss',
    })
  })

  test('an iss in the header that is not a string is refused', async () => {
    const token = await encrypt(await op.logoutToken(), { iss: 1 as unknown as string })
    expect(await refusal(verify(token, trusting()))).toMatchObject({ code: 'ERR_LOGOUT_TOKEN_CLAIM', claim: 'iss' })
  })

  test('two issuers can have equal decryption keys in separate objects', async () => {
    const give = () => ({ ...settings, keys: [{ ...mine.privateKey }] })
    const both: TrustedIssuer[] = [
      { ...op.trusted, decryption: give() },
      { ...other.trusted, decryption: give() },
    ]
    expect(await verify(await encrypt(await other.logoutToken()), ...both)).toMatchObject({ iss: other.issuer })
  })

  test('two issuers can share one decryption key', async () => {
    const decryption = { ...settings, keys: [mine.privateKey] }
    const both: TrustedIssuer[] = [
      { ...op.trusted, decryption },
      { ...other.trusted, decryption },
    ]
    expect(await verify(await encrypt(await other.logoutToken()), ...both)).toMatchObject({ iss: other.issuer })
  })

  test('RP-12: more than four clients can share one decryption key', async () => {
    for (const kid of ['enc-1', undefined]) {
      const clients = ['a', 'b', 'c', 'd', 'e', 'f'].map((clientId, index) => ({
        ...op.trusted,
        clientId,
        decryption: { ...settings, keys: [{ ...mine.privateKey, kid: kid ?? `enc-${index}` }] },
      }))
      const token = await encrypt(await op.logoutToken({ aud: 'f' }), kid ? { kid } : {})
      expect(await verify(token, ...clients)).toMatchObject({ clientId: 'f' })
    }
  })

  test('alg and enc must be registered for the same client as the key', async () => {
    const issuers = [
      { ...op.trusted, clientId: 'a', decryption: { ...settings, alg: ['RSA-OAEP-256'], keys: [mine.privateKey] } },
      { ...op.trusted, decryption: { ...settings, keys: [theirs.privateKey] } },
    ]
    expect(await code(await encrypt(await op.logoutToken({ aud: 'a' })), ...issuers)).toBe('ERR_LOGOUT_TOKEN_INVALID')
  })

  test('at most four keys are tried', async () => {
    const keys = await Promise.all(Array.from({ length: 4 }, async () => (await pair('RSA-OAEP')).privateKey))
    const token = await encrypt(await op.logoutToken())
    expect(await verify(token, trusting({ keys: [...keys.slice(1), mine.privateKey] }))).toMatchObject({
      iss: op.issuer,
    })
    expect(await code(token, trusting({ keys: [...keys, mine.privateKey] }))).toBe('ERR_LOGOUT_TOKEN_INVALID')
  })

  test('a client without decryption does not count among the four keys', async () => {
    const keys = await Promise.all(Array.from({ length: 3 }, async () => (await pair('RSA-OAEP')).privateKey))
    const issuers = [{ ...op.trusted, clientId: 'other' }, trusting({ keys: [...keys, mine.privateKey] })]
    expect(await verify(await encrypt(await op.logoutToken()), ...issuers)).toMatchObject({ iss: op.issuer })
  })

  test('RP-11d: an issuer function is called again only if no key decrypts the token', async () => {
    let answer = op.trusted
    const issuers = vi.fn(() => answer)
    const logout = create(op, { issuers })
    const send = async (sid: string) => logout.receive(await encrypt(await op.logoutToken({ sid }), { iss: op.issuer }))
    expect((await refusal(send('1'))).code).toBe('ERR_LOGOUT_TOKEN_INVALID')
    answer = trusting()
    expect(await send('2')).toMatchObject({ sid: '2' })
    expect(issuers).toHaveBeenCalledTimes(3)
    expect(await send('3')).toMatchObject({ sid: '3' })
    expect(issuers).toHaveBeenCalledTimes(3)
  })

  test.each([
    ['with a kid', { kid: 'new' }],
    ['without kid', {}],
  ])('RP-11d: an encrypted token %s finds a new key that has no kid', async (_, header) => {
    const [before, added] = await Promise.all([pair('RSA-OAEP'), pair('RSA-OAEP')])
    const keys = [before.privateKey]
    const logout = create(op, { issuers: () => trusting({ keys: [...keys] }) })
    const send = async (sid: string, key: JWK) =>
      logout.receive(await encrypt(await op.logoutToken({ sid }), { iss: op.issuer, ...header }, key))
    expect(await send('1', before.publicKey)).toMatchObject({ sid: '1' })
    keys.push(added.privateKey)
    expect(await send('2', added.publicKey)).toMatchObject({ sid: '2' })
  })

  test('RP-16: each call of an issuer function may import the decryption key again', async () => {
    const issuers = vi.fn(async () => trusting({ keys: [(await importJWK(mine.privateKey, 'RSA-OAEP')) as CryptoKey] }))
    const logout = create(op, { issuers })
    const send = async (sid: string) => logout.receive(await encrypt(await op.logoutToken({ sid }), { iss: op.issuer }))
    expect(await send('1')).toMatchObject({ sid: '1' })
    // The old answer decrypts this token. The new answer, with another `CryptoKey`, has the registration that verifies it.
    advance(createClock(), 80)
    expect(await send('2')).toMatchObject({ sid: '2' })
    expect(issuers).toHaveBeenCalledTimes(2)
  })

  test('a kid chooses the key at any position, and an unknown kid is ignored', async () => {
    const keys = await Promise.all(Array.from({ length: 4 }, async () => (await pair('RSA-OAEP')).privateKey))
    const last = trusting({ keys: [...keys, mine.privateKey] })
    expect(await verify(await encrypt(await op.logoutToken(), { kid: 'enc-1' }), last)).toMatchObject({
      iss: op.issuer,
    })
    expect(await code(await encrypt(await op.logoutToken(), { kid: 'unheard of' }), last)).toBe(
      'ERR_LOGOUT_TOKEN_INVALID',
    )
    // The kid belongs to the first key, which cannot decrypt the token. The second key is not tried.
    const two = trusting({ keys: [theirs.privateKey, mine.privateKey] })
    expect(await code(await encrypt(await op.logoutToken(), { kid: 'enc-2' }), two)).toBe('ERR_LOGOUT_TOKEN_INVALID')
  })

  test('the PBES2 count is limited', async () => {
    const password = encoder.encode('a password')
    const decryption = {
      keys: [{ kty: 'oct', k: Buffer.from(password).toString('base64url') }],
      alg: ['PBES2-HS256+A128KW'],
      enc: ['A128GCM'],
    }
    const make = async (count: number) =>
      new CompactEncrypt(encoder.encode(await op.logoutToken()))
        .setProtectedHeader({ alg: 'PBES2-HS256+A128KW', enc: 'A128GCM' })
        .setKeyManagementParameters({ p2c: count })
        .encrypt(password)
    expect(await verify(await make(2048), { ...op.trusted, decryption })).toMatchObject({ iss: op.issuer })
    expect(await code(await make(20_000), { ...op.trusted, decryption })).toBe('ERR_LOGOUT_TOKEN_INVALID')
  })
})
