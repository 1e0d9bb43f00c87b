import { BACKCHANNEL_LOGOUT_EVENT, type BackchannelLogoutErrorCode, type TrustedIssuer } from '@bcl/core'
import { decodePayload, encodePart, respell, splitToken } from './compact-jws.js'
import { keyOfStranger, type TestIssuer } from '../providers/test-issuer.js'

/** A Logout Token that must be refused, and how. */
export interface WrongToken {
  name: string
  /** The requirement it offends, as numbered in docs/requirements.md. */
  requirement: string
  code: BackchannelLogoutErrorCode
  /** The claim at fault. */
  claim?: string
  /** Settings of the issuer under which it is wrong. */
  settings?: Partial<TrustedIssuer>
  make(op: TestIssuer): Promise<string>
}

const encoder = new TextEncoder()

const malformed = (name: string, change: (token: string) => string, requirement = 'RP-10a'): WrongToken => ({
  name,
  requirement,
  code: 'ERR_LOGOUT_TOKEN_INVALID',
  make: async (op) => change(await op.logoutToken()),
})

/** A token with a good signature, by RS256, over a header that jose would not sign. */
async function signedAnyway(op: TestIssuer, header: object): Promise<string> {
  const [, payload] = splitToken(await op.logoutToken())
  const parts = `${encodePart(header)}.${payload}`
  const signature = await crypto.subtle.sign('RSASSA-PKCS1-v1_5', op.key.privateKey, encoder.encode(parts))
  return `${parts}.${encodePart(new Uint8Array(signature))}`
}

const badHeader = (
  name: string,
  requirement: string,
  header: object,
  settings?: Partial<TrustedIssuer>,
): WrongToken => ({
  name,
  requirement,
  code: 'ERR_LOGOUT_TOKEN_INVALID',
  ...(settings && { settings }),
  make: (op) => signedAnyway(op, { alg: 'RS256', kid: op.key.kid, ...header }),
})

const badSignature = (name: string, requirement: string, make: WrongToken['make']): WrongToken => ({
  name,
  requirement,
  code: 'ERR_LOGOUT_TOKEN_SIGNATURE',
  make,
})

const badClaim = (
  claim: string,
  name: string,
  requirement: string,
  claims: object | ((op: TestIssuer) => object),
  settings?: Partial<TrustedIssuer>,
): WrongToken => ({
  name,
  requirement,
  code: 'ERR_LOGOUT_TOKEN_CLAIM',
  claim,
  ...(settings && { settings }),
  make: (op) => op.logoutToken(typeof claims === 'function' ? claims(op) : claims),
})

const expired = (name: string, claims: (now: number) => object, settings?: Partial<TrustedIssuer>): WrongToken => ({
  name,
  requirement: 'RP-17',
  code: 'ERR_LOGOUT_TOKEN_EXPIRED',
  ...(settings && { settings }),
  make: (op) => op.logoutToken(claims(op.now())),
})

const futureClaim = (claim: string): WrongToken => ({
  name: `${claim} is 90 s ahead`,
  requirement: 'RP-17',
  code: 'ERR_LOGOUT_TOKEN_CLAIM',
  claim,
  make: (op) => op.logoutToken({ [claim]: op.now() + 90 }),
})

/** A payload in which a claim is spelled as JSON text that `JSON.stringify` would not write. */
const rawClaim = (claim: string, text: string): WrongToken => ({
  name: `${claim} is ${text}`,
  requirement: 'RP-17',
  code: 'ERR_LOGOUT_TOKEN_CLAIM',
  claim,
  make: async (op) => {
    const token = await op.logoutToken({ [claim]: 'HERE' })
    const payload = JSON.stringify(decodePayload(token)).replace('"HERE"', text)
    return op.sign(payload, { alg: op.key.alg, kid: op.key.kid })
  },
})

const event = BACKCHANNEL_LOGOUT_EVENT

/**
 * Tokens that no endpoint may accept, made for an RS256 issuer of {@link createTestIssuer}; each with the code that
 * `@bcl/core` refuses it by.
 */
