import { BACKCHANNEL_LOGOUT_EVENT } from '@bcl/core'
import { unpublishedKey } from '../providers/test-key.js'
import { randomId } from '../random-id.js'
import { slug } from '../slug.js'
import type { TestTransmitter } from './test-transmitter.js'

/** A Security Event Token, and the answer that a receiver must give to the push of this token. */
export interface SecurityEventCase {
  /** The id. It does not change between releases. */
  id: string
  /** The special property of the token, in a few words. */
  name: string
  /** The id of the requirement in docs/requirements.md, for example `SE-7`. */
  requirement: string
  /** The status of the answer. */
  status: 202 | 400
  /** The error code in the answer to a wrong token. */
  err?: string
  /**
   * The sessions that end: none, only the session with the `sid`, or all sessions of the user at the transmitter's
   * issuer.
   */
  ends: 'nothing' | 'session' | 'all'
  /**
   * Makes the token.
   *
   * @param user The user and the session that the token is about. By default, the `sub` is "alice", and the `sid` is "session-1".
   */
  make(transmitter: TestTransmitter, user?: { sub: string; sid: string }): Promise<string>
}

/** A transmitter, and the user and the session that the token is about. */
type Context = TestTransmitter & { sub: string; sid: string }
type Claims = object | ((context: Context) => object)
type Row = readonly [name: string, requirement: string, claims: Claims, header?: object]

const base = 'https://schemas.openid.net/secevent/'
const sessionRevoked = `${base}caep/event-type/session-revoked`
const event = (type: string, values: unknown = {}): object => ({ events: { [base + type]: values } })
const userOf = ({ issuer, sub }: Context): object => ({ format: 'iss_sub', iss: issuer, sub })
const session = (id: string): object => ({ format: 'opaque', id })
/** Makes a complex subject with the user. */
const ofUser =
  (members: object): ((context: Context) => object) =>
  (context) => ({ sub_id: { format: 'complex', user: userOf(context), ...members } })

const makeCase = (
  [name, requirement, claims, header]: Row,
  answer: Pick<SecurityEventCase, 'status' | 'err' | 'ends'>,
): SecurityEventCase => ({
  id: slug(name),
  name,
  requirement,
  ...answer,
  make(transmitter, user = { sub: 'alice', sid: 'session-1' }) {
    const context = { ...transmitter, ...user }
    const changes = typeof claims === 'function' ? claims(context) : claims
    return transmitter.set({ sub_id: userOf(context), ...changes }, header)
  },
})
const right = (ends: SecurityEventCase['ends'], ...rows: Row[]): SecurityEventCase[] =>
  rows.map((row) => makeCase(row, { status: 202, ends }))
const wrong = (err: string, ...rows: Row[]): SecurityEventCase[] =>
  rows.map((row) => makeCase(row, { status: 400, err, ends: 'nothing' }))

