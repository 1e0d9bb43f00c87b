// Measures stores with millions of live markers: `pnpm check capacity [--markers N] [redis] [cluster] [postgresql]`. It starts its
// own servers, and prints the figures of docs/deploying/capacity.md. By default, each of the three stores has 10,000,000 markers.
import { createBackchannelLogout } from '@bcl/core'
import { parseArgs } from 'node:util'
import { largeStores } from './large-stores.ts'
import { countingReads, Sessions } from './sessions.ts'

const { values, positionals } = parseArgs({
  options: { markers: { type: 'string', default: '10000000' } },
  allowPositionals: true,
})
const markers = Number(values.markers)
const hours = 3600

const now = (): number => Math.floor(Date.now() / 1000)
const print = (what: string, value: number | string): void =>
  console.log(`  ${what.padEnd(64)}${typeof value === 'number' ? value.toLocaleString('en') : value}`)

async function measure(name: string): Promise<void> {
  const start = largeStores[name]
  if (!start) throw new Error(`unknown store ${name}: use ${Object.keys(largeStores).join(', ')}`)
  console.log(name)
  const sessions = await Sessions.create()
  const large = await start()
  const { issuer, clientId } = sessions.issuer.op
  const create = (recheckAfter: number, store = large.store): ReturnType<typeof createBackchannelLogout> =>
    createBackchannelLogout({
      issuers: [{ issuer, clientId, algorithms: ['HS256'], clientSecret: sessions.issuer.clientSecret }],
      sessionMaxAge: 8 * hours,
      recheckAfter,
      storeTimeout: 10,
      store,
    })
  try {
    const logout = create(0)
    const perLogout = sessions.template.keys.length
    const empty = await large.bytes()
    sessions.ended = markers / perLogout
    await large.load(sessions.template, 0, sessions.ended, now() + 8 * hours)
    print('markers', await large.size())
    print('bytes of a marker', Math.round(((await large.bytes()) - empty) / markers))
    print(`gigabytes of ${markers.toLocaleString('en')} markers`, ((await large.bytes()) / 1e9).toFixed(2))
    print('checks per second', await sessions.checksPerSecond(logout, 10))
    print('logouts per second', await sessions.logoutsPerSecond(logout))

    const counted = countingReads(large.store)
    const cached = create(10, counted.store)
    const live = 10_000
    await sessions.checksPerSecond(cached, 10, sessions.ended, live)
    const before = counted.reads()
    print(
      `checks per second of ${live.toLocaleString('en')} live sessions, recheckAfter: 10`,
      await sessions.checksPerSecond(cached, 10, sessions.ended, live),
    )
    print('reads of the store in 10 s, during the test of the row above', counted.reads() - before)
    await cached.close()

    const expiring = markers / 10
    const expiresAt = now() + 90
    const all = await large.size()
    await large.load(sessions.template, 2 * markers, expiring / perLogout, expiresAt)
    const loaded = (await large.size()) - all
    if (loaded !== expiring || now() >= expiresAt)
      throw new Error(`${loaded} of ${expiring} markers were loaded in time`)
    while (now() < expiresAt) await new Promise((resolve) => setTimeout(resolve, 100))
    const expiredAt = performance.now()
    const pruned = large.prune?.()
    const during = await sessions.checksPerSecond(logout, 5)
    await pruned
    while ((await large.size()) > all && performance.now() - expiredAt < 60_000) {
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    const left = Math.max(0, (await large.size()) - all)
    const seconds = Math.round((performance.now() - expiredAt) / 1000)
    print(`expired markers that are still in the store after ${seconds} s, of ${expiring.toLocaleString('en')}`, left)
    print('checks per second in the first 5 s after this expiry', during)
    await logout.close()
  } finally {
    await large.close()
  }
}

for (const name of positionals.length > 0 ? positionals : Object.keys(largeStores)) await measure(name)
