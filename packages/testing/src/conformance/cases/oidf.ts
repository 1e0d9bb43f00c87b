import { BACKCHANNEL_LOGOUT_EVENT } from '@bcl/core'
import { encodePart } from '../../tokens/compact-jws.js'
import type { ConformanceCase } from '../case.js'
import { referenceFor } from '../references.js'
import { expectEnded, expectRefused, expectStatus200 } from '../relying-party/expectations.js'
import type { Answer, Party, Visit } from '../relying-party/party.js'

type Claims = Record<string, unknown>

/**
 * The claims of a Logout Token, as in the OpenID Foundation's conformance suite. The token has sub, sid, a short life and a
 * claim that the endpoint must ignore.
 */
function claimsFor({ provider: { op } }: Party, { sub, sid }: Visit): Claims {
  const iat = op.now()
  return {
    iss: op.issuer,
    sub,
    aud: op.clientId,
    jti: crypto.randomUUID(),
    sid,
    events: { [BACKCHANNEL_LOGOUT_EVENT]: {} },
    iat,
    exp: iat + 120,
    ignored_claim: 'ignored value',
  }
}

/** Signs a token as the OpenID Foundation's conformance suite does: the header has no typ. */
const sign = ({ provider: { op } }: Party, claims: object): Promise<string> =>
  op.sign(claims, { alg: op.key.alg, kid: op.key.kid })

/** Posts a token as the OpenID Foundation's conformance suite does: with a parameter that the endpoint must ignore. */
const post = (party: Party, token: string): Promise<Answer> =>
  party.send({
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: String(new URLSearchParams({ logout_token: token, ignored_parameter: 'ignored_value' })),
  })

interface Module {
  /** The end of the module's name. The names of all modules have the same beginning. */
  suffix: string
  sends: string
  requirement: string
  make: (party: Party, claims: Claims) => Promise<string>
  isAccepted?: boolean
}

const toCase = ({ suffix, sends, requirement, make, isAccepted = false }: Module): ConformanceCase => ({
  id: `oidcc-client-test-rp-backchannel-rpinitlogout${suffix}`,
  group: 'oidf',
  title: `OpenID Foundation: ${sends}`,
  grade: 'MUST',
  requirement,
  reference: referenceFor(requirement),
  sends: `after a sign-in, ${sends}`,
  wants: isAccepted ? '200 exactly' : '400 exactly',
  wantsOfSession: isAccepted ? 'the session has ended' : 'the session is live',
  acts(party) {
    let visit: Visit
    return [
      async () => void (visit = await party.signIn()),
      async () => {
        const answer = await post(party, await make(party, claimsFor(party, visit)))
        if (!isAccepted) return expectRefused(answer, visit, true)
        expectStatus200(answer, party)
        await expectEnded(visit)
      },
    ]
  },
})

const modules: readonly Module[] = [
  {
    suffix: '',
    sends: 'a valid token',
    requirement: 'RP-40',
    make: sign,
    isAccepted: true,
  },
  {
    suffix: '-alg-none',
    sends: 'a token with alg none',
    requirement: 'RP-13',
    make: async (_, claims) => [encodePart({ alg: 'none' }), encodePart(claims), ''].join('.'),
  },
  {
    suffix: '-no-event',
    sends: 'a token without events',
    requirement: 'RP-20',
    make: (party, claims) => sign(party, { ...claims, events: undefined }),
  },
  {
    suffix: '-with-nonce',
    sends: 'a token with a nonce',
    requirement: 'RP-21',
    make: (party, claims) => sign(party, { ...claims, nonce: crypto.randomUUID() }),
  },
  {
    suffix: '-wrong-alg',
    sends: 'a token with a valid signature by another key of the provider, with an algorithm that is not registered',
    requirement: 'RP-13',
    make: ({ provider: { op, otherKey } }, claims) =>
      op.sign(claims, { alg: otherKey.alg, kid: otherKey.kid }, otherKey.privateKey),
  },
  {
    suffix: '-wrong-aud',
    sends: 'a token whose aud is the client_id with letters added at its end',
    requirement: 'RP-12',
    make: (party, claims) => sign(party, { ...claims, aud: `${String(claims['aud'])}INVALID` }),
  },
  {
    suffix: '-wrong-event',
    sends: 'a token with another event',
    requirement: 'RP-20',
    make: (party, claims) => sign(party, { ...claims, events: { 'http://schemas.openid.net/event/foobar': {} } }),
  },
  {
    suffix: '-wrong-iss',
    sends: 'a token whose iss is the issuer with letters added at its end',
    requirement: 'RP-11',
    make: (party, claims) => sign(party, { ...claims, iss: `${String(claims['iss'])}INVALID` }),
  },
]

/**
 * The eight modules for Relying Parties in the OpenID Foundation's conformance suite. Each case has the name of its module, sends
 * the same requests, and expects the same answers.
 *
 * Two parts of the modules are left out: RP-initiated logout, and the warning about caching. The cases
 * `answer/success-is-not-stored` and `answer/refusal-is-not-stored` check caching.
 */
export const oidfConformance: readonly ConformanceCase[] = modules.map(toCase)
