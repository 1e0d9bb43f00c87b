import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTestIssuer, providerProfiles, profileToken, wrongTokens } from '@bcl/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { inspectLogoutToken, type Inspection } from '../../src/index.ts'
import { bcl } from '../bcl.ts'
import { serve } from '../serve.ts'

const op = await createTestIssuer()

async function findingsOf(token: string, options?: object): Promise<Inspection> {
  const inspection = await inspectLogoutToken(token, options)
  if (typeof inspection === 'string') throw new Error(inspection)
  return inspection
}

const problemsOf = async (token: string, options?: object): Promise<string[]> =>
  (await findingsOf(token, options)).findings.map(({ problem }) => problem)

test('nothing is wrong with a good token', async () => {
  const { findings, claims, signature } = await findingsOf(await op.logoutToken())
  expect(findings).toEqual([])
  expect(signature).toBe('unchecked')
  expect(claims).toMatchObject({ sub: 'alice', sid: 'session-1' })
})

test('the signature is checked where keys are given', async () => {
  const other = await createTestIssuer()
  const token = await op.logoutToken({ exp: undefined, nonce: '1' })
  expect(await findingsOf(token, { keys: op.jwks })).toMatchObject({ signature: 'good' })
  expect(await findingsOf(token, { keys: other.jwks })).toMatchObject({ signature: 'bad' })
})

test('all that is wrong is found at once', async () => {
  const token = await op.logoutToken(
    { exp: undefined, jti: undefined, nonce: 'x', aud: ['test-client', 'api'] },
    { typ: 'at+jwt' },
  )
  expect(await problemsOf(token, { clientId: 'test-client' })).toEqual([
    '"aud" names others too: "api".',
    '"typ" is "at+jwt".',
    'There is no "exp".',
    'There is a "nonce".',
    'There is no "jti".',
  ])
})

test.each([
  ['a slash at the end', { iss: 'https://op.example.com/' }, { issuer: 'https://op.example.com/' }],
  ['no exp', { exp: undefined }, { requireExp: false }],
  ['a further audience', { aud: ['test-client', 'api'] }, { trustedAudiences: ['api'] }],
])('%s is accepted with a setting', async (_, claims, settings) => {
  const found = await findingsOf(await op.logoutToken(claims), {
    issuer: op.issuer,
    clientId: op.clientId,
    keys: op.jwks,
  })
  expect(found.settings).toEqual(settings)
})

test.each<[string, object, object, string | RegExp, RegExp]>([
  ['milliseconds', { iat: Date.now() }, {}, /^"iat" is \d{13}\.$/, /this is one of milliseconds/],
  ['no aud', { aud: undefined }, {}, 'There is no "aud".', /must be a client_id/],
  ['an aud of anything', { aud: ['test-client', 5] }, {}, '"aud" is ["test-client",5].', /must be a client_id/],
  ['an iss of anything', { iss: {} }, {}, '"iss" is {}.', /Configure the issuer/],
  ['an unknown algorithm', {}, { alg: 'ES256K' }, '"alg" is "ES256K".', /^It is not known\./],
  ['no algorithm', {}, { alg: undefined }, 'There is no "alg".', /^It is not signed, and nothing accepts it\./],
  ['a long kid', {}, { kid: 'k'.repeat(1025) }, '"kid" is 1025 characters long.', /1024 characters at most/],
])('%s is told as it is', async (_, claims, header, problem, remedy) => {
  const [, payload, signature] = (await op.logoutToken(claims)).split('.')
  const head = Buffer.from(JSON.stringify({ alg: 'RS256', kid: op.key.kid, ...header })).toString('base64url')
  const { findings } = await findingsOf(`${head}.${payload}.${signature}`)
  expect(findings).toEqual([
    expect.objectContaining({
      problem: typeof problem === 'string' ? problem : expect.stringMatching(problem),
      remedy: expect.stringMatching(remedy),
    }),
  ])
})

test('one that is too long is told so, and nothing else', async () => {
  expect(await problemsOf(await op.logoutToken({ groups: 'x'.repeat(20_000) }))).toEqual([
    expect.stringMatching(/^It is 2\d{4} characters long, and only 16384 are looked at\.$/),
  ])
})

test('what is old, or of a clock that is ahead, is told with its seconds', async () => {
  const now = op.now()
  expect(await problemsOf(await op.logoutToken({ exp: now - 100, iat: now - 220 }))).toEqual([
    expect.stringMatching(/^It expired 10\d s ago\.$/),
  ])
  const [ahead] = (await findingsOf(await op.logoutToken({ iat: now + 100 }))).findings
  expect(ahead).toMatchObject({ problem: expect.stringMatching(/^"iat" is \d+ s in the future\.$/) })
  expect(ahead!.settings!.clockTolerance).toBeGreaterThan(90)
})

