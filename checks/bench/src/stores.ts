// What a check costs beside the driver alone, and what a remembered logout takes. By itself: node checks/bench/src/stores.ts
import { createBackchannelLogout, type LogoutStore, type SessionClaims } from '@bcl/core'
import { createTestIssuer } from '@bcl/testing'
import { randomUUID } from 'node:crypto'
import { pathToFileURL } from 'node:url'
import { recordingStore } from './fill.ts'
import { atOnce, compare, rateOf, type Speed } from './measure.ts'
import { full, quick, type Scale } from './scale.ts'
import { drivers, weighables, type Connected } from './store-drivers.ts'
import { compared, table, type Row, type Section } from './table.ts'
import { createCheapIssuer } from './tokens.ts'

/** As many requests are under way at once. */
const concurrency = 50

type Entry = readonly [key: string, value: string, expiresAt: number]

/** As long as those that are met. */
const issuer = 'https://api.asgardeo.io/t/acme/oauth2/token'

/** What `receive` writes for so many logouts, of other subjects and sessions each, with names of 36 characters. */
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

/** Nobody answers there: what would be measured is left out, and said. */
async function connect<T>(name: string, start: () => Promise<T>): Promise<T | undefined> {
  try {
    return await start()
  } catch (error) {
    if (process.env['CI'] === 'true') throw error
    console.warn(`${name} is left out: ${String(error)}`)
    return undefined
  }
}

async function measureDriver({ store, bare }: Connected, scale: Scale): Promise<(() => Promise<Speed>)[]> {
  const count = Math.ceil(scale.checks / 50)
  const op = await createTestIssuer()
  // A machine with other work to do may take longer than the second there is.
  const receiver = (on: LogoutStore) =>
    createBackchannelLogout({ issuers: [op.trusted], sessionMaxAge: 8 * 3600, store: on, storeTimeout: 60 })
  const logout = receiver(store)
  const sessions = Array.from({ length: Math.min(count, 1000) }, () =>
    op.session({ sub: randomUUID(), sid: randomUUID() }),
  )
  /** What a check of a session asks for. */
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

export async function measureStores(scale: Scale): Promise<Section> {
  const remembered = Math.ceil(scale.remembered[0] / 5)
  const rows: Row[] = []
  for (const [name, start] of Object.entries(drivers)) {
    const connected = await connect(name, start)
    if (!connected) continue
    await put(connected.store, (await entriesOf(remembered)).flat())
    const { beside } = await compare(scale.rounds, await measureDriver(connected, scale))
    rows.push(compared(`${name}: store.values`, beside(0, 2), 'at least 0.90'))
    rows.push(compared(`${name}: isLoggedOut`, beside(1, 2), 'at least 0.90'))
    await connected.close()
  }
  return {
    title: 'Checks, store by store',
    note: `Checks of sessions that are alive, ${concurrency} at once, with ${remembered.toLocaleString('en')} logouts remembered, beside the driver alone, which reads the same two keys. Servers on the same machine.`,
    columns: ['checks', 'driver alone'],
    rows,
  }
}

export async function measureStoreBytes({ weighed }: Scale): Promise<Section> {
  const count = Math.ceil(weighed / 5)
  const entries = await entriesOf(count)
  const rows: Row[] = []
  for (const [name, start] of Object.entries(weighables)) {
    const bytes: number[] = []
    for (const isWanted of [(entry: Entry) => !isDone(entry), isDone]) {
      const weighable = await connect(name, start)
      if (!weighable) continue
      await put(weighable.store, entries.flat().filter(isWanted))
      bytes.push((await weighable.bytes()) / count)
      await weighable.close()
    }
    const [markers, done] = bytes.map((each) => `${Math.round(each).toLocaleString('en')} bytes`)
    if (markers && done) rows.push([name, markers, done, '', '', ''])
  }
  return {
    title: 'What a remembered logout takes',
    note: `Growth by ${count.toLocaleString('en')} logouts with \`sid\` and \`sub\`, names of 36 characters and an issuer of ${issuer.length}; indexes included.`,
    columns: ['its two markers', 'that it was carried out'],
    rows,
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]!).href) {
  const scale = process.argv.includes('--quick') ? quick : full
  for (const measure of [measureStores, measureStoreBytes]) {
    const section = await measure(scale)
    console.log(`${section.title}\n\n${section.note}\n\n${table(section)}\n`)
  }
}
