import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { createBackchannelLogout, MemoryStore, type LogoutStore } from '@bcl/core'
import { median } from '../measure/measure.ts'
import type { Figures } from '../report/results.ts'
import type { Scale } from '../measure/scale.ts'
import { createCheapIssuer } from '../measure/tokens.ts'

/** Returns the milliseconds that `close` takes with this number of pending markers. The store takes 2 ms for each marker. */
async function closeTime(pending: number): Promise<number> {
  const issuer = await createCheapIssuer()
  const memory = new MemoryStore()
  let isDown = true
  const store: LogoutStore = {
    async add(...args) {
      if (isDown) throw new Error('down')
      await sleep(2)
      await memory.add(...args)
    },
    values: (keys) => memory.values(keys),
    remove: (...args) => memory.remove(...args),
  }
  const logout = issuer.createReceiver(store)
  const tokens = await Promise.all(
    Array.from({ length: pending }, (_, index) => issuer.token({ sid: `sid-${index}`, sub: undefined })),
  )
  await Promise.allSettled(tokens.map((token) => logout.receive(token)))
  isDown = false
  const begun = performance.now()
  await logout.close()
  return performance.now() - begun
}

/** Polls with this number of watches. Returns the longest time in which the event loop was busy, in milliseconds. */
async function pollTime(watches: number): Promise<number> {
  const { op } = await createCheapIssuer()
  const logout = createBackchannelLogout({
    issuers: [op.trusted],
    sessionMaxAge: 8 * 3600,
    store: new MemoryStore(),
    pollInterval: 1,
  })
  for (let index = 0; index < watches; index += 1) logout.watch(op.session(), () => {})
  await sleep(2000)
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  await sleep(3000)
  delay.disable()
  await logout.close()
  return delay.max / 1e6
}

/** Measures `close` with many markers and a poll with many watches. */
export async function measureManyAtOnce({ slowRounds, pending, watches }: Scale): Promise<Figures[]> {
  const times: [close: number, poll: number][] = []
  for (let round = 0; round < slowRounds; round += 1) times.push([await closeTime(pending), await pollTime(watches)])
  const of = (index: 0 | 1): number => Math.round(median(times.map((pair) => pair[index])))
  const count = (value: number): string => value.toLocaleString('en')
  return [
    { name: `\`close()\` with ${count(pending)} pending markers`, values: [of(0)] },
    { name: `a poll of ${count(watches)} watches`, values: [of(1)] },
  ]
}
