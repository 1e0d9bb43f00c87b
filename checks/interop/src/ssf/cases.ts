import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { nextSecond } from '../../../../examples/demo/src/clock.ts'
import type { StreamClient } from '../../../../packages/ssf/dist/index.js'
import type { Collector, ReceivedSet } from './gateway.ts'
import type { KeycloakTransmitter } from './keycloak-transmitter.ts'
import type { Places } from './places.ts'

type Device = Awaited<ReturnType<Places['signIn']>>

/** The functions for the cases of one delivery method. */
export interface Bench {
  keycloak: KeycloakTransmitter
  places: Places
  collector: Collector
  client: StreamClient
  streamId: string
  /** Makes the receiver fail once. */
  fail(): void
}

export interface CaseResult {
  name: string
  /** The last part of the type of each event that arrived. */
  events: string
  signedIn: 'both' | 'phone' | 'none'
  /** Milliseconds from Keycloak's answer until both instances have signed the laptop out. */
  ms?: number
}

const base = 'https://schemas.openid.net/secevent/'
export const sessionRevoked = `${base}caep/event-type/session-revoked`
export const credentialChange = `${base}caep/event-type/credential-change`
export const verification = `${base}ssf/event-type/verification`
const streamUpdated = `${base}ssf/event-type/stream-updated`

export const typeOf = ({ claims }: ReceivedSet): string => Object.keys(claims['events'] as object)[0]!
const nameOf = (set: ReceivedSet): string => typeOf(set).split('/').at(-1)!

type User = { id: string; laptop: Device; sid: string }

interface Row {
  name: string
  /** The events that must arrive. */
  events: readonly string[]
  /** The devices that must be signed in afterwards. */
  signedIn: CaseResult['signedIn']
  act(user: User): Promise<unknown>
}

/**
 * Runs each case. A user signs in on two devices, and one action happens at Keycloak. The case checks the events and the devices
 * that are signed out.
 */
export async function runCases(bench: Bench, report: (result: CaseResult) => void): Promise<void> {
  const { places, collector } = bench
  let count = 0
  const createUser = async () => {
    const name = `user-${(count += 1)}-${bench.streamId.slice(0, 8)}`
    await bench.keycloak.createUser(name)
    return { name, id: await bench.keycloak.userId(name) }
  }
  const isAbout = ({ claims }: ReceivedSet, id: string) => JSON.stringify(claims['sub_id']).includes(id)
  /** Causes one more event, and waits for it. Keycloak sends events in order, so all earlier events have arrived, too. */
  const settle = async () => {
    const { id } = await createUser()
    await resetPassword(bench, id)
    await collector.waitFor('the last event', (set) => isAbout(set, id))
  }

  for (const { name, events, signedIn, act } of rowsFor(bench)) {
    const user = await createUser()
    const laptop = await places.signIn(user.name, 'laptop')
    const phone = await places.signIn(user.name, 'phone')
    // Waits, because a session that starts in the same second as a logout counts as logged out.
    await nextSecond()
    const sid = await places.sidOf(laptop)
    await act({ id: user.id, laptop, sid })
    const answeredAt = Date.now()
    const result: CaseResult = { name, events: 'none', signedIn }
    if (signedIn !== 'both') result.ms = (await places.signedOut(laptop)) - answeredAt
    if (signedIn === 'none') await places.signedOut(phone)
    await settle()
    const arrived = collector.sets.filter((set) => isAbout(set, user.id))
    assert.deepEqual(arrived.map(nameOf), events, name)
    assert.equal(
      new Set(arrived.map(({ claims }) => claims['jti'])).size,
      Math.min(events.length, 1),
      'a retry has the same jti',
    )
    for (const device of signedIn === 'both' ? [laptop, phone] : signedIn === 'phone' ? [phone] : [])
      assert.deepEqual(await places.statusesOf(device), [200, 200], `${name}: the ${device.name} is signed in`)
    if (events.length > 0) result.events = events.join(', ')
    report(result)
  }
}

const resetPassword = ({ keycloak }: Bench, id: string): Promise<unknown> =>
  keycloak.call('PUT', `/users/${id}/reset-password`, { type: 'password', value: 'new', temporary: false })

function rowsFor(bench: Bench): Row[] {
  const { keycloak, places, collector, client, streamId, fail } = bench
  const { call } = keycloak
  const signOutAll = (id: string) => call('POST', `/users/${id}/logout`)
  const setStatus = async (status: 'enabled' | 'paused') => {
    const { length } = collector.sets
    await client.setStatus({ stream_id: streamId, status })
    await collector.waitFor(`stream-updated, ${status}`, (set) => {
      return collector.sets.indexOf(set) >= length && typeOf(set) === streamUpdated
    })
  }
  return [
    {
      name: 'RP-initiated logout, by another application',
      events: ['session-revoked'],
      signedIn: 'phone',
      act: ({ laptop }) => places.signOutElsewhere(laptop),
    },
    {
      name: 'the user signs out on the page of Keycloak, without an ID Token',
      events: [],
      signedIn: 'both',
      act: ({ laptop }) => keycloak.signOut(laptop.browser),
    },
    {
      name: 'admin: sign out one user',
      events: ['session-revoked'],
      signedIn: 'none',
      act: ({ id }) => signOutAll(id),
    },
    {
      name: 'admin: reset the password',
      events: ['credential-change'],
      signedIn: 'both',
      act: ({ id }) => resetPassword(bench, id),
    },
    {
      name: 'admin: delete one session',
      events: [],
      signedIn: 'both',
      act: ({ sid }) => call('DELETE', `/sessions/${sid}`),
    },
    {
      name: 'admin: disable the user',
      events: [],
      signedIn: 'both',
      act: ({ id }) => call('PUT', `/users/${id}`, { enabled: false }),
    },
    { name: 'admin: delete the user', events: [], signedIn: 'both', act: ({ id }) => call('DELETE', `/users/${id}`) },
    {
      name: 'the receiver fails once, and an administrator signs the user out',
      events: ['session-revoked', 'session-revoked'],
      signedIn: 'none',
      act: ({ id }) => (fail(), signOutAll(id)),
    },
    {
      name: 'the stream is paused, an administrator signs the user out, and the stream is enabled again',
      events: ['session-revoked'],
      signedIn: 'none',
      async act({ id, laptop }) {
        await setStatus('paused')
        await signOutAll(id)
        await delay(10 * keycloak.drainerInterval)
        assert.deepEqual(await places.statusesOf(laptop), [200, 200], 'a paused stream delivers nothing')
        await client.setStatus({ stream_id: streamId, status: 'enabled' })
      },
    },
    // This case must be the last one, because it also revokes the access tokens of the receiver.
    {
      name: 'admin: sign out all active sessions of the realm',
      events: [],
      signedIn: 'both',
      act: () => call('POST', '/logout-all'),
    },
  ]
}
