import type { TestKey } from '@bcl/testing'
import { resign, type Faults } from './fault-tools.ts'
import { claimsOf, decode, isPlain, isSignedBy, type Claims } from './reissue.ts'
import type { Fault, Tools } from './relying-party.ts'

const encoder = new TextEncoder()
const rs256 = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }

/** Accepts tokens for which `isSigned` holds: signs them again with the key of the provider. */
const signedBy = (isSigned: (token: string, header: Claims, tools: Tools) => boolean | Promise<boolean>): Fault => ({
  async receive(token, tools) {
    const [header, payload] = token.split('.')
    return (await isSigned(token, decode(header), tools)) ? resign(decode(payload), tools) : token
  },
})

/** Imports a public key for another algorithm. */
async function keyFor(
  jwk: TestKey['publicJwk'],
  algorithm: { name: string; hash: string },
): Promise<Pick<TestKey, 'publicKey'>> {
  const { kty, n, e } = jwk
  const members = { kty, n, e } as object
  return { publicKey: await crypto.subtle.importKey('jwk', members, algorithm, true, ['verify']) }
}

async function isSignedWithSecret(secret: string, token: string): Promise<boolean> {
  const hmac = { name: 'HMAC', hash: 'SHA-256' }
  const key = await crypto.subtle.importKey('raw', encoder.encode(secret), hmac, false, ['sign'])
  const [header, payload, signature] = token.split('.')
  const expected = new Uint8Array(await crypto.subtle.sign(hmac, key, encoder.encode(`${header}.${payload}`)))
  return (
    btoa(String.fromCharCode(...expected))
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

const hasGoodSignature = (token: string, tools: Tools): Promise<boolean> =>
  isSignedBy(tools.provider.op.key, rs256, token)

/** Accepts a token whose header has the given fault, if the signature is good. */
const blindToHeader = (isFault: (header: Claims) => boolean): Fault =>
  signedBy(async (token, header, tools) => isFault(header) && (await hasGoodSignature(token, tools)))

/** Refuses good tokens whose header meets the condition. */
const strictWithHeader = (isRefused: (header: Claims) => boolean): Fault => ({
  async receive(token, tools) {
    const claims = await claimsOf(token, tools)
    return claims && isRefused(decode(token.split('.')[0])) ? resign({ ...claims, aud: 'nobody' }, tools) : token
  },
})

/** Faults in the checks of the form, the header and the signature. */
export const signatureFaults: Faults = {
  'accepts base64url that is not canonical': {
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
    failing: [
      'request/a-token-with-a-space-before-it',
      'refuse/a-line-feed-at-the-end',
      'refuse/a-space-inside-the-signature',
      'refuse/padding',
      'refuse/spare-bits-in-the-signature',
    ],
  },
  'accepts any published key with its own algorithm': {
    fault: () => ({
      receive: async (token, tools) =>
        (await isSignedBy(tools.provider.otherKey, { name: 'ECDSA', hash: 'SHA-256' }, token))
          ? resign(decode(token.split('.')[1]), tools)
          : token,
    }),
    failing: ['oidcc-client-test-rp-backchannel-rpinitlogout-wrong-alg'],
  },
  'accepts any algorithm that fits the key': {
    fault: () =>
      signedBy(async (token, { alg }, { provider }) => {
        const pss = { name: 'RSA-PSS', hash: 'SHA-256', saltLength: 32 }
        return alg === 'PS256' && isSignedBy(await keyFor(provider.op.key.publicJwk, pss), pss, token)
      }),
    failing: ['refuse/a-good-signature-under-PS256-which-is-not-registered'],
  },
  'takes the public key for an HMAC secret': {
    fault: () =>
      signedBy(
        async (token, { alg }, { provider }) =>
          alg === 'HS256' && isSignedWithSecret(await pemOf(provider.op.key), token),
      ),
    failing: ['refuse/the-public-key-as-the-secret-of-HS256'],
  },
  'takes the client secret for an HMAC secret': {
    fault: () =>
      signedBy((token, { alg }, { provider }) => alg === 'HS256' && isSignedWithSecret(provider.clientSecret, token)),
    failing: ['refuse/the-client-secret-as-the-key-of-HS256-which-is-not-registered'],
  },
  'takes the key from the header': {
    fault: () =>
      signedBy(async (token, { jwk }) => jwk !== undefined && isSignedBy(await keyFor(jwk, rs256), rs256, token)),
    failing: ['refuse/the-key-in-the-header'],
  },
  'accepts alg none': {
    fault: () => ({
      receive: async (token, tools) => {
        const [header, payload, signature] = token.split('.')
        return signature === '' && decode(header)['alg'] === 'none' ? resign(decode(payload), tools) : token
      },
    }),
    failing: ['oidcc-client-test-rp-backchannel-rpinitlogout-alg-none', 'refuse/alg-none'],
  },
  'accepts alg none in any spelling and with any signature': {
    fault: () => signedBy((_, { alg }) => typeof alg === 'string' && alg.toLowerCase() === 'none'),
    failing: ['oidcc-client-test-rp-backchannel-rpinitlogout-alg-none', /^refuse\/alg-none/i],
  },
  'ignores the case of alg': {
    fault: () => blindToHeader(({ alg = 'RS256' }) => alg !== 'RS256' && alg.toUpperCase() === 'RS256'),
    failing: ['refuse/alg-in-lower-case'],
  },
  'takes a missing alg for RS256': {
    fault: () => blindToHeader((header) => Object.keys(header).length > 0 && header['alg'] === undefined),
    failing: ['refuse/no-alg'],
  },
  'does not check signatures': {
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
    failing: [
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
  'ignores crit': {
    fault: () => blindToHeader(({ crit }) => crit !== undefined),
    failing: ['refuse/a-critical-extension', 'refuse/an-empty-crit'],
  },
  'ignores b64': {
    fault: () => blindToHeader(({ b64 }) => b64 !== undefined),
    failing: ['refuse/b64-false', 'refuse/b64-true'],
  },
  'accepts a kid of any type': {
    fault: () => blindToHeader(({ kid = '' }) => typeof kid !== 'string'),
    failing: ['refuse/a-kid-that-is-a-number'],
  },
  'ignores typ': {
    fault: () => blindToHeader(({ typ = 'JWT' }) => typ === null || !/^(?:application\/)?(?:logout\+)?jwt$/i.test(typ)),
    failing: [
      'refuse/typ-of-an-access-token',
      'refuse/typ-of-a-security-event',
      'refuse/an-empty-typ',
      'refuse/typ-null',
    ],
  },
  'requires typ logout+jwt': {
    fault: () => ({
      async receive(token, tools) {
        const claims = await claimsOf(token, tools)
        const { typ } = claims ? decode(token.split('.')[0]!) : {}
        return claims && typ !== 'logout+jwt' ? resign({ ...claims, aud: 'nobody' }, tools) : token
      },
    }),
    failing: [
      'oidcc-client-test-rp-backchannel-rpinitlogout',
      'accept/no-typ',
      'accept/typ-JWT',
      'accept/typ-with-application-in-capitals',
      // The tokens of these providers have no typ, or the typ JWT.
      /^provider\/(?!keycloak-26|duende|authentik|node-oidc-provider|authelia)/,
    ],
  },
  'requires a kid': {
    fault: () => strictWithHeader(({ kid }) => kid === undefined),
    failing: ['accept/no-kid'],
  },
  'refuses jku and x5t in the header': {
    fault: () => strictWithHeader((header) => 'jku' in header || 'x5t' in header),
    failing: ['accept/key-hints-in-the-header-that-are-ignored'],
  },
  'fetches the keys only once': {
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
    failing: ['accept/a-key-published-just-now'],
  },
}
