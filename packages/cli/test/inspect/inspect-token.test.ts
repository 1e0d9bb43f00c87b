import { CompactEncrypt, exportJWK, generateKeyPair } from 'jose'
import { createTestIssuer, providerProfiles, profileToken, wrongTokens } from '@bcl/testing'
import { describe, expect, test } from 'vitest'
import { inspectLogoutToken, type Inspection } from '../../src/index.ts'

const op = await createTestIssuer()
const now = (): number => Math.floor(Date.now() / 1000)

async function inspect(token: string, options?: object): Promise<Inspection> {
  const inspection = await inspectLogoutToken(token, options)
  if (typeof inspection === 'string') throw new Error(inspection)
  return inspection
}

const problemsOf = async (token: string, options?: object): Promise<string[]> =>
  (await inspect(token, options)).findings.map(({ problem }) => problem)

test('finds no fault of a valid token', async () => {
  const { findings, claims, signature } = await inspect(await op.logoutToken())
  expect(findings).toEqual([])
  expect(signature).toBe('unchecked')
  expect(claims).toMatchObject({ sub: 'alice', sid: 'session-1' })
})

test('checks the signature if keys are given', async () => {
  const other = await createTestIssuer()
  const token = await op.logoutToken({ exp: undefined, nonce: '1' })
  expect(await inspect(token, { keys: op.jwks })).toMatchObject({ signature: 'good' })
  expect(await inspect(token, { keys: other.jwks })).toMatchObject({ signature: 'bad' })
})

test('finds all faults of a token', async () => {
  const token = await op.logoutToken(
    { exp: undefined, jti: undefined, nonce: 'x', aud: ['test-client', 'api'] },
    { typ: 'at+jwt' },
  )
  expect(await problemsOf(token, { clientId: 'test-client' })).toEqual([
    '"aud" also names other audiences: "api".',
    '"typ" is "at+jwt".',
    'There is no "exp".',
    'There is a "nonce".',
    'There is no "jti".',
  ])
})

test.each([
  ['a slash at the end of iss', { iss: 'https://op.example.com/' }, { issuer: 'https://op.example.com/' }],
  ['no exp', { exp: undefined }, { requireExp: false }],
  ['a further audience', { aud: ['test-client', 'api'] }, { trustedAudiences: ['api'] }],
])('names the setting that accepts %s', async (_, claims, settings) => {
  const found = await inspect(await op.logoutToken(claims), {
    issuer: op.issuer,
    clientId: op.clientId,
    keys: op.jwks,
  })
  expect(found.settings).toEqual(settings)
})

test.each<[string, object, object, string | RegExp, RegExp]>([
  ['iat in milliseconds', { iat: Date.now() }, {}, /^"iat" is \d{13}\.$/, /This number is in milliseconds/],
  ['no aud', { aud: undefined }, {}, 'There is no "aud".', /must be a client_id/],
  ['an aud with a number', { aud: ['test-client', 5] }, {}, '"aud" is ["test-client",5].', /must be a client_id/],
  ['an iss that is an object', { iss: {} }, {}, '"iss" is {}.', /Configure the issuer/],
  ['an unknown algorithm', {}, { alg: 'ES256K' }, '"alg" is "ES256K".', /^This algorithm is unknown\./],
  ['no algorithm', {}, { alg: undefined }, 'There is no "alg".', /^The token is not signed\. No receiver accepts it\./],
  ['a long kid', {}, { kid: 'k'.repeat(1025) }, '"kid" is 1025 characters long.', /at most 1024 characters/],
])('describes %s', async (_, claims, header, problem, remedy) => {
  const [, payload, signature] = (await op.logoutToken(claims)).split('.')
  const head = Buffer.from(JSON.stringify({ alg: 'RS256', kid: op.key.kid, ...header })).toString('base64url')
  const { findings } = await inspect(`${head}.${payload}.${signature}`)
  expect(findings).toEqual([
    expect.objectContaining({
      problem: typeof problem === 'string' ? problem : expect.stringMatching(problem),
      remedy: expect.stringMatching(remedy),
    }),
  ])
})

test('finds only the length of a token that is too long', async () => {
  expect(await problemsOf(await op.logoutToken({ groups: 'x'.repeat(20_000) }))).toEqual([
    expect.stringMatching(/^The token has 2\d{4} characters\. Receivers refuse more than 16384\.$/),
  ])
})

test('says by how many seconds a token is too old or too early', async () => {
  const now = op.now()
  expect(await problemsOf(await op.logoutToken({ exp: now - 100, iat: now - 220 }))).toEqual([
    expect.stringMatching(/^The token expired 10\d s ago\.$/),
  ])
  const [ahead] = (await inspect(await op.logoutToken({ iat: now + 100 }))).findings
  expect(ahead).toMatchObject({ problem: expect.stringMatching(/^"iat" is \d+ s in the future\.$/) })
  expect(ahead!.settings!.clockTolerance).toBeGreaterThan(90)
})

