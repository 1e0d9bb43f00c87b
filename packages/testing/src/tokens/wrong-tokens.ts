import { BACKCHANNEL_LOGOUT_EVENT, type BackchannelLogoutErrorCode, type TrustedIssuer } from '@bcl/core'
import { base64url } from 'jose'
import type { TestIssuer } from '../providers/test-issuer.js'
import { unpublishedKey } from '../providers/test-key.js'
import { slug } from '../slug.js'
import { changeSpareBits, decodePayload, encodePart, splitToken } from './compact-jws.js'

/** A Logout Token that a receiver must refuse. */
export interface WrongToken {
  /**
   * The id. It does not change between releases. If a conformance case sends this token, the id of the case is `refuse/` and this
   * id.
   */
  id: string
  /** The fault of the token, in a few words. */
  name: string
  /** The id of the requirement in docs/requirements.md, for example `RP-17`. */
  requirement: string
  /** The error code with which `@bcl/core` refuses the token. */
  code: BackchannelLogoutErrorCode
  /** The wrong claim. */
  claim?: string
  /** Settings of the trusted issuer. The token is wrong only with these settings. */
  settings?: Partial<TrustedIssuer>
  /** Makes the token. `op` must sign with RS256. */
  make(op: TestIssuer): Promise<string>
}

type Claims = object | ((op: TestIssuer) => object)

const encoder = new TextEncoder()

/** Makes a row for a token that is not a valid compact serialization. */
const malformed = (
  name: string,
  change: (token: string) => string,
  { id = slug(name), requirement = 'RP-10a' } = {},
): WrongToken => ({
  id,
  name,
  requirement,
  code: 'ERR_LOGOUT_TOKEN_INVALID',
  make: async (op) => change(await op.logoutToken()),
})

/** Returns the Web Crypto parameters of a JWS algorithm. */
function parametersFor(alg: string): AlgorithmIdentifier | RsaPssParams | EcdsaParams {
  const bits = Number(alg.slice(2))
  if (alg.startsWith('RS')) return 'RSASSA-PKCS1-v1_5'
  if (alg.startsWith('PS')) return { name: 'RSA-PSS', saltLength: bits / 8 }
  return alg.startsWith('ES') ? { name: 'ECDSA', hash: `SHA-${bits}` } : 'Ed25519'
}

/**
 * The header of an ordinary Logout Token. Wrong tokens also use this header, unless their fault is in the header.
 * Without a typ and a kid, some receivers would refuse the token for another reason than its fault.
 */
const headerOf = ({ key: { alg, kid } }: TestIssuer): { alg: string; kid: string; typ: string } => ({
  alg,
  kid,
  typ: 'logout+jwt',
})

/** Signs with Web Crypto, because jose refuses to sign some of these headers. */
async function signWithHeader(op: TestIssuer, header: object | string | Uint8Array): Promise<string> {
  const [, payload] = splitToken(await op.logoutToken())
  const signed = `${encodePart(header)}.${payload}`
  const { alg, privateKey } = op.key
  const signature = await crypto.subtle.sign(parametersFor(alg), privateKey, encoder.encode(signed))
  return `${signed}.${encodePart(new Uint8Array(signature))}`
}

/** Makes a row for a token with a valid signature whose header is not a JSON object. */
const unreadableHeader = (name: string, header: string): WrongToken => ({
  id: slug(name),
  name,
  requirement: 'RP-10a',
  code: 'ERR_LOGOUT_TOKEN_INVALID',
  make: (op) => signWithHeader(op, header),
})

/** Makes a row for a token with a valid signature whose payload is not a JSON object. */
const badPayload = (name: string, payload: string): WrongToken => ({
  id: slug(name),
  name,
  requirement: 'RP-10a',
  code: 'ERR_LOGOUT_TOKEN_INVALID',
  make: (op) => op.sign(payload, headerOf(op)),
})

const badHeader = (
  name: string,
  requirement: string,
  header: object,
  settings?: Partial<TrustedIssuer>,
): WrongToken => ({
  id: slug(name),
  name,
  requirement,
  code: 'ERR_LOGOUT_TOKEN_INVALID',
  ...(settings && { settings }),
  make: (op) => signWithHeader(op, { ...headerOf(op), ...header }),
})

const badSignature = (
  name: string,
  requirement: string,
  make: WrongToken['make'],
  { id = slug(name) } = {},
): WrongToken => ({ id, name, requirement, code: 'ERR_LOGOUT_TOKEN_SIGNATURE', make })

