import { resign, type Faults } from './fault-tools.ts'
import { claimsOf, decode, isPlain, isSignedBy, type Claims } from './reissue.ts'
import type { Fault } from './relying-party.ts'

/** Refuses valid tokens whose header meets the condition. */
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
      'refuse/plus-and-slash-for-minus-and-underscore',
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
  'accepts alg none': {
    fault: () => ({
      receive: async (token, tools) => {
        const [header, payload, signature] = token.split('.')
        return signature === '' && decode(header)['alg'] === 'none' ? resign(decode(payload), tools) : token
      },
    }),
    failing: ['oidcc-client-test-rp-backchannel-rpinitlogout-alg-none', 'refuse/alg-none'],
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
      'refuse/a-changed-payload',
      'refuse/another-signature',
      'refuse/a-key-of-somebody-else-under-a-known-kid',
      'refuse/an-unknown-kid',
      'refuse/the-key-in-the-header',
      'refuse/the-key-in-the-header-under-a-known-kid',
      'session/a-refused-token-ends-nothing',
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
