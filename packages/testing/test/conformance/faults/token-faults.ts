import type { TestKey } from '@bcl/testing'
import { blindTo, resign, strictWith, without, type Faults } from './fault.ts'
import { claimsOf, decode, event, isPlain, isSignedBy, type Claims } from './reissue.ts'
import type { Fault, Tools } from './relying-party.ts'

const encoder = new TextEncoder()
const rs256 = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }

/** Takes what is signed in a way that is not registered. */
const signedBy = (isSigned: (token: string, header: Claims, tools: Tools) => boolean | Promise<boolean>): Fault => ({
  async receive(token, tools) {
    const [header, payload] = token.split('.')
    return (await isSigned(token, decode(header), tools)) ? resign(decode(payload), tools) : token
  },
})

/** A public key for another way to use it. */
async function keyFor(
  jwk: TestKey['publicJwk'],
  algorithm: { name: string; hash: string },
): Promise<Pick<TestKey, 'publicKey'>> {
  const { kty, n, e } = jwk
  const members = { kty, n, e } as object
  return { publicKey: await crypto.subtle.importKey('jwk', members, algorithm, true, ['verify']) }
}

async function isHmacBy(secret: string, token: string): Promise<boolean> {
  const hmac = { name: 'HMAC', hash: 'SHA-256' }
  const key = await crypto.subtle.importKey('raw', encoder.encode(secret), hmac, false, ['sign'])
  const [header, payload, signature] = token.split('.')
  const made = new Uint8Array(await crypto.subtle.sign(hmac, key, encoder.encode(`${header}.${payload}`)))
  return (
    btoa(String.fromCharCode(...made))
      .replaceAll('+', '-')
      .replaceAll('/', '_')
      .replace(/=+$/, '') === signature
  )
}

async function pemOf({ publicKey }: TestKey): Promise<string> {
  const spki = new Uint8Array(await crypto.subtle.exportKey('spki', publicKey))
  const lines = btoa(String.fromCharCode(...spki)).replace(/.{64}/g, '$&\n')
  return `-----BEGIN PUBLIC KEY-----\n${lines}\n-----END PUBLIC KEY-----\n`
}

const isSignedAnyway = (token: string, tools: Tools): Promise<boolean> =>
  isSignedBy(tools.provider.op.key, rs256, token)

/** Passes over something in the header of a token that is signed well. */
const blindToHeader = (isFault: (header: Claims) => boolean): Fault =>
  signedBy(async (token, header, tools) => isFault(header) && (await isSignedAnyway(token, tools)))

/** Has one check of the header too many. */
const strictWithHeader = (isRefused: (header: Claims) => boolean): Fault => ({
  async receive(token, tools) {
    const claims = await claimsOf(token, tools)
    return claims && isRefused(decode(token.split('.')[0])) ? resign({ ...claims, aud: 'nobody' }, tools) : token
  },
})

const isKnown = (name: string): boolean =>
  ['iss', 'aud', 'iat', 'exp', 'nbf', 'jti', 'sub', 'sid', 'events', 'azp'].includes(name)

