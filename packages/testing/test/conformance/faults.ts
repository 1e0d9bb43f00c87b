import { MemoryStore } from '@bcl/core'
import { claimsOf, decode, event, isPlain, isSignedBy, reissue, type Claims } from './reissue.ts'
import type { Fault, Tools } from './relying-party.ts'

const noStore = { 'cache-control': 'no-store' }

const status = (response: Response, wanted: number, body: string | null = null): Response =>
  new Response(body, { status: wanted, headers: noStore })

const without = (claims: Claims, ...names: string[]): Claims =>
  Object.fromEntries(Object.entries(claims).filter(([name]) => !names.includes(name)))

/** Passes over one check: what it would refuse is mended before it is looked at. */
const blindTo = (isFault: (claims: Claims, tools: Tools) => boolean, mend: (claims: Claims, tools: Tools) => Claims) =>
  reissue((claims, tools) => (isFault(claims, tools) ? mend(claims, tools) : claims))

const seen = () => {
  const names = new Set<unknown>()
  return (name: unknown): boolean => names.has(name) || !names.add(name)
}

/** Signs anew what somebody has signed, or nobody. */
const resign = async (payload: Claims, { provider: { op } }: Tools): Promise<string> =>
  op.sign(payload, { alg: 'RS256', kid: op.key.kid })

