import assert from 'node:assert/strict'
import { nextSecond } from '../../../../examples/demo/src/clock.ts'
import type { StreamClient } from '../../../../packages/ssf/dist/index.js'
import type { Collector, ReceivedSet } from './gateway.ts'
import type { KeycloakTransmitter } from './keycloak-transmitter.ts'
import type { Places } from './places.ts'

/** What the cases of one delivery method work with. */
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
  /** The events that arrived, by the last part of their type. */
  events: string
  signedIn: 'both' | 'phone' | 'none'
  /** Milliseconds from the request to Keycloak until both instances have signed the user out. */
  ms?: number
}

const base = 'https://schemas.openid.net/secevent/'
export const sessionRevoked = `${base}caep/event-type/session-revoked`
export const credentialChange = `${base}caep/event-type/credential-change`
export const verification = `${base}ssf/event-type/verification`
export const streamUpdated = `${base}ssf/event-type/stream-updated`

export const typeOf = ({ claims }: ReceivedSet): string => Object.keys(claims['events'] as object)[0]!
const nameOf = (set: ReceivedSet): string => typeOf(set).split('/').at(-1)!

interface Row {
  name: string
  events: readonly string[]
  signedIn: CaseResult['signedIn']
  act(user: { id: string; name: string; laptop: Awaited<ReturnType<Places['signIn']>>; sid: string }): Promise<unknown>
}

/** Runs each case: a user with two devices, one action at Keycloak, and then the events and the devices that it ended. */
export async function runCases(bench: Bench, report: (result: CaseResult) => void): Promise<void> {
  const { keycloak, places, collector, client, streamId, fail } = bench
  const { call } = keycloak
  let count = 0
  const createUser = async () => {
    const name = `user-${(count += 1)}-${streamId.slice(0, 8)}`
    await keycloak.createUser(name)
    return { name, id: await keycloak.userId(name) }
  }
  const signOutAll = (id: string) => call('POST', `/users/${id}/logout`)
  const resetPassword = (id: string, value = 'new') =>
    call('PUT', `/users/${id}/reset-password`, { type: 'password', value, temporary: false })
  /** The events about a user. */
  const about = (id: string) => collector.sets.filter(({ claims }) => JSON.stringify(claims['sub_id']).includes(id))
  /** Waits until everything before now has arrived: Keycloak sends in order, and this event is the last one. */
  const settle = async () => {
    const { id } = await createUser()
    await resetPassword(id)
    await collector.waitFor(
      'the last event',
      ({ claims, status }) => JSON.stringify(claims['sub_id']).includes(id) && (status ?? 202) === 202,
    )
  }

  const rows: Row[] = [
    {
      name: "RP-initiated logout, on Keycloak's page",
      events: ['session-revoked'],
      signedIn: 'phone',
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
      act: ({ id }) => resetPassword(id),
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
      name: 'admin: sign out all active sessions of the realm',
      events: [],
      signedIn: 'both',
      act: () => call('POST', '/logout-all'),
    },
    {
      name: 'the receiver fails once, and an administrator signs the user out',
      events: ['session-revoked', 'session-revoked'],
      signedIn: 'none',
      act: ({ id }) => (fail(), signOutAll(id)),
    },
    {
      name: 'the stream is paused, and an administrator signs the user out',
      events: [],
      signedIn: 'both',
      async act({ id }) {
        await client.setStatus({ stream_id: streamId, status: 'paused', reason: 'maintenance' })
        await signOutAll(id)
      },
    },
  ]

  for (const { name, events, signedIn, act } of rows) {
    const user = await createUser()
    const laptop = await places.signIn(user.name, 'laptop')
    const phone = await places.signIn(user.name, 'phone')
    const { sid } = (await laptop.me({ url: places.urls[0] } as never)).body
    await nextSecond()
    const startedAt = Date.now()
    await act({ ...user, laptop, sid: sid! })
    const result: CaseResult = { name, events: '', signedIn }
    if (signedIn !== 'both') result.ms = (await places.signedOut(laptop)) - startedAt
    if (signedIn === 'none') await places.signedOut(phone)
    if (name.startsWith('the stream is paused')) {
      await client.setStatus({ stream_id: streamId, status: 'enabled' })
      result.ms = (await places.signedOut(laptop)) - startedAt
      Object.assign(result, { signedIn: 'none' })
    } else await settle()
    result.events = about(user.id).map(nameOf).join(', ') || 'none'
    report(result)
    void events
    void phone
  }
  assert.ok(verification)
}