export const tokenFaults: Faults = {
  'base64url that is not canonical': {
    fault: () => {
      const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
      return {
        receive(token) {
          const plain = token.replaceAll(/[\s=]/g, '').replaceAll('+', '-').replaceAll('/', '_')
          const signature = plain.split('.')[2] ?? ''
          if (signature.length % 4 !== 2) return plain
          const last = alphabet[alphabet.indexOf(signature.at(-1)!) & ~15]!
          return plain.slice(0, -1) + last
        },
      }
    },
    found: [
      'request/a-token-with-a-space-before-it',
      'refuse/a-line-feed-at-the-end',
      'refuse/a-space-inside-the-signature',
      'refuse/padding',
      'refuse/spare-bits-in-the-signature',
    ],
  },
  'any algorithm of any key': {
    fault: () => ({
      receive: async (token, tools) =>
        (await isSignedBy(tools.provider.otherKey, { name: 'ECDSA', hash: 'SHA-256' }, token))
          ? resign(decode(token.split('.')[1]), tools)
          : token,
    }),
    found: ['oidcc-client-test-rp-backchannel-rpinitlogout-wrong-alg'],
  },
  'any algorithm of the key': {
    fault: () =>
      signedBy(async (token, { alg }, { provider }) => {
        const pss = { name: 'RSA-PSS', hash: 'SHA-256', saltLength: 32 }
        return alg === 'PS256' && isSignedBy(await keyFor(provider.op.key.publicJwk, pss), pss, token)
      }),
    found: ['refuse/a-good-signature-under-PS256-which-is-not-registered'],
  },
  'a public key is taken for a secret': {
    fault: () =>
      signedBy(
        async (token, { alg }, { provider }) => alg === 'HS256' && isHmacBy(await pemOf(provider.op.key), token),
      ),
    found: ['refuse/the-public-key-as-the-secret-of-HS256'],
  },
  'the client secret is taken for a key': {
    fault: () => signedBy((token, { alg }, { provider }) => alg === 'HS256' && isHmacBy(provider.clientSecret, token)),
    found: ['refuse/the-client-secret-as-the-key-of-HS256-which-is-not-registered'],
  },
  'the key in the header is taken': {
    fault: () =>
      signedBy(async (token, { jwk }) => jwk !== undefined && isSignedBy(await keyFor(jwk, rs256), rs256, token)),
    found: ['refuse/the-key-in-the-header'],
  },
  'alg none is taken': {
    fault: () => ({
      receive: async (token, tools) => {
        const [header, payload, signature] = token.split('.')
        return signature === '' && decode(header)['alg'] === 'none' ? resign(decode(payload), tools) : token
      },
    }),
    found: ['oidcc-client-test-rp-backchannel-rpinitlogout-alg-none', 'refuse/alg-none'],
  },
  'alg none is taken in any spelling, and whatever the signature is': {
    fault: () => signedBy((_, { alg }) => typeof alg === 'string' && alg.toLowerCase() === 'none'),
    found: ['oidcc-client-test-rp-backchannel-rpinitlogout-alg-none', /^refuse\/alg-none/i],
  },
  'alg is RS256 in any case, and where there is none': {
    fault: () => blindToHeader(({ alg = 'RS256' }) => alg !== 'RS256' && alg.toUpperCase() === 'RS256'),
    found: ['refuse/alg-in-lower-case'],
  },
  'alg is RS256 where there is none': {
    fault: () => blindToHeader((header) => Object.keys(header).length > 0 && header['alg'] === undefined),
    found: ['refuse/no-alg'],
  },
  'signatures are not checked': {
    fault: () => ({
      receive: async (token, tools) => {
        const [header, payload] = token.split('.')
        const { typ } = decode(header)
        const claims = decode(payload)
        if (!isPlain(token) || claims['iss'] === undefined || !Number.isFinite(claims['exp'])) return token
        const { alg, kid } = tools.provider.op.key
        return tools.provider.op.sign(claims, { alg, kid, ...(typ !== undefined && { typ }) })
      },
    }),
    found: [
      'request/a-token-signed-by-nobody',
      'refuse/a-kid-that-is-a-number',
      'refuse/a-changed-payload',
      'refuse/another-signature',
      'refuse/a-key-of-somebody-else-under-a-known-kid',
      'refuse/an-unknown-kid',
      'refuse/the-key-in-the-header',
      'refuse/a-kid-that-is-a-number',
      'session/a-refused-token-ends-nothing',
    ],
  },
  'crit is not looked at': {
    fault: () => blindToHeader(({ crit }) => crit !== undefined),
    found: ['refuse/a-critical-extension', 'refuse/an-empty-crit'],
  },
  'b64 is not looked at': {
    fault: () => blindToHeader(({ b64 }) => b64 !== undefined),
    found: ['refuse/b64-false', 'refuse/b64-true'],
  },
  'a kid of any type is taken': {
    fault: () => blindToHeader(({ kid = '' }) => typeof kid !== 'string'),
    found: ['refuse/a-kid-that-is-a-number'],
  },
  'typ is not looked at': {
    fault: () => blindToHeader(({ typ = 'JWT' }) => typ === null || !/^(?:application\/)?(?:logout\+)?jwt$/i.test(typ)),
    found: [
      'refuse/typ-of-an-access-token',
      'refuse/typ-of-a-security-event',
      'refuse/an-empty-typ',
      'refuse/typ-null',
    ],
  },
  'typ must be logout+jwt': {
    fault: () => ({
      async receive(token, tools) {
        const claims = await claimsOf(token, tools)
        const { typ } = claims ? decode(token.split('.')[0]!) : {}
        return claims && typ !== 'logout+jwt' ? resign({ ...claims, aud: 'nobody' }, tools) : token
      },
    }),
    found: [
      'oidcc-client-test-rp-backchannel-rpinitlogout',
      'accept/no-typ',
      'accept/typ-JWT',
      'accept/typ-with-application-in-capitals',
      // Their tokens have no typ, or JWT.
      /^provider\/(?!keycloak-26|duende|authentik|node-oidc-provider|authelia)/,
    ],
  },
  'a kid is asked for': {
    fault: () => strictWithHeader(({ kid }) => kid === undefined),
    found: ['accept/no-kid'],
  },
  'hints of keys are an error': {
    fault: () => strictWithHeader((header) => 'jku' in header || 'x5t' in header),
    found: ['accept/key-hints-in-the-header-that-are-ignored'],
  },
  'keys are fetched once': {
    fault: () => {
      let kept: Promise<Response> | undefined
      return {
        fetch: async (request, { provider }) => {
          if (!request.url.endsWith('/jwks')) return provider.handle(request)
          kept ??= provider.handle(request)
          return (await kept).clone()
        },
      }
    },
    found: ['accept/a-key-published-just-now'],
  },
  'iss is not checked': {
    fault: () => ({
      receive: blindTo(
        ({ iss }, { provider }) => iss !== provider.op.issuer,
        (claims, { provider }) => ({ ...claims, iss: provider.op.issuer }),
      ),
    }),
    found: ['oidcc-client-test-rp-backchannel-rpinitlogout-wrong-iss', 'refuse/no-iss', /^refuse\/iss-/],
  },
  'iss is compared without its slash': {
    fault: () => ({
      receive: blindTo(
        ({ iss }, { provider }) => iss === `${provider.op.issuer}/`,
        (claims, { provider }) => ({ ...claims, iss: provider.op.issuer }),
      ),
    }),
    found: ['refuse/iss-with-a-trailing-slash'],
  },
  'aud is not checked': {
    fault: () => ({
      receive: blindTo(
        ({ iss, aud }, { provider }) =>
          iss !== undefined && JSON.stringify(aud) !== JSON.stringify(provider.op.clientId),
        (claims, { provider }) => ({ ...claims, aud: provider.op.clientId }),
      ),
    }),
    found: [
      'oidcc-client-test-rp-backchannel-rpinitlogout-wrong-aud',
      'refuse/no-aud',
      /^refuse\/aud-/,
      'refuse/an-empty-list-as-aud',
      'refuse/a-further-audience',
      'refuse/a-further-audience-that-is-a-number',
    ],
  },
  'aud must be text': {
    fault: () => ({ receive: strictWith(({ aud }) => Array.isArray(aud)) }),
    found: ['accept/aud-as-a-list', 'provider/zitadel', 'provider/authelia-lib'],
  },
  'one audience of many is enough': {
    fault: () => ({
      receive: blindTo(
        ({ aud }, { provider }) => Array.isArray(aud) && aud.length > 1 && aud.includes(provider.op.clientId),
        (claims, { provider }) => ({ ...claims, aud: provider.op.clientId }),
      ),
    }),
    found: ['refuse/a-further-audience', 'refuse/a-further-audience-that-is-a-number'],
  },
  'aud is looked for in text': {
    fault: () => ({
      receive: blindTo(
        ({ aud }, { provider }) =>
          typeof aud === 'string' && aud !== provider.op.clientId && aud.includes(provider.op.clientId),
        (claims, { provider }) => ({ ...claims, aud: provider.op.clientId }),
      ),
    }),
    found: ['oidcc-client-test-rp-backchannel-rpinitlogout-wrong-aud', 'refuse/aud-that-begins-like-the-client'],
  },
  'azp is not looked at': {
    fault: () => ({
      receive: blindTo(
        (claims, { provider }) => 'azp' in claims && claims['azp'] !== provider.op.clientId,
        (claims) => without(claims, 'azp'),
      ),
    }),
    found: ['refuse/azp-of-another-client', 'refuse/azp-null'],
  },
  'azp is an error': {
    fault: () => ({ receive: strictWith((claims) => 'azp' in claims) }),
    found: ['accept/azp-of-this-client', 'provider/rauthy-sub'],
  },
  'exp is not checked': {
    fault: () => ({
      receive: blindTo(
        ({ exp }, { now }) => typeof exp === 'number' && exp < now(),
        (claims, { now }) => ({ ...claims, exp: now() + 120 }),
      ),
    }),
    found: ['refuse/exp-ten-minutes-ago'],
  },
  'exp may be missing': {
    fault: () => ({
      receive: blindTo(
        (claims) => !('exp' in claims),
        (claims, { now }) => ({ ...claims, exp: now() + 120 }),
      ),
    }),
    found: ['refuse/no-exp'],
  },
  'iat may be missing': {
    fault: () => ({
      receive: blindTo(
        (claims) => !('iat' in claims),
        (claims, { now }) => ({ ...claims, iat: now() }),
      ),
    }),
    found: ['refuse/no-iat'],
  },
  'times may be text': {
    fault: () => ({
      receive: blindTo(
        ({ iat, exp, nbf }) => [iat, exp, nbf].some((time) => typeof time === 'string'),
        (claims) => {
          const times = Object.entries(claims).filter(([, value]) => /^\d+$/.test(String(value)))
          return { ...claims, ...Object.fromEntries(times.map(([name, value]) => [name, Number(value)])) }
        },
      ),
    }),
    found: ['refuse/iat-as-text', 'refuse/exp-as-text', 'refuse/nbf-as-text'],
  },
  'times may be null': {
    fault: () => ({
      receive: blindTo(
        ({ iat, exp }) => iat === null || exp === null,
        (claims, { now }) => ({ ...claims, iat: now(), exp: now() + 120 }),
      ),
    }),
    found: ['refuse/iat-null', 'refuse/exp-null'],
  },
  'times may be infinite': {
    fault: () => ({
      receive: blindTo(
        ({ iat, exp }) => [iat, exp].some((time) => typeof time === 'number' && !Number.isFinite(time)),
        (claims, { now }) => ({ ...claims, iat: now(), exp: now() + 120 }),
      ),
    }),
    found: ['refuse/exp-is-1e999', 'refuse/iat-is-1e999'],
  },
  'times must be whole': {
    fault: () => ({
      receive: strictWith(({ iat, exp }) =>
        [iat, exp].some((time) => Number.isFinite(time) && !Number.isInteger(time)),
      ),
    }),
    found: ['accept/fractions-of-a-second'],
  },
  'iat may be in the future': {
    fault: () => ({
      receive: blindTo(
        ({ iat, exp }, { now }) => iat > now() + 60 && Number.isFinite(exp),
        (claims, { now }) => ({ ...claims, iat: now() }),
      ),
    }),
    found: ['refuse/iat-ten-minutes-ahead'],
  },
  'nbf is not looked at': {
    fault: () => ({
      receive: blindTo(
        ({ nbf }) => typeof nbf === 'number',
        (claims) => without(claims, 'nbf'),
      ),
    }),
    found: ['refuse/nbf-ten-minutes-ahead'],
  },
  'the clock is taken at its word': {
    fault: () => ({
      receive: blindTo(
        ({ iat, nbf }, { now }) => iat > now() || nbf > now(),
        (claims) => ({ ...claims, aud: 'nobody' }),
      ),
    }),
    found: ['accept/clocks-ten-seconds-apart', 'accept/not-before-ten-seconds-from-now'],
  },
  'a nonce is taken': {
    fault: () => ({
      receive: blindTo(
        (claims) => 'nonce' in claims,
        (claims) => without(claims, 'nonce'),
      ),
    }),
    found: [
      'oidcc-client-test-rp-backchannel-rpinitlogout-with-nonce',
      'refuse/a-nonce',
      'refuse/nonce-null',
      'refuse/an-empty-nonce',
    ],
  },
  'a nonce that is empty is none': {
    fault: () => ({
      receive: blindTo(
        (claims) => 'nonce' in claims && !claims['nonce'],
        (claims) => without(claims, 'nonce'),
      ),
    }),
    found: ['refuse/nonce-null', 'refuse/an-empty-nonce'],
  },
  'a null event is taken': {
    fault: () => ({
      receive: blindTo(
        ({ events }) => events?.[event] === null,
        (claims) => ({ ...claims, events: { [event]: {} } }),
      ),
    }),
    found: ['refuse/the-event-null'],
  },
  'events are not looked at': {
    fault: () => ({
      receive: blindTo(
        ({ iss, events }) => iss !== undefined && !(events?.[event] instanceof Object && !Array.isArray(events[event])),
        (claims) => ({ ...claims, events: { [event]: {} } }),
      ),
    }),
    found: [
      'oidcc-client-test-rp-backchannel-rpinitlogout-no-event',
      'oidcc-client-test-rp-backchannel-rpinitlogout-wrong-event',
      'refuse/no-events',
      /^refuse\/events-/,
      /^refuse\/the-event-/,
      'refuse/event-for-events-WSO2-5-9',
    ],
  },
  'a further event is an error': {
    fault: () => ({
      receive: blindTo(
        ({ events }) => typeof events === 'object' && events !== null && Object.keys(events).length > 1,
        (claims) => without(claims, 'events'),
      ),
    }),
    found: ['accept/a-further-event', 'provider/keycloak-26'],
  },
  'an event must be empty': {
    fault: () => ({ receive: strictWith(({ events }) => Object.keys(events?.[event] ?? {}).length > 0) }),
    found: ['accept/an-event-with-members'],
  },
  'a jti is not asked for': {
    fault: () => ({
      receive: blindTo(
        ({ jti }) => typeof jti !== 'string' || jti === '',
        (claims) => ({ ...claims, jti: crypto.randomUUID() }),
      ),
    }),
    found: ['refuse/no-jti', 'refuse/an-empty-jti', 'refuse/jti-as-a-number'],
  },
  'nobody need be meant': {
    fault: () => ({
      receive: blindTo(
        ({ iss, sub, sid }) => iss !== undefined && (sub ?? sid ?? null) === null,
        (claims) => ({ ...claims, sub: 'somebody' }),
      ),
    }),
    found: ['refuse/neither-sub-nor-sid', 'refuse/sub-and-sid-null'],
  },
  'sub and sid may be anything': {
    fault: () => ({
      receive: blindTo(
        ({ sub = 'x', sid = 'x' }) =>
          [sub, sid].some((name) => name === '' || (name !== null && typeof name !== 'string')),
        (claims) => ({ ...claims, sub: `${claims['sub']} `, sid: `${claims['sid']} ` }),
      ),
    }),
    found: [
      'refuse/an-empty-sub',
      'refuse/sub-as-a-number',
      'refuse/an-empty-sid',
      'refuse/sid-as-a-number',
      'refuse/sid-as-an-object',
    ],
  },
  'null is an error': {
    fault: () => ({ receive: strictWith(({ sub, sid }) => sub === null || sid === null) }),
    found: ['accept/sub-null-beside-a-sid', 'accept/sid-null-beside-a-sub'],
  },
  'claims that are not known are an error': {
    fault: () => ({ receive: strictWith((claims) => !Object.keys(claims).every(isKnown)) }),
    found: [
      'oidcc-client-test-rp-backchannel-rpinitlogout',
      'accept/claims-that-are-not-understood',
      'accept/claims-named-like-what-every-object-has',
      'provider/keycloak-26',
      'provider/duende-identityserver',
      'provider/rauthy-sub',
    ],
  },
  'claims become a prototype': {
    fault: () => ({
      receive: strictWith((claims) => 'nonce' in Object.assign({}, claims) && !Object.hasOwn(claims, 'nonce')),
    }),
    found: ['accept/claims-named-like-what-every-object-has'],
  },
  'a sid is cut to letters': {
    fault: () => ({
      receive: blindTo(
        ({ sid }) => typeof sid === 'string' && /[^\w-]/.test(sid),
        (claims) => ({ ...claims, sid: claims['sid'].replaceAll(/[^\w-]/g, '') }),
      ),
    }),
    found: ['accept/a-sid-of-punctuation'],
  },
}