export const wrongTokens: readonly WrongToken[] = [
  malformed('empty text', () => ''),
  malformed('two parts', (token) => token.split('.').slice(0, 2).join('.')),
  malformed('four parts', (token) => `${token}.AAAA`),
  malformed('five parts, encrypted for nobody', (token) => {
    const header = encodePart({ alg: 'RSA-OAEP-256', enc: 'A256GCM', cty: 'JWT' })
    return `${header}.${token.split('.').slice(1).join('.')}.AAAA.AAAA`
  }),
  malformed('six parts', (token) => `${token}.AAAA.AAAA.AAAA`),
  malformed('a line feed at the end', (token) => `${token}\n`),
  malformed('a space inside the signature', (token) => `${token.slice(0, -9)} ${token.slice(-9)}`),
  malformed('padding', (token) => `${token}==`),
  malformed('plus and slash for minus and underscore', (token) => `${token.slice(0, -2)}+/`),
  malformed('spare bits in the signature', (token) => token.replace(/[^.]+$/, respell)),
  malformed('a character too many', (token) => `${token}AAA`),
  malformed('a header that is not JSON', (token) => `${encodePart('{')}.${token.split('.').slice(1).join('.')}`),
  malformed('a header that is an array', (token) => `${encodePart('[]')}.${token.split('.').slice(1).join('.')}`),
  malformed(
    'a header that is not UTF-8',
    (token) => `${encodePart(new Uint8Array([0x7b, 0xff, 0x7d]))}.${token.split('.').slice(1).join('.')}`,
  ),
  malformed('more than 16 KiB', (token) => token + 'A'.repeat(16 * 1024), 'RP-4'),
  {
    name: 'a payload that is not JSON',
    requirement: 'RP-10a',
    code: 'ERR_LOGOUT_TOKEN_INVALID',
    make: (op) => op.sign('alice', { alg: op.key.alg, kid: op.key.kid }),
  },
  {
    name: 'a payload that is null',
    requirement: 'RP-10a',
    code: 'ERR_LOGOUT_TOKEN_INVALID',
    make: (op) => op.sign('null', { alg: op.key.alg, kid: op.key.kid }),
  },

  badHeader('a critical extension', 'RP-15', { crit: ['exp'], exp: 1 }),
  badHeader('an empty crit', 'RP-15', { crit: [] }),
  badHeader('b64 false', 'RP-15', { b64: false }),
  badHeader('b64 true', 'RP-15', { b64: true }),
  badHeader('a kid that is a number', 'RP-15', { kid: 1 }),
  badHeader('typ of an access token', 'RP-22', { typ: 'at+jwt' }),
  badHeader('typ of a security event', 'RP-22', { typ: 'secevent+jwt' }),
  badHeader('an empty typ', 'RP-22', { typ: '' }),
  badHeader('typ null', 'RP-22', { typ: null }),
  badHeader('typ JWT where logout+jwt is required', 'RP-22', { typ: 'JWT' }, { requireTyp: true }),
  badHeader('no typ where logout+jwt is required', 'RP-22', {}, { requireTyp: true }),

  badSignature('a changed payload', 'RP-13', async (op) => {
    const [header, , signature] = splitToken(await op.logoutToken())
    const [, payload] = splitToken(await op.logoutToken({ sub: 'mallory' }))
    return `${header}.${payload}.${signature}`
  }),
  badSignature('another signature', 'RP-13', async (op) => {
    const [header, payload] = splitToken(await op.logoutToken())
    return `${header}.${payload}.${encodePart(new Uint8Array(256))}`
  }),
  badSignature('an empty signature', 'RP-13', async (op) => {
    const [header, payload] = splitToken(await op.logoutToken())
    return `${header}.${payload}.`
  }),
  badSignature('a key of somebody else under a known kid', 'RP-13', async (op) => {
    const other = await keyOfStranger('RS256', op.key.kid)
    return op.sign(decodePayload(await op.logoutToken()), { alg: 'RS256', kid: op.key.kid }, other.privateKey)
  }),
  badSignature('an unknown kid', 'RP-13', (op) => op.logoutToken({}, { kid: 'unknown' })),
  badSignature('the key in the header', 'RP-15', async (op) => {
    const other = await keyOfStranger('RS256', 'own')
    const payload = {
      iss: op.issuer,
      aud: op.clientId,
      iat: op.now(),
      exp: op.now() + 120,
      jti: '1',
      sub: 'alice',
      events: { [event]: {} },
    }
    const { publicJwk } = other
    return op.sign(
      payload,
      { alg: 'RS256', jwk: publicJwk, kid: 'own', jku: 'https://attacker.example/jwks' },
      other.privateKey,
    )
  }),
  badSignature('a good signature under PS256, which is not registered', 'RP-13', async (op) => {
    const pkcs8 = await crypto.subtle.exportKey('pkcs8', op.key.privateKey)
    const key = await crypto.subtle.importKey('pkcs8', pkcs8, { name: 'RSA-PSS', hash: 'SHA-256' }, false, ['sign'])
    const claims = decodePayload(await op.logoutToken())
    return op.sign(claims, { alg: 'PS256', kid: op.key.kid }, key)
  }),
  badSignature('the public key as the secret of HS256', 'RP-14', async (op) => {
    const spki = await crypto.subtle.exportKey('spki', op.key.publicKey)
    const lines = btoa(String.fromCharCode(...new Uint8Array(spki))).replace(/.{64}/g, '$&\n')
    const pem = encoder.encode(`-----BEGIN PUBLIC KEY-----\n${lines}\n-----END PUBLIC KEY-----\n`)
    const claims = decodePayload(await op.logoutToken())
    return op.sign(claims, { alg: 'HS256', kid: op.key.kid }, pem)
  }),
  ...['none', 'None', 'nOnE', 'NONE'].map((alg) =>
    badSignature(`alg ${alg}`, 'RP-13', async (op) => {
      const [, payload] = splitToken(await op.logoutToken())
      return `${encodePart({ alg })}.${payload}.`
    }),
  ),
  badSignature('alg none with a signature', 'RP-13', (op) => signedAnyway(op, { alg: 'none' })),
  badSignature('no alg', 'RP-13', (op) => signedAnyway(op, { kid: op.key.kid })),
  badSignature('alg in lower case', 'RP-13', (op) => signedAnyway(op, { alg: 'rs256', kid: op.key.kid })),

  badClaim('iss', 'no iss', 'RP-11', { iss: undefined }),
  badClaim('iss', 'iss of another issuer', 'RP-11', { iss: 'https://other.example.com' }),
  badClaim('iss', 'iss with a trailing slash', 'RP-11', ({ issuer }) => ({ iss: `${issuer}/` })),
  badClaim('iss', 'iss in capitals', 'RP-11', ({ issuer }) => ({ iss: issuer.toUpperCase() })),
  badClaim('iss', 'iss in a list', 'RP-11', ({ issuer }) => ({ iss: [issuer] })),
  badClaim('aud', 'no aud', 'RP-12', { aud: undefined }),
  badClaim('aud', 'aud of another client', 'RP-12', { aud: 'other-client' }),
  badClaim('aud', 'an empty list as aud', 'RP-12', { aud: [] }),
  badClaim('aud', 'a further audience', 'RP-12', ({ clientId }) => ({ aud: [clientId, 'other-client'] })),
  badClaim('aud', 'a further audience that is a number', 'RP-12', ({ clientId }) => ({ aud: [clientId, 1] })),
  badClaim('aud', 'aud that begins like the client', 'RP-12', ({ clientId }) => ({ aud: `${clientId}-2` })),
  badClaim('azp', 'azp of another client', 'RP-12', { azp: 'other-client' }),
  badClaim('azp', 'azp null', 'RP-12', { azp: null }),
  badClaim('iat', 'no iat', 'RP-10', { iat: undefined }),
  badClaim('iat', 'iat as text', 'RP-17', { iat: '1700000000' }),
  badClaim('iat', 'iat null', 'RP-17', { iat: null }),
  futureClaim('iat'),
  badClaim('exp', 'no exp', 'RP-10', { exp: undefined }),
  badClaim('exp', 'exp as text', 'RP-17', { exp: '9999999999' }),
  badClaim('exp', 'exp null', 'RP-17', { exp: null }),
  badClaim('exp', 'exp as text, though exp is not required', 'RP-17', { exp: '9999999999' }, { requireExp: false }),
  rawClaim('exp', '1e999'),
  rawClaim('iat', '-1e999'),
  expired('exp 60 s ago', (now) => ({ exp: now - 60, iat: now - 180 })),
  expired('older than maxTokenAge', (now) => ({ iat: now - 100, exp: now + 600 }), { maxTokenAge: 30 }),
  expired('no exp, and iat three minutes ago', (now) => ({ iat: now - 182, exp: undefined }), { requireExp: false }),
  futureClaim('nbf'),
  badClaim('nbf', 'nbf as text', 'RP-17', { nbf: '0' }),
  badClaim('jti', 'no jti', 'RP-10', { jti: undefined }),
  badClaim('jti', 'an empty jti', 'RP-10', { jti: '' }),
  badClaim('jti', 'jti as a number', 'RP-10', { jti: 1 }),
  badClaim('events', 'no events', 'RP-20', { events: undefined }),
  badClaim('events', 'events null', 'RP-20', { events: null }),
  badClaim('events', 'events as a list', 'RP-20', { events: [event] }),
  badClaim('events', 'events as text', 'RP-20', { events: event }),
  badClaim('events', 'events without the logout event', 'RP-20', { events: {} }),
  badClaim('events', 'events with another event', 'RP-20', { events: { 'http://schemas.openid.net/event/other': {} } }),
  badClaim('events', 'the event null', 'T-7', { events: { [event]: null } }),
  badClaim('events', 'the event a list', 'RP-20', { events: { [event]: [] } }),
  badClaim('events', 'the event true', 'RP-20', { events: { [event]: true } }),
  badClaim('events', 'the event text', 'RP-20', { events: { [event]: '{}' } }),
  badClaim('events', 'event for events (WSO2 5.9)', 'RP-20', { events: undefined, event: {} }),
  badClaim('nonce', 'a nonce', 'RP-21', { nonce: 'n-0S6_WzA2Mj' }),
  badClaim('nonce', 'nonce null', 'RP-21', { nonce: null }),
  badClaim('nonce', 'an empty nonce', 'RP-21', { nonce: '' }),
  badClaim('sub', 'neither sub nor sid', 'RP-18', { sub: undefined, sid: undefined }),
  badClaim('sub', 'sub and sid null', 'RP-18', { sub: null, sid: null }),
  badClaim('sub', 'an empty sub', 'RP-18', { sub: '' }),
  badClaim('sub', 'sub as a number', 'RP-18', { sub: 7 }),
  badClaim('sid', 'an empty sid', 'RP-18', { sid: '' }),
  badClaim('sid', 'sid as a number', 'RP-18', { sid: 7 }),
  badClaim('sid', 'sid as an object', 'RP-18', { sid: {} }),
  badClaim('sid', 'no sid where it is required', 'RP-18', { sid: undefined }, { requireSid: true }),
]
