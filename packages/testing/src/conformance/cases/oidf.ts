import { BACKCHANNEL_LOGOUT_EVENT } from '@bcl/core'
import type { ConformanceCase } from '../case.js'
import {
  wantEnded,
  wantRefusedBy400,
  wantSuccess,
  type Answer,
  type Party,
  type Visit,
} from '../relying-party/party.js'
import { encodePart } from '../../tokens/compact-jws.js'

const name = 'oidcc-client-test-rp-backchannel-rpinitlogout'

/** Their Logout Token: no typ, sub and sid, a short life, and a claim that is to be ignored. */
function claimsFor({ provider: { op } }: Party, { sub, sid }: Visit): Record<string, unknown> {
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

const signed = ({ provider: { op } }: Party, claims: object): Promise<string> =>
  op.sign(claims, { alg: op.key.alg, kid: op.key.kid })

/** Their request has a parameter that is to be ignored. */
const postTo = (party: Party, token: string): Promise<Answer> =>
  party.send({
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: String(new URLSearchParams({ logout_token: token, ignored_parameter: 'ignored_value' })),
  })

const oidf = (
  id: string,
  title: string,
  requirement: string,
  reference: string,
  make: (party: Party, claims: Record<string, unknown>) => Promise<string>,
  isGood = false,
): ConformanceCase => ({
  id,
  group: 'oidf',
  title: `OpenID Foundation: ${title}`,
  grade: 'MUST',
  requirement,
  reference: `${reference}; a module of the OpenID Foundation's Back-Channel RP test plan`,
  sends: `after a sign-in, ${title}`,
  wants: isGood ? '200 exactly, and the session ended' : '400 exactly',
  acts(party) {
    let visit: Visit
    return [
      async () => void (visit = await party.signIn()),
      async () => {
        const answer = await postTo(party, await make(party, claimsFor(party, visit)))
        if (!isGood) return wantRefusedBy400(answer)
        wantSuccess(answer, party)
        await wantEnded(visit)
      },
    ]
  },
})

const validation = (step: string): string => `BCL 2.6, step ${step}`

/**
 * What the eight modules of the OpenID Foundation's conformance suite send to a Relying Party, under their names, and the
 * answers that they fail it for. RP-initiated logout itself, which they go through as well, is left out, and so is their
 * warning about caching, which is a case of its own here.
 */
export const oidfConformance: readonly ConformanceCase[] = [
  oidf(name, 'a good token', 'RP-40', 'BCL 2.8: a logout that succeeded is answered 200', signed, true),
  oidf(`${name}-alg-none`, 'alg none', 'RP-13', validation('3'), async (_, claims) =>
    [encodePart({ alg: 'none' }), encodePart(claims), ''].join('.'),
  ),
  oidf(`${name}-no-event`, 'no events', 'RP-20', validation('6'), (party, claims) =>
    signed(party, { ...claims, events: undefined }),
  ),
  oidf(`${name}-with-nonce`, 'a nonce', 'RP-21', validation('7'), (party, claims) =>
    signed(party, { ...claims, nonce: crypto.randomUUID() }),
  ),
  oidf(
    `${name}-wrong-alg`,
    'a good signature by another key of the provider, under ES256',
    'RP-13',
    validation('3'),
    ({ provider: { op, otherKey } }, claims) =>
      op.sign(claims, { alg: otherKey.alg, kid: otherKey.kid }, otherKey.privateKey),
  ),
  oidf(`${name}-wrong-aud`, 'an aud with letters after the client_id', 'RP-12', validation('4'), (party, claims) =>
    signed(party, { ...claims, aud: `${String(claims['aud'])}INVALID` }),
  ),
  oidf(`${name}-wrong-event`, 'another event', 'RP-20', validation('6'), (party, claims) =>
    signed(party, { ...claims, events: { 'http://schemas.openid.net/event/foobar': {} } }),
  ),
  oidf(`${name}-wrong-iss`, 'an iss with letters after it', 'RP-11', validation('4'), (party, claims) =>
    signed(party, { ...claims, iss: `${String(claims['iss'])}INVALID` }),
  ),
]
