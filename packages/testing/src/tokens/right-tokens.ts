import { BACKCHANNEL_LOGOUT_EVENT, type TrustedIssuer } from '@bcl/core'
import type { TestIssuer } from '../providers/test-issuer.js'
import { slug } from '../slug.js'
import { decodePayload } from './compact-jws.js'

/** A Logout Token that a receiver must accept. */
export interface RightToken {
  /**
   * The id. It does not change between releases. If a conformance case sends this token, the id of the case is `accept/` and this
   * id.
   */
  id: string
  /** The special property of the token, in a few words. */
  name: string
  /** The id of the requirement in docs/requirements.md, for example `RP-18`. */
  requirement: string
  /** Settings of the trusted issuer. The token is accepted only with these settings. */
  settings?: Partial<TrustedIssuer>
  /** Signs the token with the key of `op`. */
  make(op: TestIssuer): Promise<string>
}

interface Row extends Pick<RightToken, 'name' | 'requirement' | 'settings'> {
  id?: string
  claims?: object | ((op: TestIssuer) => object)
  header?: object
}

/** Makes a row. `claims` and `header` replace members of an ordinary Logout Token. The value `undefined` removes a member. */
const right = ({ id, name, requirement, settings, claims = {}, header = {} }: Row): RightToken => ({
  id: id ?? slug(name),
  name,
  requirement,
  ...(settings && { settings }),
  make: (op) => op.logoutToken(typeof claims === 'function' ? claims(op) : claims, header),
})

/** Makes a row whose times depend on the clock. */
const dated = (name: string, claims: (now: number) => object): RightToken =>
  right({ name, requirement: 'RP-17', claims: (op) => claims(op.now()) })

/** Logout Tokens that a receiver must accept. `make` takes an issuer of {@link createTestIssuer}. */
export const rightTokens: readonly RightToken[] = [
  right({ name: 'sub and sid', requirement: 'RP-10' }),
  right({ name: 'sid alone', requirement: 'RP-18', claims: { sub: undefined } }),
  right({ name: 'sub alone', requirement: 'RP-18', claims: { sid: undefined } }),
  right({ name: 'sub null beside a sid', requirement: 'RP-18', claims: { sub: null } }),
  right({ name: 'sid null beside a sub', requirement: 'RP-18', claims: { sid: null } }),
  right({ name: 'aud as a list', requirement: 'RP-12', claims: ({ clientId }) => ({ aud: [clientId] }) }),
  right({
    name: 'a further audience that is trusted',
    requirement: 'RP-12',
    claims: ({ clientId }) => ({ aud: [clientId, 'api'] }),
    settings: { trustedAudiences: ['api'] },
  }),
  right({ name: 'azp of this client', requirement: 'RP-12', claims: ({ clientId }) => ({ azp: clientId }) }),
  right({ name: 'no kid', requirement: 'RP-54', header: { kid: undefined } }),
  right({ name: 'no typ', requirement: 'RP-22', header: { typ: undefined } }),
  right({ name: 'typ JWT', requirement: 'RP-22', header: { typ: 'JWT' } }),
  right({
    name: 'typ with application/, in capitals',
    requirement: 'RP-22',
    header: { typ: 'APPLICATION/Logout+JWT' },
  }),
  right({
    name: 'typ logout+jwt where it is required',
    requirement: 'RP-22',
    header: { typ: 'logout+jwt' },
    settings: { requireTyp: true },
  }),
  right({
    id: 'key-hints-in-the-header-that-are-ignored',
    name: 'x5t and jku in the header, which must be ignored',
    requirement: 'RP-15',
    header: { x5t: 'bm90IGEgdGh1bWJwcmludA', jku: 'https://attacker.example/jwks' },
  }),
  right({
    id: 'claims-that-are-not-understood',
    name: 'unknown claims',
    requirement: 'RP-23',
    claims: { typ: 'Logout', logout_reason: 'terminated', acr: null },
  }),
  {
    id: 'claims-named-like-what-every-object-has',
    name: 'claims named like members of every JavaScript object',
    requirement: 'RP-23',
    async make(op) {
      const payload = JSON.stringify(decodePayload(await op.logoutToken()))
      const claims = '"__proto__":{"nonce":1},"constructor":null,"hasOwnProperty":"no","toString":1'
      return op.sign(`${payload.slice(0, -1)},${claims}}`, { alg: op.key.alg, kid: op.key.kid, typ: 'logout+jwt' })
    },
  },
  right({
    name: 'a further event',
    requirement: 'RP-20',
    claims: { events: { [BACKCHANNEL_LOGOUT_EVENT]: {}, revoke_offline_access: true } },
  }),
  right({
    name: 'an event with members',
    requirement: 'RP-20',
    claims: { events: { [BACKCHANNEL_LOGOUT_EVENT]: { reason: 'x' } } },
  }),
  right({
    id: 'a-sid-of-punctuation',
    name: 'a sid with spaces and punctuation',
    requirement: 'RP-19',
    claims: { sid: '"a b\\c|d:e%f/' },
  }),
  right({
    name: 'no exp where it is not required',
    requirement: 'T-1',
    claims: { exp: undefined },
    settings: { requireExp: false },
  }),
  // Ten seconds remain of the tolerance of a minute, for a runtime that starts slowly.
  dated('exp 50 s ago', (now) => ({ exp: now - 50 })),
  dated('iat 59 s ahead', (now) => ({ iat: now + 59 })),
  dated('nbf 59 s ahead', (now) => ({ nbf: now + 59 })),
  dated('fractions of a second', (now) => ({ iat: now - 0.5, exp: now + 60.25 })),
  dated('issued long ago, not expired', (now) => ({ iat: now - 86_400 })),
]
