import { BACKCHANNEL_LOGOUT_EVENT, type TrustedIssuer } from '@bcl/core'
import { decodePayload } from './compact-jws.js'
import type { TestIssuer } from '../providers/test-issuer.js'

/** A Logout Token that must be accepted. */
export interface RightToken {
  name: string
  /** The requirement that asks for it, as numbered in docs/requirements.md. */
  requirement: string
  /** Settings of the issuer that it needs. */
  settings?: Partial<TrustedIssuer>
  make(op: TestIssuer): Promise<string>
}

const right = (
  name: string,
  requirement: string,
  claims: object | ((op: TestIssuer) => object),
  header: object = {},
  settings?: Partial<TrustedIssuer>,
): RightToken => ({
  name,
  requirement,
  ...(settings && { settings }),
  make: (op) => op.logoutToken(typeof claims === 'function' ? claims(op) : claims, header),
})

const dated = (name: string, claims: (now: number) => object, settings?: Partial<TrustedIssuer>): RightToken => ({
  name,
  requirement: 'RP-17',
  ...(settings && { settings }),
  make: (op) => op.logoutToken(claims(op.now())),
})

/** Tokens that every endpoint must accept, made for an issuer of {@link createTestIssuer}. */
export const rightTokens: readonly RightToken[] = [
  right('sub and sid', 'RP-10', {}),
  right('sid alone', 'RP-18', { sub: undefined }),
  right('sub alone', 'RP-18', { sid: undefined }),
  right('sub null beside a sid', 'RP-18', { sub: null }),
  right('sid null beside a sub', 'RP-18', { sid: null }),
  right('aud as a list', 'RP-12', ({ clientId }) => ({ aud: [clientId] })),
  right(
    'a further audience that is trusted',
    'RP-12',
    ({ clientId }) => ({ aud: [clientId, 'api'] }),
    {},
    { trustedAudiences: ['api'] },
  ),
  right('azp of this client', 'RP-12', ({ clientId }) => ({ azp: clientId })),
  right('no kid', 'RP-54', {}, { kid: undefined }),
  right('no typ', 'RP-22', {}, { typ: undefined }),
  right('typ JWT', 'RP-22', {}, { typ: 'JWT' }),
  right('typ with application/, in capitals', 'RP-22', {}, { typ: 'APPLICATION/Logout+JWT' }),
  right('typ logout+jwt where it is required', 'RP-22', {}, { typ: 'logout+jwt' }, { requireTyp: true }),
  right(
    'key hints in the header that are ignored',
    'RP-15',
    {},
    { x5t: 'bm90IGEgdGh1bWJwcmludA', jku: 'https://attacker.example/jwks' },
  ),
  right('claims that are not understood', 'RP-23', { typ: 'Logout', logout_reason: 'terminated', acr: null }),
  {
    name: 'claims named like what every object has',
    requirement: 'RP-23',
    async make(op) {
      const payload = JSON.stringify(decodePayload(await op.logoutToken()))
      const claims = '"__proto__":{"nonce":1},"constructor":null,"hasOwnProperty":"no","toString":1'
      return op.sign(`${payload.slice(0, -1)},${claims}}`, { alg: op.key.alg, kid: op.key.kid, typ: 'logout+jwt' })
    },
  },
  right('a further event', 'RP-20', { events: { [BACKCHANNEL_LOGOUT_EVENT]: {}, revoke_offline_access: true } }),
  right('an event with members', 'RP-20', { events: { [BACKCHANNEL_LOGOUT_EVENT]: { reason: 'x' } } }),
  right('a sid of punctuation', 'RP-19', { sid: '"a b\\c|d:e%f/' }),
  right('no exp where it is not required', 'T-1', { exp: undefined }, {}, { requireExp: false }),
  dated('exp 59 s ago', (now) => ({ exp: now - 59 })),
  dated('iat 59 s ahead', (now) => ({ iat: now + 59 })),
  dated('nbf 59 s ahead', (now) => ({ nbf: now + 59 })),
  dated('fractions of a second', (now) => ({ iat: now - 0.5, exp: now + 60.25 })),
  dated('issued long ago, not expired', (now) => ({ iat: now - 86_400 })),
]
