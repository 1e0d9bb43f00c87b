import { MemoryStore } from '@bcl/core'
import { blindTo, createRepeatCheck, noStore, omit, resign, strictWith, type Faults } from './fault-tools.ts'
import { claimsOf, decode } from './reissue.ts'

const answer200 = (): Response => new Response(null, { status: 200, headers: noStore })
const answer400 = (): Response => Response.json({ error: 'invalid_request' }, { status: 400, headers: noStore })

/** These cases begin with a logout. If this logout does not work, they are skipped. */
const buildsOnLogout = [
  'session/a-sid-ends-no-other-session',
  'session/a-sid-ends-the-sessions-of-nobody-else',
  'session/a-sub-ends-the-sessions-of-nobody-else',
  'session/a-session-that-has-ended-may-be-logged-out-again',
  'session/a-sub-is-no-sid',
  'session/a-refused-token-ends-nothing',
  'session/a-user-can-sign-in-again',
  'session/a-user-can-sign-in-again-after-a-logout-of-all-sessions',
  'session/an-old-cookie-stays-dead',
  'session/a-late-logout-does-not-end-a-newer-session',
  'session/a-token-that-comes-again-does-not-end-a-newer-session',
  'session/a-sid-may-be-used-again',
  'session/a-jti-may-be-used-again-by-a-later-logout',
]

