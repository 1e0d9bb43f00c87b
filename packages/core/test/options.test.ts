import * as core from '@bcl/core'
import {
  createBackchannelLogout,
  discoverKeys,
  MemoryStore,
  verifyLogoutToken,
  type BackchannelLogoutOptions,
  type TrustedIssuer,
} from '@bcl/core'
import { createTestIssuer, createTestKey } from '@bcl/testing'
import { expect, test, vi } from 'vitest'

const good = {
  issuers: [{ issuer: 'https://op.example.com', clientId: 'c' }],
  sessionMaxAge: 3600,
  store: new MemoryStore(),
}
const issuer = good.issuers[0]!
const { publicJwk } = await createTestKey('RS256', 'k')
const opening = { keys: [publicJwk], alg: ['RSA-OAEP'], enc: ['A128GCM'] }

test('the package has exactly these exports', () => {
  expect(Object.keys(core).toSorted()).toEqual([
    'BACKCHANNEL_LOGOUT_EVENT',
    'BackchannelLogoutError',
    'MemoryStore',
    'createBackchannelLogout',
    'discoverKeys',
    'isLogoutToken',
    'sessionClaims',
    'verifyLogoutToken',
  ])
})

test('construction only reads its options', () => {
  const spies = [
    vi.spyOn(globalThis, 'fetch'),
    vi.spyOn(globalThis, 'setTimeout'),
    vi.spyOn(globalThis, 'setInterval'),
    vi.spyOn(Date, 'now'),
    vi.spyOn(Math, 'random'),
    vi.spyOn(crypto, 'getRandomValues'),
  ]
  const now = vi.fn(() => 0)
  createBackchannelLogout({ ...good, now, issuers: () => undefined })
  createBackchannelLogout({ ...good, now })
  for (const spy of [...spies, now]) expect(spy).not.toHaveBeenCalled()
  vi.restoreAllMocks()
})

const withIssuer = (settings: object, more: object = {}) => ({
  ...good,
  issuers: [issuer, { ...issuer, clientId: 'd', ...settings }],
  ...more,
})
const withDecryption = (settings: object) => withIssuer({ decryption: { ...opening, ...settings } })
const discovery = 'must be https without password, query or fragment'
const advice = 'For plain http set allowInsecureRequests. Without discovery, set keys.'
const text = 'must be a non-empty string'
const seconds = 'must be seconds, 0 or more'
const period = 'must be seconds above 0'
const flag = 'must be false or true'