/** One application for each fault, and the cases that find it: all of them, and no other. */
export const faults: Record<string, { fault: () => Fault; found: (string | RegExp)[] }> = {
  '204 for a success': {
    fault: () => ({ answer: (response) => (response.status === 200 ? status(response, 204) : response) }),
    found: ['oidcc-client-test-rp-backchannel-rpinitlogout', 'answer/success-is-200'],
  },
  '500 on a bad signature': {
    fault: () => ({
      answer: (response, code) => (code === 'ERR_LOGOUT_TOKEN_SIGNATURE' ? status(response, 500) : response),
    }),
    found: [
      'oidcc-client-test-rp-backchannel-rpinitlogout-alg-none',
      'oidcc-client-test-rp-backchannel-rpinitlogout-wrong-alg',
      'request/a-token-signed-by-nobody',
      'refuse/a-changed-payload',
      'refuse/another-signature',
      'refuse/an-empty-signature',
      'refuse/a-key-of-somebody-else-under-a-known-kid',
      'refuse/an-unknown-kid',
      // Not the key in the header: on a clock that stands still there are no more fetches for a kid that is unknown.
      'refuse/a-good-signature-under-PS256-which-is-not-registered',
      'refuse/the-public-key-as-the-secret-of-HS256',
      /^refuse\/alg-/,
      'refuse/no-alg',
    ],
  },
  'refusals in words': {
    fault: () => ({
      answer: (response) => (response.status === 400 ? status(response, 400, 'Invalid Logout Token') : response),
    }),
    found: ['answer/refusal-says-why'],
  },
  'refusals that repeat the token': {
    fault: () => ({
      async receive(token, tools) {
        const claims = await claimsOf(token, tools)
        if (claims?.['nonce'] === undefined) return token
        return Response.json(
          { error: 'invalid_request', error_description: `${claims['sub']} has a nonce` },
          { status: 400, headers: noStore },
        )
      },
    }),
    found: ['answer/refusal-repeats-nothing'],
  },
  'answers that may be stored': {
    fault: () => ({
      answer: ({ status: given, body, headers }) => {
        const left = new Headers(headers)
        left.delete('cache-control')
        return new Response(body, { status: given, headers: left })
      },
    }),
    found: ['answer/success-is-not-stored', 'answer/refusal-is-not-stored'],
  },
  'a body on success': {
    fault: () => ({
      answer: (response) => (response.status === 200 ? status(response, 200, '{"ok":true}') : response),
    }),
    found: ['answer/success-is-empty'],
  },
  'GET is taken': {
    fault: () => ({
      request: (request) =>
        request.method === 'GET'
          ? new Request(request.url, { method: 'POST', body: new URL(request.url).searchParams })
          : request,
    }),
    found: ['request/GET'],
  },
  'JSON is taken': {
    fault: () => ({
      async request(request) {
        if (!request.headers.get('content-type')?.startsWith('application/json')) return request
        const json = (await request
          .clone()
          .json()
          .catch(() => ({}))) as Record<string, string>
        return new Request(request.url, { method: 'POST', body: new URLSearchParams(json) })
      },
    }),
    found: ['request/JSON'],
  },
  'the first of several tokens': {
    fault: () => ({
      async request(request) {
        if (request.method !== 'POST') return request
        const text = await request.clone().text()
        const tokens = new URLSearchParams(text).getAll('logout_token')
        if (tokens.length < 2) return request
        return new Request(request.url, { method: 'POST', body: new URLSearchParams({ logout_token: tokens[0]! }) })
      },
    }),
    found: ['request/two-tokens', 'request/the-same-token-twice'],
  },
  'a media type compared as it is': {
    fault: () => ({
      request: (request) =>
        request.headers.get('content-type') === 'application/x-www-form-urlencoded' || request.method !== 'POST'
          ? request
          : new Request(request.url, { method: 'POST', body: 'other' }),
    }),
    found: ['request/a-media-type-with-a-charset', 'request/a-media-type-in-capitals', 'provider/keycloak-26'],
  },
  'a parameter more is an error': {
    fault: () => ({
      async request(request) {
        if (request.method !== 'POST') return request
        const names = [...new URLSearchParams(await request.clone().text()).keys()]
        return names.length > 1 ? new Request(request.url, { method: 'POST', body: 'x=1' }) : request
      },
    }),
    found: ['oidcc-client-test-rp-backchannel-rpinitlogout', 'request/further-parameters'],
  },
  'no limit to a body': {
    fault: () => ({
      async request(request) {
        const text = await request.clone().text()
        const token = new URLSearchParams(text).get('logout_token')
        if (text.length < 1024 * 1024 || token === null) return request
        return new Request(request.url, { method: 'POST', body: new URLSearchParams({ logout_token: token }) })
      },
    }),
    found: ['request/a-body-over-a-mebibyte'],
  },
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
  'alg none is taken': {
    fault: () => ({
      receive: async (token, tools) => {
        const [header, payload, signature] = token.split('.')
        return signature === '' && decode(header)['alg'] === 'none' ? resign(decode(payload), tools) : token
      },
    }),
    found: ['oidcc-client-test-rp-backchannel-rpinitlogout-alg-none', 'refuse/alg-none'],
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
  'a jti is noted before the signature is checked': {
    fault: () => {
      const known = seen()
      return {
        receive(token) {
          const { jti } = decode(token.split('.')[1])
          return jti !== undefined && known(jti) ? new Response(null, { status: 200, headers: noStore }) : token
        },
      }
    },
    found: ['accept/a-jti-that-was-forged-before', 'session/a-jti-may-be-used-again-by-a-later-logout'],
  },
  'a token that comes again is refused': {
    fault: () => {
      const known = seen()
      return {
        receive: async (token, tools) => {
          const isKnown = (await claimsOf(token, tools)) !== undefined && known(token)
          return isKnown ? Response.json({ error: 'invalid_request' }, { status: 400 }) : token
        },
      }
    },
    found: ['accept/the-same-token-again'],
  },
  'a token that comes again is a new logout': {
    fault: () => {
      const known = seen()
      return {
        receive: async (token, tools) => {
          const claims = await claimsOf(token, tools)
          const { iat, exp } = { iat: tools.now(), exp: tools.now() + 120 }
          return claims && known(token) ? resign({ ...claims, jti: crypto.randomUUID(), iat, exp }, tools) : token
        },
      }
    },
    found: ['session/a-token-that-comes-again-does-not-end-a-newer-session'],
  },
  'logouts count from when they arrive': {
    fault: () => ({
      receive: blindTo(
        ({ iat, exp }, { now }) => Number.isInteger(iat) && iat < now() && exp > now() && exp < 1e12,
        (claims, { now }) => ({ ...claims, iat: now() }),
      ),
    }),
    found: [
      'session/a-late-logout-does-not-end-a-newer-session',
      'session/a-token-that-comes-again-does-not-end-a-newer-session',
    ],
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
  'a jti is not asked for': {
    fault: () => ({
      receive: blindTo(
        ({ jti }) => typeof jti !== 'string' || jti === '',
        (claims) => ({ ...claims, jti: crypto.randomUUID() }),
      ),
    }),
    found: ['refuse/no-jti', 'refuse/an-empty-jti', 'refuse/jti-as-a-number'],
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
  'a sid ends everything': {
    fault: () => ({
      receive: blindTo(
        ({ sub, sid }) => typeof sub === 'string' && sub !== '' && typeof sid === 'string' && sid !== '',
        (claims) => without(claims, 'sid'),
      ),
    }),
    found: ['session/a-sid-ends-no-other-session', 'session/a-sid-decides-where-the-sub-is-another'],
  },
  'a sub ends one session': {
    fault: () => {
      const sids = new Map<unknown, string>()
      return {
        onLogin: (_, { sub, sid }) => sids.has(sub) || sids.set(sub, sid ?? ''),
        receive: blindTo(
          ({ sub, sid }) => sid === undefined && Boolean(sids.get(sub)),
          (claims) => ({ ...claims, sid: sids.get(claims['sub']) }),
        ),
      }
    },
    found: ['session/a-sub-ends-all-sessions-of-the-user'],
  },
  'logouts are said to be done, and are not': {
    fault: () => ({
      store: (good) => ({ add: async () => {}, values: (keys) => good.values(keys), remove: async () => {} }),
    }),
    found: [
      'oidcc-client-test-rp-backchannel-rpinitlogout',
      /^request\/(?:a-form-with-one|a-media-type|a-percent-encoded|further-parameters|a-query-string|a-foreign)/,
      /^accept\/(?!the-same-token-again)/,
      /^provider\/(?!zitadel)/,
      'session/a-sub-ends-all-sessions-of-the-user',
      'session/two-logouts-end-two-sessions',
      'session/an-old-cookie-stays-dead',
      'session/a-logout-counts-that-comes-before-its-sign-in-has-finished',
      'session/a-jti-may-be-used-again-by-a-later-logout',
      'session/a-sid-decides-where-the-sub-is-another',
      'session/a-session-without-a-known-sid-ends-by-its-sub',
    ],
  },
  'a logout is forgotten at the next login': {
    fault: () => {
      let memory = new MemoryStore()
      return {
        store: () => ({
          add: (...args) => memory.add(...args),
          values: (...args) => memory.values(...args),
          remove: (...args) => memory.remove(...args),
        }),
        onLogin: () => (memory = new MemoryStore()),
      }
    },
    found: ['session/an-old-cookie-stays-dead', 'session/a-logout-counts-that-comes-before-its-sign-in-has-finished'],
  },
  'sessions are dated a second late': {
    fault: () => ({ session: (claims) => ({ ...claims, iat: claims.iat + 1 }) }),
    found: ['accept/fractions-of-a-second', 'session/a-logout-counts-that-comes-before-its-sign-in-has-finished'],
  },
  'a logout locks the user out': {
    fault: () => ({ session: (claims) => ({ ...claims, iat: claims.iat - 1000 }) }),
    found: [
      'session/a-user-can-sign-in-again',
      'session/a-late-logout-does-not-end-a-newer-session',
      'session/a-token-that-comes-again-does-not-end-a-newer-session',
      'session/a-sid-may-be-used-again',
      'session/an-old-cookie-stays-dead',
    ],
  },
}
