import * as core from '@bcl/core'
import { createBackchannelLogout, MemoryStore, type BackchannelLogoutOptions } from '@bcl/core'
import { createTestKey } from '@bcl/testing'
import { expect, test, vi } from 'vitest'

const good = {
  issuers: [{ issuer: 'https://op.example.com', clientId: 'c' }],
  sessionMaxAge: 3600,
  store: new MemoryStore(),
}
const issuer = good.issuers[0]!
const { publicJwk } = await createTestKey('RS256', 'k')
const opening = { keys: [publicJwk], alg: ['RSA-OAEP'], enc: ['A128GCM'] }

test('the exports are these', () => {
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

test('construction does nothing but look at its options', () => {
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

test.each<[string, object | null | undefined]>([
  ['options', undefined],
  ['options', null],
  ['issuers', { ...good, issuers: undefined }],
  ['issuers', { ...good, issuers: [] }],
  ['issuers', { ...good, issuers: {} }],
  ['issuers', { ...good, issuers: ['https://op.example.com'] }],
  ['issuers', { ...good, issuers: [issuer, issuer] }],
  ['issuer', { ...good, issuers: [{ clientId: 'c' }] }],
  ['issuer', { ...good, issuers: [{ ...issuer, issuer: '' }] }],
  ['issuer', { ...good, issuers: [{ ...issuer, issuer: 'op.example.com' }] }],
  ['issuer', { ...good, issuers: [{ ...issuer, issuer: 'http://op.example.com' }] }],
  ['issuer', { ...good, issuers: [{ ...issuer, issuer: 'ftp://op.example.com' }], allowInsecureRequests: true }],
  ['clientId', { ...good, issuers: [{ ...issuer, clientId: undefined }] }],
  ['keys', { ...good, issuers: [{ ...issuer, keys: 'https://op.example.com/jwks' }] }],
  ['keys', { ...good, issuers: [{ ...issuer, keys: {} }] }],
  ['keys', { ...good, issuers: [{ ...issuer, keys: { keys: ['x'] } }] }],
  ['keys', { ...good, issuers: [{ ...issuer, keys: [] }] }],
  ['algorithms', { ...good, issuers: [{ ...issuer, algorithms: [] }] }],
  ['algorithms', { ...good, issuers: [{ ...issuer, algorithms: 'RS256' }] }],
  ['algorithms', { ...good, issuers: [{ ...issuer, algorithms: ['none'] }] }],
  ['algorithms', { ...good, issuers: [{ ...issuer, algorithms: ['RS256', 'RSA-OAEP'] }] }],
  ['clientSecret', { ...good, issuers: [{ ...issuer, algorithms: ['HS256'] }] }],
  ['clientSecret', { ...good, issuers: [{ ...issuer, algorithms: ['RS256', 'HS256'] }] }],
  ['clientSecret', { ...good, issuers: [{ ...issuer, algorithms: ['HS256'], clientSecret: '' }] }],
  ['decryption', { ...good, issuers: [{ ...issuer, decryption: true }] }],
  [
    'decryption.keys',
    { ...good, issuers: [{ ...issuer, decryption: { keys: [], alg: ['RSA-OAEP'], enc: ['A128GCM'] } }] },
  ],
  [
    'decryption.keys',
    { ...good, issuers: [{ ...issuer, decryption: { keys: ['x'], alg: ['RSA-OAEP'], enc: ['A128GCM'] } }] },
  ],
  ['decryption.alg', { ...good, issuers: [{ ...issuer, decryption: { keys: [publicJwk], enc: ['A128GCM'] } }] }],
  [
    'decryption.enc',
    { ...good, issuers: [{ ...issuer, decryption: { keys: [publicJwk], alg: ['RSA-OAEP'], enc: 'A128GCM' } }] },
  ],
  [
    'decryption.required',
    {
      ...good,
      issuers: [{ ...issuer, decryption: { keys: [publicJwk], alg: ['RSA-OAEP'], enc: ['A128GCM'], required: 'yes' } }],
    },
  ],
  ['decryption.alg', { ...good, issuers: [{ ...issuer, decryption: { ...opening, alg: ['RSA-OEAP'] } }] }],
  ['decryption.alg', { ...good, issuers: [{ ...issuer, decryption: { ...opening, alg: [] } }] }],
  ['decryption.alg', { ...good, issuers: [{ ...issuer, decryption: { ...opening, alg: ['xdir'] } }] }],
  ['decryption.keys', { ...good, issuers: [{ ...issuer, decryption: { ...opening, keys: [null] } }] }],
  ['decryption.enc', { ...good, issuers: [{ ...issuer, decryption: { ...opening, enc: ['A128'] } }] }],
  ['decryption.enc', { ...good, issuers: [{ ...issuer, decryption: { ...opening, enc: ['xA128GCM'] } }] }],
  ['decryption.enc', { ...good, issuers: [{ ...issuer, decryption: { ...opening, enc: ['A128GCMx'] } }] }],
  ['clientSecret', { ...good, issuers: [{ ...issuer, clientSecret: 7 }] }],
  ['keys', { ...good, issuers: [{ ...issuer, keys: new URL('http://op.example.com/jwks') }] }],
  ['clockTolerance', { ...good, issuers: [{ ...issuer, clockTolerance: -1 }] }],
  ['clockTolerance', { ...good, issuers: [{ ...issuer, clockTolerance: '60' }] }],
  ['iatSkew', { ...good, issuers: [{ ...issuer, iatSkew: NaN }] }],
  ['maxTokenAge', { ...good, issuers: [{ ...issuer, maxTokenAge: 0 }] }],
  ['maxTokenAge', { ...good, issuers: [{ ...issuer, requireExp: false, maxTokenAge: Infinity }] }],
  ['requireExp', { ...good, issuers: [{ ...issuer, requireExp: 'no' }] }],
  ['requireTyp', { ...good, issuers: [{ ...issuer, requireTyp: 1 }] }],
  ['requireSid', { ...good, issuers: [{ ...issuer, requireSid: null }] }],
  ['trustedAudiences', { ...good, issuers: [{ ...issuer, trustedAudiences: 'api' }] }],
  ['trustedAudiences', { ...good, issuers: [{ ...issuer, trustedAudiences: [1] }] }],
  ['logoutScope', { ...good, issuers: [{ ...issuer, logoutScope: 'all' }] }],
  ['sessionMaxAge', { ...good, sessionMaxAge: undefined }],
  ['sessionMaxAge', { ...good, sessionMaxAge: 0 }],
  ['sessionMaxAge', { ...good, sessionMaxAge: Infinity }],
  ['sessionMaxAge', { ...good, sessionMaxAge: '8h' }],
  ['store', { ...good, store: undefined }],
  ['store', { ...good, store: { add() {}, values() {} } }],
  ['replay', { ...good, replay: 'ignore' }],
  ['unavailableStatus', { ...good, unavailableStatus: 500 }],
  ['storeTimeout', { ...good, storeTimeout: 0 }],
  ['listenerTimeout', { ...good, listenerTimeout: -1 }],
  ['pollInterval', { ...good, pollInterval: Infinity }],
  ['destroySession', { ...good, destroySession: 'x' }],
  ['fetch', { ...good, fetch: 'x' }],
  ['now', { ...good, now: 7 }],
  ['onDelivery', { ...good, onDelivery: {} }],
  ['onError', { ...good, onError: {} }],
  ['allowInsecureRequests', { ...good, allowInsecureRequests: 'yes' }],
])('a wrong option is a TypeError that names it: %s', (name, options) => {
  const make = () => createBackchannelLogout(options as BackchannelLogoutOptions)
  expect(make).toThrow(TypeError)
  expect(make).toThrow(`"${name}"`)
})

test.each<[string, object]>([
  ['discovery at http on loopback', { issuer: 'http://127.0.0.1:3000' }],
  ['an issuer that is no URL, with keys', { issuer: 'entity id', keys: { keys: [publicJwk] } }],
  ['HS256, with no keys at all', { issuer: 'entity id', algorithms: ['HS256'], clientSecret: 's' }],
  [
    'undefined for what is left out',
    { keys: undefined, algorithms: undefined, requireExp: undefined, clockTolerance: undefined },
  ],
  ...['dir', 'A128KW', 'A256GCMKW', 'RSA-OAEP-512', 'ECDH-ES', 'ECDH-ES+A192KW', 'PBES2-HS512+A256KW'].map(
    (alg): [string, object] => [`decryption by ${alg}`, { decryption: { ...opening, alg: [alg] } }],
  ),
  ['no tolerance at all', { clockTolerance: 0, iatSkew: 0 }],
  ['either scope of a logout', { logoutScope: 'subject' }],
  ['the usual scope by its name', { logoutScope: 'session' }],
  ['no other audience, said', { trustedAudiences: [] }],
  ['decryption of every enc', { decryption: { ...opening, enc: ['A256GCM', 'A192CBC-HS384'] } }],
  ['several algorithms', { algorithms: ['RS256', 'PS512', 'ES384', 'EdDSA', 'Ed25519', 'ML-DSA-65'] }],
])('a right option is taken: %s', (_, settings) => {
  expect(() => createBackchannelLogout({ ...good, issuers: [{ ...issuer, ...settings }] })).not.toThrow()
})

test('what is the default may be said', () => {
  const said = { replay: 'acknowledge', unavailableStatus: 400, allowInsecureRequests: false } as const
  expect(() => createBackchannelLogout({ ...good, ...said })).not.toThrow()
})

test('two clients at one issuer are taken', () => {
  expect(() => createBackchannelLogout({ ...good, issuers: [issuer, { ...issuer, clientId: 'd' }] })).not.toThrow()
})

test('http to another machine is taken where that is allowed', () => {
  expect(() =>
    createBackchannelLogout({
      ...good,
      issuers: [{ ...issuer, issuer: 'http://op.internal' }],
      allowInsecureRequests: true,
    }),
  ).not.toThrow()
})