test.each<[message: string, options: unknown]>([
  ['options must be an object', undefined],
  ['options must be an object', null],
  ['options must be an object', [good]],

  ['issuers must be a non-empty list or a function, got undefined', { ...good, issuers: undefined }],
  ['issuers must be a non-empty list or a function, got []', { ...good, issuers: [] }],
  ['issuers must be a non-empty list or a function, got object', { ...good, issuers: {} }],
  ['issuers[1] must be an object', { ...good, issuers: [issuer, 'https://op.example.com'] }],
  ['issuers must not repeat a clientId', { ...good, issuers: [issuer, issuer] }],

  [`issuers[0].issuer ${text}, got undefined`, { ...good, issuers: [{ clientId: 'c' }] }],
  [`issuers[1].issuer ${text}, got ""`, withIssuer({ issuer: '' })],
  [`issuers[1].issuer ${discovery}, got "op.example.com". ${advice}`, withIssuer({ issuer: 'op.example.com' })],
  [
    `issuers[1].issuer ${discovery}, got "http://op.example.com". ${advice}`,
    withIssuer({ issuer: 'http://op.example.com' }),
  ],
  [
    `issuers[1].issuer ${discovery}, got "ftp://op.example.com". ${advice}`,
    withIssuer({ issuer: 'ftp://op.example.com' }, { allowInsecureRequests: true }),
  ],
  [
    `issuers[1].issuer ${discovery}, got "https://op.example.com?tenant=1". ${advice}`,
    withIssuer({ issuer: 'https://op.example.com?tenant=1' }),
  ],
  [
    `issuers[1].issuer ${discovery}, got "https://op.example.com#x". ${advice}`,
    withIssuer({ issuer: 'https://op.example.com#x' }),
  ],
  [
    `issuers[1].issuer ${discovery}, got "https://op.example.com/.well-known/openid-configuration". Remove /.well-known/openid-configuration.`,
    withIssuer({ issuer: 'https://op.example.com/.well-known/openid-configuration' }),
  ],
  [
    `issuers[1].issuer ${discovery}, got "https://op.example.com/.well-known/openid-configuration/". Remove /.well-known/openid-configuration.`,
    withIssuer({ issuer: 'https://op.example.com/.well-known/openid-configuration/' }),
  ],
  [
    `issuers[1].issuer ${discovery}, got "https:// op.example.com". ${advice}`,
    withIssuer({ issuer: 'https:// op.example.com' }),
  ],
  [`issuers[1].clientId ${text}, got undefined`, withIssuer({ clientId: undefined })],

  ['issuers[1].keys must be a URL, a JWK Set or a function', withIssuer({ keys: 'https://op.example.com/jwks' })],
  ['issuers[1].keys must be a URL, a JWK Set or a function', withIssuer({ keys: {} })],
  ['issuers[1].keys must be a URL, a JWK Set or a function', withIssuer({ keys: { keys: ['x'] } })],
  ['issuers[1].keys must be a URL, a JWK Set or a function', withIssuer({ keys: [] })],
  [
    `issuers[1].keys must be https without password, got "http://op.example.com/jwks". ${advice}`,
    withIssuer({ keys: new URL('http://op.example.com/jwks') }),
  ],

  ['issuers[1].algorithms must be a list such as ["RS256"], got []', withIssuer({ algorithms: [] })],
  ['issuers[1].algorithms must be a list such as ["RS256"], got "RS256"', withIssuer({ algorithms: 'RS256' })],
  ['issuers[1].algorithms must be a list such as ["RS256"], got ["none"]', withIssuer({ algorithms: ['none'] })],
  [
    'issuers[1].algorithms must be a list such as ["RS256"], got ["RS256","RSA-OAEP"]',
    withIssuer({ algorithms: ['RS256', 'RSA-OAEP'] }),
  ],
  ['issuers[1].clientSecret must be set for HS*', withIssuer({ algorithms: ['HS256'] })],
  ['issuers[1].clientSecret must be set for HS*', withIssuer({ algorithms: ['RS256', 'HS512'] })],
  [`issuers[1].clientSecret ${text}`, withIssuer({ algorithms: ['HS256'], clientSecret: '' })],
  [`issuers[1].clientSecret ${text}`, withIssuer({ clientSecret: 7 })],

  ['issuers[1].decryption must be an object', withIssuer({ decryption: true })],
  ['issuers[1].decryption must be an object', withIssuer({ decryption: 'SECRET' })],
  ['issuers[1].decryption.keys must be a list of keys', withDecryption({ keys: [] })],
  ['issuers[1].decryption.keys must be a list of keys', withDecryption({ keys: ['SECRET'] })],
  ['issuers[1].decryption.keys must be a list of keys', withDecryption({ keys: [null] })],
  ['issuers[1].decryption.alg must be a list such as ["RSA-OAEP"], got undefined', withDecryption({ alg: undefined })],
  [
    'issuers[1].decryption.alg must be a list such as ["RSA-OAEP"], got ["RSA-OEAP"]',
    withDecryption({ alg: ['RSA-OEAP'] }),
  ],
  ['issuers[1].decryption.alg must be a list such as ["RSA-OAEP"], got []', withDecryption({ alg: [] })],
  ['issuers[1].decryption.alg must be a list such as ["RSA-OAEP"], got ["xdir"]', withDecryption({ alg: ['xdir'] })],
  ['issuers[1].decryption.enc must be a list such as ["A256GCM"], got "A128GCM"', withDecryption({ enc: 'A128GCM' })],
  ['issuers[1].decryption.enc must be a list such as ["A256GCM"], got ["A128"]', withDecryption({ enc: ['A128'] })],
  [
    'issuers[1].decryption.enc must be a list such as ["A256GCM"], got ["xA128GCM"]',
    withDecryption({ enc: ['xA128GCM'] }),
  ],
  [
    'issuers[1].decryption.enc must be a list such as ["A256GCM"], got ["A128GCMx"]',
    withDecryption({ enc: ['A128GCMx'] }),
  ],
  [`issuers[1].decryption.required ${flag}, got "yes"`, withDecryption({ required: 'yes' })],

  [`issuers[1].clockTolerance ${seconds}, got -1`, withIssuer({ clockTolerance: -1 })],
  [`issuers[1].clockTolerance ${seconds}, got "60"`, withIssuer({ clockTolerance: '60' })],
  [`issuers[1].iatSkew ${seconds}, got NaN`, withIssuer({ iatSkew: NaN })],
  [`issuers[1].maxTokenAge ${period}, got 0`, withIssuer({ maxTokenAge: 0 })],
  [`issuers[1].maxTokenAge ${period}, got Infinity`, withIssuer({ requireExp: false, maxTokenAge: Infinity })],
  ['issuers[1].requireExp must be true or false, got "no"', withIssuer({ requireExp: 'no' })],
  [`issuers[1].requireTyp ${flag}, got 1`, withIssuer({ requireTyp: 1 })],
  [`issuers[1].requireSid ${flag}, got null`, withIssuer({ requireSid: null })],
  ['issuers[1].trustedAudiences must be a list of strings, got "api"', withIssuer({ trustedAudiences: 'api' })],
  ['issuers[1].trustedAudiences must be a list of strings, got [1,object]', withIssuer({ trustedAudiences: [1, {}] })],
  ['issuers[1].logoutScope must be "session" or "subject", got "all"', withIssuer({ logoutScope: 'all' })],

  ...[undefined, 0, Infinity, '8h', 400 * 86_400 + 1].map((sessionMaxAge): [string, unknown] => [
    `sessionMaxAge must be seconds, not milliseconds, and at most 400 days, got ${sessionMaxAge === '8h' ? '"8h"' : sessionMaxAge}`,
    { ...good, sessionMaxAge },
  ]),
  ['store must be a LogoutStore, got undefined', { ...good, store: undefined }],
  ['store must be a LogoutStore, got object', { ...good, store: { add() {}, values() {} } }],
  ['store must be a LogoutStore, got function', { ...good, store: MemoryStore }],
  [`recheckAfter ${seconds}, got -1`, { ...good, recheckAfter: -1 }],
  ['replay must be "acknowledge" or "reject", got "ignore"', { ...good, replay: 'ignore' }],
  ['unavailableStatus must be 400 or 503, got 500', { ...good, unavailableStatus: 500 }],
  [`storeTimeout ${period}, got 0`, { ...good, storeTimeout: 0 }],
  [`keysTimeout ${period}, got "2"`, { ...good, keysTimeout: '2' }],
  [`listenerTimeout ${period}, got -1`, { ...good, listenerTimeout: -1 }],
  [`pollInterval ${period}, got Infinity`, { ...good, pollInterval: Infinity }],
  ['destroySession must be a function, got "x"', { ...good, destroySession: 'x' }],
  ['fetch must be a function, got "x"', { ...good, fetch: 'x' }],
  ['now must be a function, got 7', { ...good, now: 7 }],
  ['onDelivery must be a function, got object', { ...good, onDelivery: {} }],
  ['onError must be a function, got object', { ...good, onError: {} }],
  [`allowInsecureRequests ${flag}, got "yes"`, { ...good, allowInsecureRequests: 'yes' }],

  ['issuers[1].requireSID is not an option. Did you mean requireSid?', withIssuer({ requireSID: true })],
  ['issuers[1].requireSID is not an option. Did you mean requireSid?', withIssuer({ requireSID: undefined })],
  ['issuers[1].client_id is not an option. Did you mean clientId?', withIssuer({ client_id: 'c' })],
  ['issuers[1].constructor is not an option', withIssuer({ constructor: 1 })],
  ['issuers[1].__proto__ is not an option', withIssuer(JSON.parse('{"__proto__": 1}'))],
  ['issuers[1].maxAge is not an option. Did you mean maxTokenAge?', withIssuer({ maxAge: 60 })],
  ['issuers[1].audience is not an option. Did you mean trustedAudiences?', withIssuer({ audience: 'api' })],
  ['issuers[1].clockTolerence is not an option. Did you mean clockTolerance?', withIssuer({ clockTolerence: 60 })],
  ['issuers[1].decryption.require is not an option. Did you mean required?', withDecryption({ require: true })],
  ['sessionMaxage is not an option. Did you mean sessionMaxAge?', { ...good, sessionMaxage: 60 }],
  ['maxAge is not an option. Did you mean sessionMaxAge?', { ...good, maxAge: 60 }],
  ['storeTimout is not an option. Did you mean storeTimeout?', { ...good, storeTimout: 1 }],
  ['issuer is not an option. Did you mean issuers?', { ...good, issuer }],
  ['path is not an option', { ...good, path: '/backchannel-logout' }],
])('a wrong option is a TypeError: %s', (message, options) => {
  const make = () => createBackchannelLogout(options as BackchannelLogoutOptions)
  expect(make).toThrow(new TypeError(message))
})

