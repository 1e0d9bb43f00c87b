// Memory over millions of logouts with expiry: `pnpm check soak [logouts]`, 5,000,000 by default. The provider's clock
// and the application's run a second on with every few logouts, so that what is remembered is forgotten again.
import { MemoryStore } from '@bcl/core'
import { randomUUID } from 'node:crypto'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { atOnce } from './measure.ts'
import { createCheapIssuer } from './tokens.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const logouts = Number(process.argv[2] ?? 5_000_000)
const looks = 20
const perSecond = 20
const sessionMaxAge = 600
/** One look's growth over the median of those before it that means that something stays. */
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
// The first half fills what a session's age allows to be remembered.
const early = Math.max(...heaps.slice(looks / 4, looks / 2))
const late = Math.max(...heaps.slice(looks / 2))
console.log(`the second half took ${(late / early).toFixed(3)} of what the first had taken at most`)
if (late > early * bound) {
  console.error('memory grows')
  process.exitCode = 1
}
