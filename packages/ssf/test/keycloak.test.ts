import { describe, expect, test } from 'vitest'
import { alice, clock, complex, receiving, session, signSet, types } from './support.js'

const stream = 'a4b0c7de-0000-4000-8000-1d9f3c5e7b20'
const audience = `ssf-receiver/${stream}`
const iat = clock.time - 2
const sid = 'k3Zt-0nqW8xLrUe5mVhY2a'

/** Claims of the form that Keycloak 26.7.3 sends. The names and the keys are ours. */
const claims = (type: string, values: object, subject: object) => ({
  aud: audience,
  iat,
  events: { [type]: values },
  sub_id: subject,
  txn: '6b7d38c3-0000-4000-8000-7bfe712382ed',
})
const revoked = { event_timestamp: iat, initiating_entity: 'user', reason_admin: { en: 'User logout' } }
const changed = {
  event_timestamp: iat,
  initiating_entity: 'admin',
  credential_type: 'password',
  change_type: 'update',
  kc_credential_type: 'password',
}
const paused = { status: { stream_id: stream, status: 'paused', reason: 'maintenance' }, reason: 'maintenance' }
const ofStream = session(stream)

describe('tokens of the form that Keycloak sends', () => {
  test.each<[string, object, string, boolean, boolean]>([
    ['SE-10: verification', claims(types.verification, { state: 'state-1' }, ofStream), 'nothing', false, false],
    ['SE-10: verification at the start', claims(types.verification, {}, ofStream), 'nothing', false, false],
    ['SE-10: a paused stream', claims(types.streamUpdated, paused, ofStream), 'nothing', false, false],
    [
      'SE-7: RP-initiated logout',
      claims(types.sessionRevoked, revoked, complex({ user: alice, session: session(sid) })),
      'session',
      true,
      false,
    ],
    [
      'SE-7: sign-out by an administrator',
      claims(types.sessionRevoked, revoked, complex({ user: alice, session: session('ALL') })),
      'all',
      true,
      true,
    ],
    ['SE-9: a new password', claims(types.credentialChange, changed, alice), 'nothing', false, false],
  ])('%s', async (_, token, ended, thisSession, otherSession) => {
    const { push, events, isLoggedOut } = receiving({ transmitter: { audience } })
    expect((await push(await signSet(token))).status).toBe(202)
    expect(events).toMatchObject([{ ended }])
    expect([await isLoggedOut({ sid }), await isLoggedOut({ sid: 'other' })]).toEqual([thisSession, otherSession])
  })
})