test('the password in an address is not shown', () => {
  const secret = 'postgres://app:p@ss/wo#rd@db.example/app'
  const cases: [object, string][] = [
    [{ ...good, store: secret }, 'store must be a LogoutStore, got "postgres://…@db.example/app"'],
    [{ ...good, now: [secret] }, 'now must be a function, got ["postgres://…@db.example/app"]'],
    [{ ...good, issuers: [{ ...issuer, issuer: 'http://op.example/@acme' }] }, 'got "http://op.example/@acme"'],
    // These two are not URLs, because the password is not encoded.
    ...['https://app:pass/word@op.example', 'https://app:pass#word@op.example'].map((wrong): [object, string] => [
      { ...good, issuers: [{ ...issuer, issuer: wrong }] },
      'got "https://…@op.example"',
    ]),
    [{ ...good, issuers: [{ ...issuer, issuer: 'HTTPS:app:password@op.example' }] }, 'got "HTTPS:…@op.example"'],
    [
      { ...good, issuers: [{ ...issuer, keys: new URL('http://app:password@db.example/') }] },
      'got "http://…@db.example/"',
    ],
  ]
  for (const [options, message] of cases)
    expect(() => createBackchannelLogout(options as BackchannelLogoutOptions)).toThrow(message)
})

test('verifyLogoutToken, discoverKeys and MemoryStore check their options in the same way', async () => {
  const misspelt = { onw: () => 0 } as object
  const verifying = (issuers: readonly TrustedIssuer[], options?: object) => verifyLogoutToken('', issuers, options)
  const trusted = { ...issuer, keys: { keys: [publicJwk] } }
  await expect(verifying([trusted], misspelt)).rejects.toThrow(new TypeError('onw is not an option. Did you mean now?'))
  await expect(verifying([trusted], { now: 7 })).rejects.toThrow(new TypeError('now must be a function, got 7'))
  await expect(verifying([trusted, { ...trusted, maxAge: 60 } as TrustedIssuer])).rejects.toThrow(
    new TypeError('issuers[1].maxAge is not an option. Did you mean maxTokenAge?'),
  )
  await expect(verifying(issuer as never)).rejects.toThrow(new TypeError('issuers must be a list, got object'))
  await expect(verifying([trusted, issuer])).rejects.toThrow(
    new TypeError('issuers[1].keys must be set, see discoverKeys'),
  )
  expect(() => discoverKeys('https://op.example.com', { Fetch: fetch } as object)).toThrow(
    new TypeError('Fetch is not an option. Did you mean fetch?'),
  )
  expect(() => discoverKeys('http://op.example.com')).toThrow(
    new TypeError(`issuer ${discovery}, got "http://op.example.com". ${advice}`),
  )
  expect(() => discoverKeys(undefined as never)).toThrow(
    new TypeError(`issuer ${discovery}, got "undefined". ${advice}`),
  )
  expect(() => new MemoryStore({ clock: () => 0 } as object)).toThrow(new TypeError('clock is not an option'))
})