/** Makes rows for tokens with one bad claim. Each member of `rows` has a name and the changed claims. */
const badClaims = (
  claim: string,
  requirement: string,
  rows: Record<string, Claims>,
  { settings, ids = {} }: { settings?: Partial<TrustedIssuer>; ids?: Record<string, string> } = {},
): WrongToken[] =>
  Object.entries(rows).map(([name, claims]) => ({
    id: ids[name] ?? slug(name),
    name,
    requirement,
    code: 'ERR_LOGOUT_TOKEN_CLAIM',
    claim,
    ...(settings && { settings }),
    make: (op) => op.logoutToken(typeof claims === 'function' ? claims(op) : claims),
  }))

const inFuture = (claim: string): WrongToken[] =>
  badClaims(claim, 'RP-17', { [`${claim} is 90 s ahead`]: (op) => ({ [claim]: op.now() + 90 }) })

const expired = (name: string, claims: (now: number) => object, settings?: Partial<TrustedIssuer>): WrongToken => ({
  id: slug(name),
  name,
  requirement: 'RP-17',
  code: 'ERR_LOGOUT_TOKEN_EXPIRED',
  ...(settings && { settings }),
  make: (op) => op.logoutToken(claims(op.now())),
})

/** Makes a row for a claim whose JSON text cannot come from `JSON.stringify`. */
const rawClaim = (claim: string, text: string): WrongToken => ({
  id: slug(`${claim} is ${text}`),
  name: `${claim} is ${text}`,
  requirement: 'RP-17',
  code: 'ERR_LOGOUT_TOKEN_CLAIM',
  claim,
  make: async (op) => {
    const token = await op.logoutToken({ [claim]: 'HERE' })
    const payload = JSON.stringify(decodePayload(token)).replace('"HERE"', text)
    return op.sign(payload, headerOf(op))
  },
})

const event = BACKCHANNEL_LOGOUT_EVENT

/** Replaces a question mark by a byte that UTF-8 never contains. */
const toNotUtf8 = (byte: number): number => (byte === '?'.charCodeAt(0) ? 0xff : byte)

/** Replaces the header of a token and keeps its signature. */
const withHeader = (token: string, header: string): string => `${header}.${token.split('.').slice(1).join('.')}`

/**
 * Logout Tokens that every receiver must refuse. Each row contains the error code of `@bcl/core`.
 * `make` takes an issuer of {@link createTestIssuer} that signs with RS256.
 */