/** Wrong effects of a logout. */
export const sessionFaults: Faults = {
  'records a jti before it verifies the signature': {
    fault: () => {
      const isRepeat = createRepeatCheck()
      return {
        receive(token) {
          const { jti } = decode(token.split('.')[1])
          return jti !== undefined && isRepeat(jti) ? answer200() : token
        },
      }
    },
    failing: [
      'accept/a-jti-that-was-forged-before',
      'accept/a-jti-that-was-refused-before',
      'session/a-jti-may-be-used-again-by-a-later-logout',
    ],
  },
  'records a jti before the logout is complete': {
    fault: () => {
      const isRepeat = createRepeatCheck()
      return {
        receive: async (token, tools) => {
          const claims = await claimsOf(token, tools)
          const name = claims?.['jti'] && JSON.stringify([claims['jti'], claims['iat']])
          return name && isRepeat(name) ? answer200() : token
        },
      }
    },
    failing: ['accept/a-jti-that-was-refused-before'],
  },
  'treats different tokens with the same jti as one token': {
    fault: () => {
      const isRepeat = createRepeatCheck()
      let jti: unknown
      return {
        receive: async (token, tools) => {
          jti = (await claimsOf(token, tools))?.['jti']
          return jti !== undefined && isRepeat(jti) ? answer200() : token
        },
      }
    },
    failing: ['accept/a-jti-that-was-refused-before', 'session/a-jti-may-be-used-again-by-a-later-logout'],
  },
  'refuses a repeated token': {
    fault: () => {
      const isRepeat = createRepeatCheck()
      return {
        receive: async (token, tools) => {
          const isGood = (await claimsOf(token, tools)) !== undefined
          return isGood && isRepeat(token) ? answer400() : token
        },
      }
    },
    failing: ['accept/the-same-token-again'],
  },
  'treats a repeated token as a new logout': {
    fault: () => {
      const isRepeat = createRepeatCheck()
      return {
        receive: async (token, tools) => {
          const claims = await claimsOf(token, tools)
          const { iat, exp } = { iat: tools.now(), exp: tools.now() + 120 }
          return claims && isRepeat(token) ? resign({ ...claims, jti: crypto.randomUUID(), iat, exp }, tools) : token
        },
      }
    },
    failing: ['session/a-token-that-comes-again-does-not-end-a-newer-session'],
  },
  'answers 500 to the second of two simultaneous copies': {
    fault: () => {
      const isRepeat = createRepeatCheck()
      let isBusy = false
      return {
        receive(token) {
          if (isBusy && isRepeat(token)) return new Response(null, { status: 500, headers: noStore })
          isBusy = true
          isRepeat(token)
          return token
        },
        answer(response) {
          isBusy = false
          return response
        },
      }
    },
    failing: ['accept/the-same-token-twice-at-once'],
  },
  'drops a logout while another one runs': {
    fault: () => {
      let isBusy = false
      return {
        receive(token) {
          if (isBusy) return answer200()
          isBusy = true
          return token
        },
        answer(response) {
          isBusy = false
          return response
        },
      }
    },
    failing: ['session/two-logouts-at-once-end-two-sessions'],
  },
  'drops the second logout of a user in one second': {
    fault: () => {
      const isRepeat = createRepeatCheck()
      return {
        receive: async (token, tools) => {
          const { sub, iat, sid, nonce } = (await claimsOf(token, tools)) ?? {}
          return sub && sid && !nonce && isRepeat(JSON.stringify([sub, iat])) ? answer200() : token
        },
      }
    },
    failing: ['session/two-logouts-end-two-sessions', 'session/two-logouts-at-once-end-two-sessions'],
  },
  'refuses the logout of an unknown session': {
    fault: () => {
      let sessions: { sub: string; sid?: string | null | undefined }[] = []
      return {
        onLogin: (_, session) => sessions.push(session),
        receive: async (token, tools) => {
          const { sub, sid, nonce } = (await claimsOf(token, tools)) ?? {}
          if (nonce || (sub ?? sid) === undefined) return token
          const ended = sessions.filter((one) => (sid && one.sid ? one.sid === sid : one.sub === sub))
          sessions = sessions.filter((one) => !ended.includes(one))
          return ended.length === 0 ? answer400() : token
        },
      }
    },
    failing: [
      'accept/a-session-that-it-does-not-know',
      'accept/the-same-token-again',
      'session/a-session-that-has-ended-may-be-logged-out-again',
      'session/a-logout-counts-that-comes-before-its-sign-in-has-finished',
    ],
    skipped: ['session/a-late-logout-does-not-end-a-newer-session'],
  },
  'dates logouts by their arrival': {
    fault: () => ({
      receive: blindTo(
        ({ iat, exp }, { now }) => Number.isInteger(iat) && iat < now() && exp > now() && exp < 1e12,
        (claims, { now }) => ({ ...claims, iat: now() }),
      ),
    }),
    failing: [
      'session/a-late-logout-does-not-end-a-newer-session',
      'session/a-token-that-comes-again-does-not-end-a-newer-session',
    ],
  },
  'ends all sessions of the user for a token with sid': {
    fault: () => ({
      receive: blindTo(
        ({ sub, sid }) => typeof sub === 'string' && sub !== '' && typeof sid === 'string' && sid !== '',
        (claims) => omit(claims, 'sid'),
      ),
    }),
    failing: ['session/a-sid-ends-no-other-session', 'session/a-sid-decides-where-the-sub-is-another'],
  },
  'ends one session for a token without sid': {
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
    failing: ['session/a-sub-ends-all-sessions-of-the-user'],
  },
  'keeps sid and sub under one key': {
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
    failing: ['session/a-sub-is-no-sid', 'session/a-sid-ends-no-other-session'],
  },
  'ignores the sub of a token with sid': {
    fault: () => ({
      receive: blindTo(
        ({ sub, sid }) => typeof sub === 'string' && sub !== '' && typeof sid === 'string' && sid !== '',
        (claims) => omit(claims, 'sub'),
      ),
    }),
    failing: ['session/a-session-without-a-known-sid-ends-by-its-sub'],
  },
  'requires a sub': {
    fault: () => ({ receive: strictWith(({ sub }) => !sub) }),
    failing: ['accept/sid-alone', 'accept/sub-null-beside-a-sid', 'provider/authentik'],
    skipped: ['session/a-sub-is-no-sid'],
  },
  'requires a sid': {
    fault: () => ({ receive: strictWith(({ sid }) => !sid) }),
    failing: [
      'accept/sub-alone',
      'accept/sid-null-beside-a-sub',
      'provider/rauthy-sub',
      'provider/django-oauth-toolkit',
      'session/a-sub-ends-all-sessions-of-the-user',
    ],
    // These cases build on the logout by a token without sid.
    skipped: [
      'session/a-sub-ends-the-sessions-of-nobody-else',
      'session/a-sub-is-no-sid',
      'session/a-user-can-sign-in-again-after-a-logout-of-all-sessions',
    ],
  },
  'treats all users as one user': {
    fault: () => ({
      session: (claims) => ({ ...claims, sub: 'everybody' }),
      receive: blindTo(
        ({ sub }) => typeof sub === 'string' && sub !== '',
        (claims) => ({ ...claims, sub: 'everybody' }),
      ),
    }),
    failing: [
      'session/a-sub-ends-the-sessions-of-nobody-else',
      'session/a-sub-is-no-sid',
      // With this fault, tokens of other cases also end the sessions of these cases.
      'session/a-sid-ends-no-other-session',
      'session/a-sid-ends-the-sessions-of-nobody-else',
      'session/a-refused-token-ends-nothing',
      'session/a-session-without-a-known-sid-ends-by-its-sub',
    ],
    skipped: ['session/a-late-logout-does-not-end-a-newer-session'],
  },
  'ends sessions for a forged token': {
    fault: () => ({
      receive: async (token, tools) => {
        const [, payload, signature] = token.split('.')
        const isForged = signature?.startsWith('AAAAAAAA')
        if (isForged) await tools.logout.receive(await resign(decode(payload), tools))
        return token
      },
    }),
    failing: ['request/a-token-signed-by-nobody', 'refuse/another-signature', 'session/a-refused-token-ends-nothing'],
  },
  'answers 200 and ends no session': {
    fault: () => ({
      store: (good) => ({ add: async () => {}, values: (keys) => good.values(keys), remove: async () => {} }),
    }),
    failing: [
      'oidcc-client-test-rp-backchannel-rpinitlogout',
      /^request\/(?:a-form-with-one|a-media-type|a-percent-encoded|further-parameters|a-query-string|a-foreign)/,
      /^accept\/(?!the-same-token-again|a-session-that-it-does-not-know)/,
      /^provider\/(?!zitadel)/,
      'session/a-sub-ends-all-sessions-of-the-user',
      'session/two-logouts-end-two-sessions',
      'session/two-logouts-at-once-end-two-sessions',
      'session/a-logout-counts-that-comes-before-its-sign-in-has-finished',
      'session/a-sid-decides-where-the-sub-is-another',
      'session/a-session-without-a-known-sid-ends-by-its-sub',
    ],
    skipped: buildsOnLogout,
  },
  'forgets logouts at the next sign-in': {
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
    failing: ['session/an-old-cookie-stays-dead', 'session/a-logout-counts-that-comes-before-its-sign-in-has-finished'],
  },
  'dates sessions a second late': {
    fault: () => ({ session: (claims) => ({ ...claims, iat: claims.iat + 1 }) }),
    failing: ['accept/fractions-of-a-second', 'session/a-logout-counts-that-comes-before-its-sign-in-has-finished'],
  },
  'refuses new sessions after a logout': {
    fault: () => ({ session: (claims) => ({ ...claims, iat: claims.iat - 1000 }) }),
    failing: [
      'session/a-user-can-sign-in-again-after-a-logout-of-all-sessions',
      'session/a-late-logout-does-not-end-a-newer-session',
      'session/a-sid-may-be-used-again',
    ],
    // These cases build on a new sign-in.
    skipped: ['session/an-old-cookie-stays-dead', 'session/a-token-that-comes-again-does-not-end-a-newer-session'],
  },
  'blocks a user after a logout': {
    fault: () => {
      const blocked = new Map<unknown, string>()
      return {
        async receive(token, tools) {
          const { sub, sid, nonce } = (await claimsOf(token, tools)) ?? {}
          if (typeof sub === 'string' && nonce === undefined) blocked.set(sub, sid)
          return token
        },
        session: (claims) =>
          blocked.has(claims.sub)
            ? { ...claims, sid: blocked.get(claims.sub) ?? claims.sid, iat: claims.iat - 1000 }
            : claims,
      }
    },
    failing: [
      'session/a-user-can-sign-in-again',
      'session/a-user-can-sign-in-again-after-a-logout-of-all-sessions',
      'session/a-sid-may-be-used-again',
    ],
    skipped: [
      'session/an-old-cookie-stays-dead',
      'session/a-token-that-comes-again-does-not-end-a-newer-session',
      'session/a-jti-may-be-used-again-by-a-later-logout',
    ],
  },
}