/** Right and wrong Security Event Tokens, each with its answer. `make` takes a transmitter of `createTestTransmitter`. */
export const securityEventCases: readonly SecurityEventCase[] = [
  ...right(
    'all',
    ['session-revoked for a user', 'SE-7', {}],
    ['session-revoked for a user, complex', 'SE-7', ofUser({})],
    ['session-revoked for a user of a tenant', 'SE-7', ofUser({ tenant: session('t') })],
    ['session-revoked for the session ALL', 'SE-7', ofUser({ session: session('ALL') })],
    ['account-disabled', 'SE-9', event('risc/event-type/account-disabled', { reason: 'hijacking' })],
    ['account-purged', 'SE-9', event('risc/event-type/account-purged')],
    ['sessions-revoked', 'SE-9', event('risc/event-type/sessions-revoked')],
    [
      'a time in milliseconds',
      'SE-8',
      ({ op }) => event('caep/event-type/session-revoked', { event_timestamp: op.now() * 1000 }),
    ],
    ['a claim "exp"', 'SE-1', ({ op }) => ({ exp: op.now() + 3600 })],
    ['with a claim "sub"', 'SE-1', { sub: 'bob' }],
  ),
  ...right(
    'session',
    [
      'session-revoked for a session of a user',
      'SE-7',
      (context) => ofUser({ session: session(context.sid) })(context),
    ],
    ['session-revoked for a session', 'SE-7', ({ sid }) => ({ sub_id: { format: 'complex', session: session(sid) } })],
  ),
  ...right(
    'nothing',
    ['session-revoked for a device', 'SE-7', ofUser({ device: session('d') })],
    ['session-revoked for an application', 'SE-7', ofUser({ application: session('a') })],
    ['session-revoked for a tenant', 'SE-7', { sub_id: { format: 'complex', tenant: session('t') } }],
    ['session-revoked for ALL without a user', 'SE-7', { sub_id: { format: 'complex', session: session('ALL') } }],
    [
      'a user of another issuer',
      'SE-5',
      ({ sub }) => ({ sub_id: { format: 'iss_sub', iss: 'https://other.example', sub } }),
    ],
    ['a subject that is an email address', 'SE-6', { sub_id: { format: 'email', email: 'alice@example.com' } }],
    ['credential-change', 'SE-9', event('caep/event-type/credential-change', { change_type: 'update' })],
    ['verification', 'SE-10', { ...event('ssf/event-type/verification', { state: 'x' }), sub_id: session('stream') }],
    ['verification without state', 'SE-10', { ...event('ssf/event-type/verification'), sub_id: session('stream') }],
    ['malformed verification', 'SE-10', { ...event('ssf/event-type/verification', null), sub_id: session('stream') }],
    [
      'stream-updated',
      'SE-10',
      { ...event('ssf/event-type/stream-updated', { status: 'paused' }), sub_id: session('stream') },
    ],
    ['an unknown event', 'SE-11', { events: { 'https://example.com/unknown': {} } }],
  ),
  ...wrong(
    'invalid_request',
    ['no typ', 'SE-1', {}, { typ: undefined }],
    ['typ JWT', 'SE-1', {}, { typ: 'JWT' }],
    ['no jti', 'SE-1', { jti: undefined }],
    ['no iat', 'SE-1', { iat: undefined }],
    ['iat ahead', 'SE-1', ({ op }) => ({ iat: op.now() + 3600 })],
    ['a month old', 'SE-1', ({ op }) => ({ iat: op.now() - 30 * 86_400 })],
    ['expired', 'SE-1', ({ op }) => ({ exp: op.now() - 3600 })],
    ['no events', 'SE-1', { events: undefined }],
    ['empty events', 'SE-1', { events: {} }],
    ['eleven events', 'SE-1', { events: Object.fromEntries([...'0123456789a'].map((name) => [`urn:${name}`, {}])) }],
    ['no subject', 'SE-1', { sub_id: undefined }],
    ['the event of a Logout Token', 'SE-13', { events: { [BACKCHANNEL_LOGOUT_EVENT]: {} } }],
    ['the typ of a Logout Token', 'SE-13', { events: { [BACKCHANNEL_LOGOUT_EVENT]: {} } }, { typ: 'logout+jwt' }],
  ),
  ...wrong('invalid_issuer', ['another issuer', 'SE-2', { iss: 'https://other.example' }]),
  ...wrong(
    'invalid_audience',
    ['another audience', 'SE-3', { aud: 'other' }],
    ['no audience', 'SE-3', { aud: undefined }],
  ),
  ...wrong('invalid_key', ['an unknown kid', 'SE-2', {}, { kid: 'unknown' }]),
  {
    id: 'a-key-of-another',
    name: 'a key of another',
    requirement: 'SE-2',
    status: 400,
    err: 'invalid_key',
    ends: 'nothing',
    async make({ op, issuer, audience }, { sub } = { sub: 'alice', sid: 'session-1' }) {
      const { alg, kid } = op.key
      // Except for the signature, the token is right.
      const claims = {
        iss: issuer,
        aud: audience,
        iat: op.now(),
        jti: randomId(),
        sub_id: { format: 'iss_sub', iss: issuer, sub },
        events: { [sessionRevoked]: {} },
      }
      return op.sign(claims, { alg, kid, typ: 'secevent+jwt' }, (await unpublishedKey(alg, kid)).privateKey)
    },
  },
]