export const wrongTokens: readonly WrongToken[] = [
  malformed('empty text', () => ''),
  malformed('two parts', (token) => token.split('.').slice(0, 2).join('.')),
  malformed('four parts', (token) => `${token}.AAAA`),
  malformed(
    'five parts, encrypted with an unknown key',
    (token) =>
      `${withHeader(token, encodePart({ alg: 'RSA-OAEP-256', enc: 'A256GCM', cty: 'JWT', typ: 'logout+jwt' }))}.AAAA.AAAA`,
    { id: 'five-parts-encrypted-for-nobody' },
  ),
  malformed('six parts', (token) => `${token}.AAAA.AAAA.AAAA`),
  malformed('a line feed at the end', (token) => `${token}\n`),
  malformed('a space inside the signature', (token) => `${token.slice(0, -9)} ${token.slice(-9)}`),
  malformed('padding after the signature', (token) => `${token}==`, { id: 'padding' }),
  {
    id: 'plus-and-slash-for-minus-and-underscore',
    name: '+ and / instead of - and _',
    requirement: 'RP-10a',
    code: 'ERR_LOGOUT_TOKEN_INVALID',
    async make(op) {
      for (;;) {
        const [header, payload, signature] = splitToken(await op.logoutToken())
        // Nearly every signature contains `-` or `_`.
        if (/[-_]/.test(signature)) return `${header}.${payload}.${signature.replaceAll('-', '+').replaceAll('_', '/')}`
      }
    },
  },
  malformed('spare bits that are not zero in the signature', (token) => token.replace(/[^.]+$/, changeSpareBits), {
    id: 'spare-bits-in-the-signature',
  }),
  malformed('three characters too many', (token) => `${token}AAA`, { id: 'a-character-too-many' }),
  unreadableHeader('a header that is not JSON', '{'),
  unreadableHeader('a header that is an array', '[]'),
  {
    id: 'a-header-that-is-not-UTF-8',
    name: 'a header that is not UTF-8',
    requirement: 'RP-10a',
    code: 'ERR_LOGOUT_TOKEN_INVALID',
    // The header is JSON with one more member. In the value of this member, one byte is not UTF-8.
    make: (op) => signWithHeader(op, encoder.encode(JSON.stringify({ ...headerOf(op), x: '?' })).map(toNotUtf8)),
  },
  {
    id: 'more-than-16-KiB',
    name: 'more than 16 KiB',
    requirement: 'RP-4',
    code: 'ERR_LOGOUT_TOKEN_INVALID',
    make: (op) => op.logoutToken({ padding: 'A'.repeat(16 * 1024) }),
  },
  badPayload('a payload that is not JSON', 'alice'),
  badPayload('a payload that is null', 'null'),

  badHeader('a critical extension', 'RP-15', { crit: ['urn:example:unknown'], 'urn:example:unknown': true }),
  badHeader('an empty crit', 'RP-15', { crit: [] }),
  badHeader('b64 false', 'RP-15', { b64: false }),
  badHeader('b64 true', 'RP-15', { b64: true }),
  badHeader('a kid that is a number', 'RP-15', { kid: 1 }),
  badHeader('typ of an access token', 'RP-22', { typ: 'at+jwt' }),
  badHeader('typ of a security event', 'RP-22', { typ: 'secevent+jwt' }),
  badHeader('an empty typ', 'RP-22', { typ: '' }),
  badHeader('typ null', 'RP-22', { typ: null }),
  badHeader('typ JWT where logout+jwt is required', 'RP-22', { typ: 'JWT' }, { requireTyp: true }),
  badHeader('no typ where logout+jwt is required', 'RP-22', { typ: undefined }, { requireTyp: true }),

  badSignature('a changed payload', 'RP-13', async (op) => {
    const [header, , signature] = splitToken(await op.logoutToken())
    // The user and the session stay the same. So an application that accepts the token ends the session.
    const [, payload] = splitToken(await op.logoutToken({ changed: true }))
    return `${header}.${payload}.${signature}`
  }),
  badSignature(
    'a signature of zeros',
    'RP-13',
    async (op) => {
      const [header, payload, signature] = splitToken(await op.logoutToken())
      return `${header}.${payload}.${encodePart(new Uint8Array(base64url.decode(signature).length))}`
    },
    { id: 'another-signature' },
  ),
  badSignature('an empty signature', 'RP-13', async (op) => {
    const [header, payload] = splitToken(await op.logoutToken())
    return `${header}.${payload}.`
  }),
  badSignature(
    'the key of another party under a known kid',
    'RP-13',
    async (op) => {
      const { alg, kid } = op.key
      const { privateKey } = await unpublishedKey(alg, kid)
      return op.sign(decodePayload(await op.logoutToken()), headerOf(op), privateKey)
    },
    { id: 'a-key-of-somebody-else-under-a-known-kid' },
  ),
  badSignature('an unknown kid', 'RP-13', (op) => op.logoutToken({}, { kid: 'unknown' })),
  badSignature(
    "signed with a key that only the token's own header contains",
    'RP-15',
    async (op) => {
      const { publicJwk, privateKey } = await unpublishedKey(op.key.alg, 'own')
      const payload = decodePayload(await op.logoutToken())
      return op.sign(payload, { ...headerOf(op), jwk: publicJwk, kid: 'own' }, privateKey)
    },
    { id: 'the-key-in-the-header' },
  ),
  badSignature(
    "signed with a key that only the token's own header contains, under a known kid",
    'RP-15',
    async (op) => {
      const { publicJwk, privateKey } = await unpublishedKey(op.key.alg, 'own')
      const payload = decodePayload(await op.logoutToken())
      return op.sign(payload, { ...headerOf(op), jwk: { ...publicJwk, kid: op.key.kid } }, privateKey)
    },
    { id: 'the-key-in-the-header-under-a-known-kid' },
  ),
  badSignature('a good signature under PS256, which is not registered', 'RP-13', async (op) => {
    const pkcs8 = await crypto.subtle.exportKey('pkcs8', op.key.privateKey)
    const key = await crypto.subtle.importKey('pkcs8', pkcs8, { name: 'RSA-PSS', hash: 'SHA-256' }, false, ['sign'])
    const claims = decodePayload(await op.logoutToken())
    return op.sign(claims, { ...headerOf(op), alg: 'PS256' }, key)
  }),
  badSignature('the public key as the secret of HS256', 'RP-14', async (op) => {
    const spki = await crypto.subtle.exportKey('spki', op.key.publicKey)
    const lines = btoa(String.fromCharCode(...new Uint8Array(spki))).replace(/.{64}/g, '$&\n')
    const pem = encoder.encode(`-----BEGIN PUBLIC KEY-----\n${lines}\n-----END PUBLIC KEY-----\n`)
    const claims = decodePayload(await op.logoutToken())
    return op.sign(claims, { ...headerOf(op), alg: 'HS256' }, pem)
  }),
  ...['none', 'None', 'nOnE', 'NONE'].map((alg) =>
    badSignature(`alg ${alg}`, 'RP-13', async (op) => {
      const [, payload] = splitToken(await op.logoutToken())
      return `${encodePart({ ...headerOf(op), alg })}.${payload}.`
    }),
  ),
  badSignature('alg none with a signature', 'RP-13', (op) => signWithHeader(op, { ...headerOf(op), alg: 'none' })),
  badSignature('no alg', 'RP-13', (op) => signWithHeader(op, { ...headerOf(op), alg: undefined })),
  badSignature('alg in lower case', 'RP-13', (op) =>
    signWithHeader(op, { ...headerOf(op), alg: op.key.alg.toLowerCase() }),
  ),

  ...badClaims('iss', 'RP-11', {
    'no iss': { iss: undefined },
    'iss of another issuer': { iss: 'https://other.example.com' },
    'iss with a trailing slash': ({ issuer }) => ({ iss: `${issuer}/` }),
    'iss in capitals': ({ issuer }) => ({ iss: issuer.toUpperCase() }),
    'iss in a list': ({ issuer }) => ({ iss: [issuer] }),
  }),
  ...badClaims(
    'aud',
    'RP-12',
    {
      'no aud': { aud: undefined },
      'aud of another client': { aud: 'other-client' },
      'an empty list as aud': { aud: [] },
      'a further audience': ({ clientId }) => ({ aud: [clientId, 'other-client'] }),
      'a further audience that is a number': ({ clientId }) => ({ aud: [clientId, 1] }),
      'aud that starts with the client_id': ({ clientId }) => ({ aud: `${clientId}-2` }),
    },
    { ids: { 'aud that starts with the client_id': 'aud-that-begins-like-the-client' } },
  ),
  ...badClaims('azp', 'RP-12', {
    'azp of another client': { azp: 'other-client' },
    'azp null': { azp: null },
  }),
  ...badClaims('iat', 'RP-10', { 'no iat': { iat: undefined } }),
  ...badClaims('iat', 'RP-17', {
    'iat as text': (op) => ({ iat: `${op.now()}` }),
    'iat null': { iat: null },
  }),
  ...inFuture('iat'),
  ...badClaims('exp', 'RP-10', { 'no exp': { exp: undefined } }),
  ...badClaims('exp', 'RP-17', {
    'exp as text': (op) => ({ exp: `${op.now() + 120}` }),
    'exp null': { exp: null },
  }),
  ...badClaims(
    'exp',
    'RP-17',
    { 'exp as text, though exp is not required': (op) => ({ exp: `${op.now() + 120}` }) },
    { settings: { requireExp: false } },
  ),
  rawClaim('exp', '1e999'),
  rawClaim('iat', '-1e999'),
  expired('exp 60 s ago', (now) => ({ exp: now - 60, iat: now - 180 })),
  expired('older than maxTokenAge', (now) => ({ iat: now - 100, exp: now + 600 }), { maxTokenAge: 30 }),
  expired('no exp, and iat three minutes ago', (now) => ({ iat: now - 182, exp: undefined }), { requireExp: false }),
  ...inFuture('nbf'),
  ...badClaims('nbf', 'RP-17', { 'nbf as text': { nbf: '0' } }),
  ...badClaims('jti', 'RP-10', {
    'no jti': { jti: undefined },
    'jti null': { jti: null },
    'an empty jti': { jti: '' },
    'jti as a number': { jti: 1 },
  }),
  ...badClaims('events', 'RP-20', {
    'no events': { events: undefined },
    'events null': { events: null },
    'events as a list': { events: [event] },
    'events as text': { events: event },
    'events without the logout event': { events: {} },
    'events with another event': { events: { 'http://schemas.openid.net/event/other': {} } },
  }),
  ...badClaims(
    'events',
    'T-7',
    { 'the logout event is null': { events: { [event]: null } } },
    { ids: { 'the logout event is null': 'the-event-null' } },
  ),
  ...badClaims(
    'events',
    'RP-20',
    {
      'the logout event is a list': { events: { [event]: [] } },
      'the logout event is true': { events: { [event]: true } },
      'the logout event is text': { events: { [event]: '{}' } },
      'event instead of events (WSO2 5.9)': { events: undefined, event: {} },
    },
    {
      ids: {
        'the logout event is a list': 'the-event-a-list',
        'the logout event is true': 'the-event-true',
        'the logout event is text': 'the-event-text',
        'event instead of events (WSO2 5.9)': 'event-for-events-WSO2-5-9',
      },
    },
  ),
  ...badClaims('nonce', 'RP-21', {
    'a nonce': { nonce: 'n-0S6_WzA2Mj' },
    'nonce null': { nonce: null },
    'an empty nonce': { nonce: '' },
  }),
  ...badClaims('sub', 'RP-18', {
    'neither sub nor sid': { sub: undefined, sid: undefined },
    'sub and sid null': { sub: null, sid: null },
    'an empty sub': { sub: '' },
    'sub as a number': { sub: 7 },
  }),
  ...badClaims('sid', 'RP-18', {
    'an empty sid': { sid: '' },
    'sid as a number': { sid: 7 },
    'sid as an object': { sid: {} },
  }),
  ...badClaims(
    'sid',
    'RP-18',
    { 'no sid where it is required': { sid: undefined } },
    { settings: { requireSid: true } },
  ),
]
