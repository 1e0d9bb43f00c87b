// Compares checks with the bare driver, and measures the bytes of a remembered logout.
import { createBackchannelLogout, type LogoutStore, type SessionClaims } from '@bcl/core'
import { createTestIssuer } from '@bcl/testing'
import { randomUUID } from 'node:crypto'
import { recordingStore } from '../measure/fill.ts'
import { atOnce, compare, rateOf, type Speed } from '../measure/measure.ts'
import type { Figures, Pair } from '../report/results.ts'
import type { Scale } from '../measure/scale.ts'
import { drivers, weighables, type Connected } from './store-drivers.ts'
import { createCheapIssuer } from '../measure/tokens.ts'

/** The number of requests that are in progress at the same time. */
const concurrency = 50

type Entry = readonly [key: string, value: string, expiresAt: number]

/** An issuer with a typical length. */
const issuer = 'https://api.asgardeo.io/t/acme/oauth2/token'

/**
 * Returns the entries that `receive` writes for this number of logouts. Each logout has a different subject and session, with
 * names of 36 characters.
 */
async function entriesOf(count: number): Promise<Entry[][]> {
  const { store, written } = recordingStore()
  const { op, createReceiver, token } = await createCheapIssuer()
  await createReceiver(store).receive(await token({ sub: '@sub@', sid: '@sid@', jti: '@jti@' }))
  return Array.from({ length: count }, () => {
    const names: Record<string, string> = { sub: randomUUID(), sid: randomUUID(), jti: randomUUID() }
    return written.map(([key, ...rest]) => [
      key.replace(op.issuer, issuer).replace(/@(\w+)@/g, (_, name) => names[name]!),
      ...rest,
    ])
  })
}

const isDone = ([key]: Entry): boolean => key.startsWith('[1,"done",')
const put = (store: LogoutStore, entries: readonly Entry[]): Promise<void> =>
  atOnce(concurrency, entries, async (entry) => store.add(...entry))

/** Skips a database that does not answer. In CI this is an error. */
async function connect<T>(name: string, start: () => Promise<T>): Promise<T | undefined> {
  try {
    return await start()
  } catch (error) {
    if (process.env['CI'] === 'true') throw error
    console.warn(`${name} is left out: ${String(error)}`)
    return undefined
  }
}

async function measureDriver({ store, bare }: Connected, count: number): Promise<(() => Promise<Speed>)[]> {
  const op = await createTestIssuer()
  // On a busy machine, a call may take longer than the default time-out of one second.
  const receiver = (on: LogoutStore) =>
    createBackchannelLogout({ issuers: [op.trusted], sessionMaxAge: 8 * 3600, store: on, storeTimeout: 60 })
  const logout = receiver(store)
  const sessions = Array.from({ length: Math.min(count, 1000) }, () =>
    op.session({ sub: randomUUID(), sid: randomUUID() }),
  )
  /** The keys that the check of a session reads. */
  const asked = new Map<SessionClaims, readonly string[]>()
  for (const session of sessions) {
    const asking: LogoutStore = {
      ...recordingStore().store,
      values: async (keys) => (asked.set(session, keys), keys.map(() => [])),
    }
    await receiver(asking).isLoggedOut(session)
  }
  const list = Array.from({ length: count }, (_, index) => sessions[index % sessions.length]!)
  const speed = (work: (session: SessionClaims) => unknown) => () =>
    rateOf({ count, prepare: () => list, run: () => atOnce(concurrency, list, async (session) => work(session)) })
  return [
    speed((session) => store.values(asked.get(session)!)),
    speed((session) => logout.isLoggedOut(session)),
    speed((session) => bare(asked.get(session)!)),
  ]
}

/** Compares checks with the bare driver, for each driver. */
export async function measureStores(scale: Scale): Promise<Pair[]> {
  const remembered = Math.ceil(scale.remembered[0] / 5)
  const rows: Pair[] = []
  for (const [name, start] of Object.entries(drivers)) {
    const connected = await connect(name, start)
    if (!connected) continue
    // Checks without a round trip are fast, so a burst needs more checks.
    const isLocal = name === 'node:sqlite' || name.endsWith('cache')
    const count = Math.ceil(scale.checks / (isLocal ? 10 : 60))
    await put(connected.store, (await entriesOf(remembered)).flat())
    const beside = await compare(scale, await measureDriver(connected, count))
    rows.push(beside(`${name}: \`store.values\``, 0, 2), beside(`${name}: \`isLoggedOut\``, 1, 2))
    await connected.close()
  }
  return rows
}

/** Measures the bytes of a remembered logout, for each store. */
export async function measureStoreBytes({ weighed }: Scale): Promise<Figures[]> {
  const count = Math.ceil(weighed / 2)
  const entries = await entriesOf(count)
  const rows: Figures[] = []
  for (const [name, start] of Object.entries(weighables)) {
    const bytes: number[] = []
    for (const isWanted of [(entry: Entry) => !isDone(entry), isDone]) {
      const weighable = await connect(name, start)
      if (!weighable) continue
      await put(weighable.store, entries.flat().filter(isWanted))
      bytes.push((await weighable.bytes()) / count)
      await weighable.close()
    }
    if (bytes.length > 0) rows.push({ name, values: bytes.map(Math.round) })
  }
  return rows
}
