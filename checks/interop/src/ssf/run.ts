import assert from 'node:assert/strict'
import { startRedis } from '../../../../examples/demo/src/redis-server.ts'
import { createStores } from '../../../../examples/express/src/store.ts'
import { createBackchannelLogout } from '../../../../packages/core/dist/index.js'
import {
  createSecurityEventReceiver,
  createStreamClient,
  type StreamConfiguration,
} from '../../../../packages/ssf/dist/index.js'
import { type CaseResult, credentialChange, runCases, sessionRevoked, typeOf, verification } from './cases.ts'
import { createCollector, type ReceivedSet, startGateway } from './gateway.ts'
import { type KeycloakTransmitter, startKeycloakTransmitter } from './keycloak-transmitter.ts'
import { startPlaces } from './places.ts'

/** The results of a run of the transmitter. */
export interface TransmitterResult {
  version: string
  /** The day of the run. */
  date: string
  drainerInterval: number
  push: readonly CaseResult[]
  poll: readonly CaseResult[]
  /** The first session-revoked event. */
  header: ReceivedSet['header']
  claims: ReceivedSet['claims']
}

const methods = { push: 'urn:ietf:rfc:8935', poll: 'urn:ietf:rfc:8936' }
const authorization = 'Bearer a-secret-of-the-run'

/** Runs two instances of the Express example with Keycloak's transmitter, by push and by poll. */
export async function runTransmitter(): Promise<TransmitterResult> {
  const keycloak = await startKeycloakTransmitter()
  try {
    const push = await runPush(keycloak)
    const poll = await runPoll(keycloak)
    const { header, claims } = push.first
    const { version, drainerInterval } = keycloak
    const date = new Date().toISOString().slice(0, 10)
    return { version, date, drainerInterval, push: push.results, poll: poll.results, header, claims }
  } finally {
    await keycloak.stop()
  }
}

interface Part {
  results: CaseResult[]
  first: ReceivedSet
}

/** Keycloak pushes to the first instance. */
export async function runPush(keycloak: KeycloakTransmitter): Promise<Part> {
  const stops: (() => unknown)[] = []
  try {
    const redis = await startRedis()
    stops.push(redis.stop)
    const collector = createCollector()
    const gateway = await startGateway(collector)
    stops.push(gateway.stop)
    const { client, stream } = await createStream(keycloak, 'push', gateway.url)
    const places = await startPlaces(keycloak, redis.url, {
      SSF_ISSUER: keycloak.issuer,
      SSF_AUDIENCE: String([stream.aud].flat()[0]),
      SSF_AUTHORIZATION: authorization,
    })
    stops.push(places.stop)
    gateway.forwardTo(`${places.urls[0]}/security-events`)
    const fail = () => gateway.fail(1)
    return await check({ keycloak, places, collector, client, streamId: stream.stream_id, fail }, 'push')
  } finally {
    for (const stop of stops.toReversed()) await stop()
  }
}

/** This process asks Keycloak for events, and writes to the Redis of both instances. */
export async function runPoll(keycloak: KeycloakTransmitter): Promise<Part> {
  const stops: (() => unknown)[] = []
  try {
    const redis = await startRedis()
    stops.push(redis.stop)
    const collector = createCollector()
    const { client, stream } = await createStream(keycloak, 'poll')
    const places = await startPlaces(keycloak, redis.url, {})
    stops.push(places.stop)
    const stores = await createStores(redis.url)
    stops.push(stores.close)
    const logout = createBackchannelLogout({
      issuers: [{ issuer: keycloak.issuer, clientId: places.clientId }],
      sessionMaxAge: 8 * 60 * 60,
      store: stores.logouts,
    })
    stops.push(() => logout.close())
    let failures = 0
    const events = createSecurityEventReceiver({
      logout,
      transmitters: [{ issuer: keycloak.issuer, audience: 'the audience of the stream' }],
      endsSessions: (event) => {
        if (failures > 0 && event.type === sessionRevoked) {
          failures -= 1
          throw new Error('the run wants a failure')
        }
        return undefined
      },
      async fetch(input, init) {
        const response = await fetch(input, init)
        if (String(input) !== stream.delivery?.endpoint_url) return response
        const text = await response.text()
        const { sets = {} } = (text ? JSON.parse(text) : {}) as { sets?: Record<string, string> }
        for (const jwt of Object.values(sets)) collector.add(jwt)
        return new Response(text || null, response)
      },
      onError: (error) => console.log(`  poll: ${error instanceof Error ? error.message : String(error)}`),
    })
    const stop = new AbortController()
    const { accessToken } = client
    const polling = events.poll({
      transmitter: keycloak.issuer,
      stream,
      accessToken,
      interval: 0.2,
      signal: stop.signal,
    })
    stops.push(async () => {
      stop.abort()
      await polling
    })
    const fail = () => void (failures = 1)
    return await check({ keycloak, places, collector, client, streamId: stream.stream_id, fail }, 'poll')
  } finally {
    for (const stop of stops.toReversed()) await stop()
  }
}

async function createStream(keycloak: KeycloakTransmitter, name: keyof typeof methods, url?: string) {
  const clientId = `receiver-${name}-${Date.now()}`
  const clientSecret = await keycloak.registerReceiver(clientId, url)
  const client = createStreamClient({ transmitter: keycloak.issuer, clientCredentials: { clientId, clientSecret } })
  const delivery = { method: methods[name], ...(url && { endpoint_url: url, authorization_header: authorization }) }
  const stream: StreamConfiguration = await client.createStream({
    delivery,
    events_requested: [sessionRevoked, credentialChange],
  })
  return { client, stream }
}

async function check(bench: Parameters<typeof runCases>[0], name: string): Promise<Part> {
  const { client, collector, streamId } = bench
  await client.verifyStream(streamId, 'state of the run')
  const verified = await collector.waitFor('verification', (set) => typeOf(set) === verification)
  assert.deepEqual(Object.values(verified.claims['events'] as object), [{ state: 'state of the run' }])
  const results: CaseResult[] = []
  await runCases(bench, (result) => {
    results.push(result)
    const { name: what, events, signedIn, ms } = result
    console.log(`  ${name}: ${what}: ${events}; still signed in: ${signedIn}${ms === undefined ? '' : `; ${ms} ms`}`)
  })
  const first = await collector.waitFor('session-revoked', (set) => typeOf(set) === sessionRevoked)
  return { results, first }
}
