// Prints the bytes of memory for a number of remembered logouts, and the number of store entries.
import { MemoryStore, type LogoutStore } from '@bcl/core'
import { randomUUID } from 'node:crypto'
import { createCheapIssuer } from '../measure/tokens.ts'

const count = Number(process.argv[2])
const issuer = await createCheapIssuer()
let entries = 0

const heap = async (): Promise<number> => {
  for (let turn = 0; turn < 3; turn += 1) {
    await new Promise((resolve) => setTimeout(resolve, 10))
    globalThis.gc!()
  }
  return process.memoryUsage().heapUsed
}

async function remember(store: LogoutStore, many: number): Promise<void> {
  const logout = issuer.createReceiver(store)
  for (let index = 0; index < many; index += 1) {
    await logout.receive(await issuer.token({ sub: randomUUID(), sid: randomUUID() }))
  }
}

// Warms up first, so that the memory of code and caches does not count.
await remember(new MemoryStore(), Math.min(count, 5000))

const memory = new MemoryStore()
const counting: LogoutStore = {
  add: (...args) => ((entries += 1), memory.add(...args)),
  values: (keys) => memory.values(keys),
  remove: (...args) => memory.remove(...args),
}
const before = await heap()
await remember(counting, count)
const bytes = (await heap()) - before
console.log(JSON.stringify({ perLogout: bytes / count, perEntry: bytes / entries }))
// Uses the store, so that the garbage collector does not remove it earlier.
await memory.values([])