describe('wrongTokens', () => {
  const wrongWithoutSettings = wrongTokens.filter(({ settings }) => !settings)
  test.each(wrongWithoutSettings.map((row) => [row.name, row] as const))('finds the fault of %s', async (_, row) => {
    const token = await row.make(op)
    const inspection = await inspectLogoutToken(token, { issuer: op.issuer, clientId: op.clientId, keys: op.jwks })
    if (typeof inspection === 'string') return expect(inspection).toMatch(/\.$/)
    expect(inspection.findings.length, JSON.stringify(inspection)).toBeGreaterThan(0)
  })
})

describe('providerProfiles', () => {
  const refused = providerProfiles.filter(({ byDefault, encryption }) => byDefault !== 'accepted' && !encryption)
  test.each(refused.map((profile) => [profile.id, profile] as const))(
    'finds the settings of %s',
    async (_, profile) => {
      const { token } = await profileToken(profile)
      const { findings, settings } = await inspect(token)
      expect(findings.length).toBeGreaterThan(0)
      const { clientSecret: _secret, ...wanted } = profile.settings ?? {}
      expect(settings).toMatchObject(wanted)
    },
  )

  test('finds the decryption settings of an encrypted token', async () => {
    const profile = providerProfiles.find(({ encryption }) => encryption)!
    const { token } = await profileToken(profile)
    expect((await inspect(token)).settings.decryption).toMatchObject({ alg: ['RSA-OAEP'] })
  })
})

test('no setting helps for a token of Keycloak with HS256', async () => {
  const token = await op.sign(
    {
      iss: 'https://kc.example.com/realms/r',
      aud: 'me',
      iat: now(),
      exp: now() + 120,
      jti: '1',
      sub: 'a',
      typ: 'Logout',
      events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
    },
    { alg: 'HS256' },
    new TextEncoder().encode('a secret of the realm that no client has'),
  )
  const { findings, settings } = await inspect(token)
  expect(findings).toMatchObject([
    { remedy: expect.stringMatching(/^No setting helps\. Keycloak signs HS256 with a key of the realm/) },
  ])
  expect(settings).toEqual({})
})

test('an iss without https is a problem if the keys come from discovery', async () => {
  const http = await createTestIssuer({ issuer: 'http://op.example.com' })
  const token = await http.logoutToken()
  expect(await problemsOf(token)).toEqual(['"iss" is "http://op.example.com", which is not an https URL.'])
  expect(await problemsOf(token, { keys: http.jwks })).toEqual([])
})

test('says that requireExp: false helps only if the token is young enough', async () => {
  const { findings } = await inspect(await op.logoutToken({ exp: undefined }))
  expect(findings).toMatchObject([{ settings: { requireExp: false } }])
  const old = await inspect(await op.logoutToken({ exp: undefined, iat: now() - 600 }))
  expect(old.findings[0]!.remedy).toMatch(/This token is 60\d s old, so the setting does not help\.$/)
  expect(old.settings).toEqual({})
})

test('lists the other issuer before the wrong signature', async () => {
  const other = await createTestIssuer({ issuer: 'https://other.example.com' })
  const problems = await problemsOf(await other.logoutToken(), { issuer: op.issuer, keys: op.jwks })
  expect(problems).toEqual([
    '"iss" is "https://other.example.com", not "https://op.example.com".',
    'No key of the issuer made the signature.',
  ])
})

test('opens an encrypted token with the private key', async () => {
  const { publicKey, privateKey } = await generateKeyPair('RSA-OAEP-256', { extractable: true })
  const token = await new CompactEncrypt(new TextEncoder().encode(await op.logoutToken({ nonce: 'x' })))
    .setProtectedHeader({ alg: 'RSA-OAEP-256', enc: 'A256GCM' })
    .encrypt(publicKey)
  const decryptionKey = await exportJWK(privateKey)
  const { findings, claims, settings } = await inspect(token, { decryptionKey })
  expect(findings.map(({ problem }) => problem)).toEqual([
    'The token is encrypted with "RSA-OAEP-256" and "A256GCM".',
    'There is a "nonce".',
  ])
  expect(claims).toMatchObject({ sub: 'alice' })
  expect(settings).toMatchObject({ decryption: { alg: ['RSA-OAEP-256'], enc: ['A256GCM'] } })
  const wrong = await generateKeyPair('RSA-OAEP-256', { extractable: true })
  expect(await problemsOf(token, { decryptionKey: await exportJWK(wrong.privateKey) })).toEqual([
    expect.stringMatching(/^The key does not decrypt the token/),
  ])
})
