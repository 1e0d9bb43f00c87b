import { MemoryStore } from '@bcl/core'
import { blindTo, noStore, resign, seen, strictWith, without, type Faults } from './fault.ts'
import { claimsOf, decode } from './reissue.ts'

const done = (): Response => new Response(null, { status: 200, headers: noStore })
const refused = (): Response => Response.json({ error: 'invalid_request' }, { status: 400, headers: noStore })

export const sessionFaults: Faults = {
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
    found: [
      'accept/a-jti-that-was-forged-before',
      'accept/a-jti-that-was-refused-before',
      'session/a-jti-may-be-used-again-by-a-later-logout',
    ],
  },
  'a jti is noted before the work is done': {
    fault: () => {
      const known = seen()
      return {
        receive: async (token, tools) => {
          const claims = await claimsOf(token, tools)
          const name = claims?.['jti'] && JSON.stringify([claims['jti'], claims['iat']])
          return name && known(name) ? done() : token
        },
      }
    },
    found: ['accept/a-jti-that-was-refused-before'],
  },
  'a jti makes a token the same': {
    fault: () => {
      const known = seen()
      let jti: unknown
      return {
        receive: async (token, tools) => {
          jti = (await claimsOf(token, tools))?.['jti']
          return jti !== undefined && known(jti) ? done() : token
        },
      }
    },
    found: ['accept/a-jti-that-was-refused-before', 'session/a-jti-may-be-used-again-by-a-later-logout'],
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
  'copies of a token fall over each other': {
    fault: () => {
      const known = seen()
      let isBusy = false
      return {
        receive(token) {
          if (isBusy && known(token)) return new Response(null, { status: 500, headers: noStore })
          isBusy = true
          known(token)
          return token
        },
        answer(response) {
          isBusy = false
          return response
        },
      }
    },
    found: ['accept/the-same-token-twice-at-once'],
  },
  'one logout at a time': {
    fault: () => {
      let isBusy = false
      return {
        receive(token) {
          if (isBusy) return done()
          isBusy = true
          return token
        },
        answer(response) {
          isBusy = false
          return response
        },
      }
    },
    found: ['session/two-logouts-at-once-end-two-sessions'],
  },
  'one logout of a user': {
    fault: () => {
      const known = seen()
      return {
        receive: async (token, tools) => {
          const { sub, iat, sid, nonce } = (await claimsOf(token, tools)) ?? {}
          return sub && sid && !nonce && known(JSON.stringify([sub, iat])) ? done() : token
        },
      }
    },
    found: ['session/two-logouts-end-two-sessions', 'session/two-logouts-at-once-end-two-sessions'],
  },
  'a session that is not known is an error': {
    fault: () => {
      let sessions: { sub: string; sid?: string | null | undefined }[] = []
      return {
        onLogin: (_, session) => sessions.push(session),
        receive: async (token, tools) => {
          const { sub, sid, nonce } = (await claimsOf(token, tools)) ?? {}
          if (nonce || (sub ?? sid) === undefined) return token
          const ended = sessions.filter((one) => (sid && one.sid ? one.sid === sid : one.sub === sub))
          sessions = sessions.filter((one) => !ended.includes(one))
          return ended.length === 0 ? refused() : token
        },
      }
    },
    found: [
      'accept/a-session-that-it-does-not-know',
      'accept/the-same-token-again',
      'session/a-session-that-has-ended-may-be-logged-out-again',
      'session/a-logout-counts-that-comes-before-its-sign-in-has-finished',
    ],
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
  'a sid is a sub': {
    fault: () => {
      const rename = (key: string): string => key.replace(/^\[1,"logout","(?:sid|nosid)"/, '[1,"logout","sub"')
      return {
        store: (good) => ({
          add: (key, ...rest) => good.add(rename(key), ...rest),
          values: (keys) => good.values(keys.map(rename)),
          remove: (key, ...rest) => good.remove(rename(key), ...rest),
        }),
      }
    },
    found: ['session/a-sub-is-no-sid', 'session/a-sid-ends-no-other-session'],
  },
  'a sub is not looked at beside a sid': {
    fault: () => ({
      receive: blindTo(
        ({ sub, sid }) => typeof sub === 'string' && sub !== '' && typeof sid === 'string' && sid !== '',
        (claims) => without(claims, 'sub'),
      ),
    }),
    found: ['session/a-session-without-a-known-sid-ends-by-its-sub'],
  },
  'a sub is asked for': {
    fault: () => ({ receive: strictWith(({ sub }) => !sub) }),
    found: ['accept/sid-alone', 'accept/sub-null-beside-a-sid', 'provider/authentik'],
  },
  'a sid is asked for': {
    fault: () => ({ receive: strictWith(({ sid }) => !sid) }),
    found: [
      'accept/sub-alone',
      'accept/sid-null-beside-a-sub',
      'provider/rauthy-sub',
      'provider/django-oauth-toolkit',
      // They are about all sessions of a user, or make use of it.
      /^session\/a-sub-ends-/,
      'session/a-user-can-sign-in-again',
      'session/an-old-cookie-stays-dead',
      'session/a-late-logout-does-not-end-a-newer-session',
      'session/a-token-that-comes-again-does-not-end-a-newer-session',
    ],
  },
  'all users are one': {
    fault: () => ({
      session: (claims) => ({ ...claims, sub: 'everybody' }),
      receive: blindTo(
        ({ sub }) => typeof sub === 'string' && sub !== '',
        (claims) => ({ ...claims, sub: 'everybody' }),
      ),
    }),
    found: [
      'session/a-sub-ends-the-sessions-of-nobody-else',
      'session/a-sub-is-no-sid',
      // Their sessions are ended by the tokens of other cases.
      'session/a-refused-token-ends-nothing',
      'session/a-late-logout-does-not-end-a-newer-session',
      'session/a-session-without-a-known-sid-ends-by-its-sub',
    ],
  },
  'what nobody signed ends sessions': {
    fault: () => ({
      receive: async (token, tools) => {
        const [, payload, signature] = token.split('.')
        const isForged = signature?.startsWith('AAAAAAAA')
        if (isForged) await tools.logout.receive(await resign(decode(payload), tools))
        return token
      },
    }),
    found: ['session/a-refused-token-ends-nothing'],
  },
  'logouts are said to be done, and are not': {
    fault: () => ({
      store: (good) => ({ add: async () => {}, values: (keys) => good.values(keys), remove: async () => {} }),
    }),
    found: [
      'oidcc-client-test-rp-backchannel-rpinitlogout',
      /^request\/(?:a-form-with-one|a-media-type|a-percent-encoded|further-parameters|a-query-string|a-foreign)/,
      /^accept\/(?!the-same-token-again|a-session-that-it-does-not-know)/,
      /^provider\/(?!zitadel)/,
      'session/a-sub-ends-all-sessions-of-the-user',
      'session/two-logouts-end-two-sessions',
      'session/two-logouts-at-once-end-two-sessions',
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
