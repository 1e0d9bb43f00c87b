// Measures memory over millions of logouts that expire. Run it with `pnpm check soak [logouts]`. The default is 5,000,000
// logouts. The clocks of the provider and of the application advance by a second with every 20 logouts. So old logouts expire.
import { MemoryStore } from '@bcl/core'
import { randomUUID } from 'node:crypto'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { atOnce } from '../measure/measure.ts'
import { createCheapIssuer } from '../measure/tokens.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const logouts = Number(process.argv[2] ?? 5_000_000)
const looks = 20
const perSecond = 20
const sessionMaxAge = 600
/** The largest allowed ratio of the memory in the second half to the memory in the first half. */
const bound = 1.1

let passed = 0
const start = Date.now() / 1000
const now = (): number => Math.floor(start + passed / perSecond)
const issuer = await createCheapIssuer()
const logout = issuer.createReceiver(new MemoryStore({ now }), now, sessionMaxAge)

const heaps: number[] = []
for (let look = 0; look < looks; look += 1) {
  const each = Math.ceil(logouts / looks)
  await atOnce(32, Array.from({ length: each }), async () => {
    const time = now()
    passed += 1
    const token = await issuer.token({ iat: time, exp: time + 120, sub: randomUUID(), sid: randomUUID() })
    await logout.receive(token)
  })
  collectGarbage()
  heaps.push(process.memoryUsage().heapUsed)
  console.log(`${passed.toLocaleString('en')} logouts: ${(heaps.at(-1)! / 2 ** 20).toFixed(1)} MiB of heap`)
}
// Leaves out the first quarter, in which the memory fills with logouts that have not expired.
const early = Math.max(...heaps.slice(looks / 4, looks / 2))
const late = Math.max(...heaps.slice(looks / 2))
console.log(
  `the largest heap of the second half is ${(late / early).toFixed(3)} times the largest heap of the first half`,
)
if (late > early * bound) {
  console.error('memory grows')
  process.exitCode = 1
}