describe('of all wrong tokens', () => {
  const ours = wrongTokens.filter(({ settings }) => !settings)
  test.each(ours.map((row) => [row.name, row] as const))('%s is found', async (_, row) => {
    const token = await row.make(op)
    const inspection = await inspectLogoutToken(token, { issuer: op.issuer, clientId: op.clientId, keys: op.jwks })
    if (typeof inspection === 'string') return expect(inspection).toMatch(/\.$/)
    expect(inspection.findings.length, JSON.stringify(inspection)).toBeGreaterThan(0)
  })
})

describe('of what providers send', () => {
  const plain = providerProfiles.filter(({ byDefault, encryption }) => byDefault !== 'accepted' && !encryption)
  test.each(plain.map((profile) => [profile.id, profile] as const))('%s gets its settings', async (_, profile) => {
    const { token } = await profileToken(profile)
    const { findings, settings } = await findingsOf(token)
    expect(findings.length).toBeGreaterThan(0)
    const { clientSecret: _secret, ...wanted } = profile.settings ?? {}
    expect(settings).toMatchObject(wanted)
  })

  test('an encrypted one is said to be so', async () => {
    const profile = providerProfiles.find(({ encryption }) => encryption)!
    const { token } = await profileToken(profile)
    expect((await findingsOf(token)).settings.decryption).toMatchObject({ alg: ['RSA-OAEP'] })
  })
})

describe('bcl inspect', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bcl-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  test('reads a token from standard input, as a form sends it too', async () => {
    const { code, out } = await bcl(['inspect'], `logout_token=${await op.logoutToken()}\n`)
    expect(out).toContain('It ends the session "session-1", and no other.')
    expect(out).toMatch(/exp {6}\d+ {2}\d{4}-.*Z, in \d+ s/)
    expect(code).toBe(0)
  })

  test('reads a form that was copied whole', async () => {
    const form = new URLSearchParams({ logout_token: `${await op.logoutToken()}`, other: 'x' })
    const { code, out } = await bcl(['inspect', String(form).replaceAll('.', '%2E')])
    expect(out).toContain('✓ Nothing is wrong with what it says.')
    expect(code).toBe(0)
  })

  test('says of a signature that cannot be looked at that it was not', async () => {
    const file = join(folder, 'jwks.json')
    await writeFile(file, JSON.stringify(op.jwks))
    const { code, out } = await bcl(['inspect', '--keys', file], await op.logoutToken({ aud: undefined }))
    expect(out).toContain('The signature was not checked: see what else is wrong.')
    expect(code).toBe(1)
  })

  test('has nothing obeyed by a terminal that is in a token', async () => {
    const { out } = await bcl(['inspect', await op.logoutToken({ sub: '\u001b[31m\u009b31m\u202e', '\u009bx': 1 })])
    expect(out).toContain(String.raw`"\u001b[31m\u009b31m\u202e"`)
    // oxlint-disable-next-line no-control-regex -- they are what must not be there
    expect(out).not.toMatch(/[\u001b\u0080-\u009f\u202e]/)
  })

  test('says what is wrong, and what to configure', async () => {
    const { code, out } = await bcl(['inspect', await op.logoutToken({ exp: undefined, sid: undefined })])
    expect(out).toContain('It ends all sessions of "alice".')
    expect(out).toMatch(/✗ There is no "exp"\.\n.*\n {2}Accepted with: requireExp: false/)
    expect(out).toContain('Configure: { requireExp: false }')
    expect(code).toBe(1)
  })

  test('checks the signature by a file', async () => {
    const file = join(folder, 'jwks.json')
    await writeFile(file, JSON.stringify(op.jwks))
    const { out } = await bcl(['inspect', '--keys', file], await op.logoutToken())
    expect(out).toContain('The signature is good.')
  })

  test('checks the signature by the keys of an issuer', async () => {
    const url = await serve(async (request, response) => {
      const answer = await issuer.fetch(`${issuer.issuer}${request.url}`)
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text())
    })
    const issuer = await createTestIssuer({ issuer: url })
    const { code, out } = await bcl(['inspect', '--issuer', url, '--json'], await issuer.logoutToken())
    expect(JSON.parse(out)).toMatchObject({ signature: 'good', findings: [] })
    expect(code).toBe(0)
    const forged = await createTestIssuer({ issuer: url })
    expect(
      JSON.parse((await bcl(['inspect', '--issuer', url, '--json'], await forged.logoutToken())).out),
    ).toMatchObject({
      signature: 'bad',
    })
  })
})
