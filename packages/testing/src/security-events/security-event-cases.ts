import { BACKCHANNEL_LOGOUT_EVENT } from '@bcl/core'
import { unpublishedKey } from '../providers/test-key.js'
import { slug } from '../slug.js'
import type { TestTransmitter } from './test-transmitter.js'

/** A Security Event Token, and the answer that a receiver must give when it is pushed. */
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
   * The sessions of the user "alice" at the transmitter's issuer that end: only the session with the `sid` "session-1", or all.
   */
  ends: 'nothing' | 'session' | 'all'
  /** Makes the token. */
  make(transmitter: TestTransmitter): Promise<string>
}

type Claims = object | ((transmitter: TestTransmitter) => object)
type Row = readonly [name: string, requirement: string, claims: Claims, header?: object]

const base = 'https://schemas.openid.net/secevent/'
const sessionRevoked = `${base}caep/event-type/session-revoked`
const event = (type: string, values: unknown = {}): object => ({ events: { [base + type]: values } })
const alice = ({ issuer }: TestTransmitter): object => ({ format: 'iss_sub', iss: issuer, sub: 'alice' })
const session = (id: string): object => ({ format: 'opaque', id })
/** Adds `user` to a complex subject. */
const ofUser =
  (members: object): ((transmitter: TestTransmitter) => object) =>
  (transmitter) => ({ sub_id: { format: 'complex', user: alice(transmitter), ...members } })

const makeCase = (
  [name, requirement, claims, header]: Row,
  answer: Pick<SecurityEventCase, 'status' | 'err' | 'ends'>,
): SecurityEventCase => ({
  id: slug(name),
  name,
  requirement,
  ...answer,
  make: (transmitter) => transmitter.set(typeof claims === 'function' ? claims(transmitter) : claims, header),
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
    ['session-revoked for a session of a user', 'SE-7', ofUser({ session: session('session-1') })],
    ['session-revoked for a session', 'SE-7', { sub_id: { format: 'complex', session: session('session-1') } }],
  ),
  ...right(
    'nothing',
    ['session-revoked for a device', 'SE-7', ofUser({ device: session('d') })],
    ['session-revoked for an application', 'SE-7', ofUser({ application: session('a') })],
    ['session-revoked for a tenant', 'SE-7', { sub_id: { format: 'complex', tenant: session('t') } }],
    ['session-revoked for ALL without a user', 'SE-7', { sub_id: { format: 'complex', session: session('ALL') } }],
    ['a user of another issuer', 'SE-5', { sub_id: { format: 'iss_sub', iss: 'https://other.example', sub: 'alice' } }],
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
    async make({ op, issuer, audience }) {
      const { alg, kid } = op.key
      const claims = { iss: issuer, aud: audience, iat: op.now(), jti: 'forged', events: { [sessionRevoked]: {} } }
      return op.sign(claims, { alg, kid, typ: 'secevent+jwt' }, (await unpublishedKey(alg, kid)).privateKey)
    },
  },
]