test.each([
  ['issuers[0].requireSID is not an option. Did you mean requireSid?', { requireSID: true }],
  ['issuers must have this issuer', { issuer: 'https://other.example' }],
])('the answer of an issuer function is checked in the same way: %s', async (message, settings) => {
  const op = await createTestIssuer()
  const logout = createBackchannelLogout({
    ...good,
    issuers: () => ({ ...op.trusted, ...settings }) as TrustedIssuer,
  })
  const cause = await logout.isLoggedOut(op.session()).catch((error: unknown) => (error as Error).cause)
  expect(cause).toMatchObject({ name: 'TypeError', message })
})

test.each<[string, object]>([
  ['discovery at http on loopback', { issuer: 'http://127.0.0.1:3000' }],
  ['an issuer with a query, with keys', { issuer: 'https://op.example.com?tenant=1#x', keys: { keys: [publicJwk] } }],
  [
    'an issuer that looks like the URL of a discovery document, with keys',
    { issuer: 'https://op.example.com/.well-known/openid-configuration', keys: { keys: [publicJwk] } },
  ],
  ['keys at a URL with a query', { keys: new URL('https://op.example.com/keys?p=policy') }],
  ['an issuer that is not a URL, with keys', { issuer: 'entity id', keys: { keys: [publicJwk] } }],
  ['HS256 without keys', { issuer: 'entity id', algorithms: ['HS256'], clientSecret: 's' }],
  [
    'undefined for all optional settings',
    { keys: undefined, algorithms: undefined, requireExp: undefined, clockTolerance: undefined },
  ],
  ...['dir', 'A128KW', 'A256GCMKW', 'RSA-OAEP-512', 'ECDH-ES', 'ECDH-ES+A192KW', 'PBES2-HS512+A256KW'].map(
    (alg): [string, object] => [`decryption by ${alg}`, { decryption: { ...opening, alg: [alg] } }],
  ),
  ['a tolerance of 0', { clockTolerance: 0, iatSkew: 0 }],
  ['logoutScope "subject"', { logoutScope: 'subject' }],
  ['logoutScope "session"', { logoutScope: 'session' }],
  ['an empty list of trusted audiences', { trustedAudiences: [] }],
  ['decryption of every enc', { decryption: { ...opening, enc: ['A256GCM', 'A192CBC-HS384'] } }],
  ['several algorithms', { algorithms: ['RS256', 'PS512', 'ES384', 'EdDSA', 'Ed25519', 'ML-DSA-65'] }],
])('a right option is accepted: %s', (_, settings) => {
  expect(() => createBackchannelLogout({ ...good, issuers: [{ ...issuer, ...settings }] })).not.toThrow()
})

test('an option may have its default value', () => {
  const said = { replay: 'acknowledge', unavailableStatus: 400, allowInsecureRequests: false } as const
  expect(() => createBackchannelLogout({ ...good, ...said })).not.toThrow()
})

test('a session may last 400 days', () => {
  expect(() => createBackchannelLogout({ ...good, sessionMaxAge: 400 * 86_400 })).not.toThrow()
})

test('two clients of one issuer are accepted', () => {
  expect(() => createBackchannelLogout({ ...good, issuers: [issuer, { ...issuer, clientId: 'd' }] })).not.toThrow()
})

test('two clients of one issuer are accepted if one of them needs no keys', () => {
  const withSecret = { ...issuer, clientId: 'd', algorithms: ['HS256'], clientSecret: 's' }
  for (const issuers of [
    [{ ...issuer, keys: opening }, withSecret],
    [withSecret, { ...issuer, keys: opening }],
  ])
    expect(() => createBackchannelLogout({ ...good, issuers })).not.toThrow()
})

test('http to another machine is accepted if it is allowed', () => {
  expect(() =>
    createBackchannelLogout({
      ...good,
      issuers: [{ ...issuer, issuer: 'http://op.internal' }],
      allowInsecureRequests: true,
    }),
  ).not.toThrow()
})
