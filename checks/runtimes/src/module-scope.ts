import { createBackchannelLogout, MemoryStore, type LogoutStore } from '@bcl/core'
import type { TestIssuer } from '@bcl/testing'

/** Who is asked for keys, once there is one: a module's scope is too early to make keys on Workers. */
let provider: TestIssuer | undefined
/** What was asked for so far. */
const asked: string[] = []

const memory = new MemoryStore()
const store: LogoutStore = {
  add: (...args) => (asked.push('store'), memory.add(...args)),
  values: (...args) => (asked.push('store'), memory.values(...args)),
  remove: (...args) => (asked.push('store'), memory.remove(...args)),
}

/** Constructed in the scope of a module, where Workers refuse requests, timers and random numbers. Its keys come by discovery. */
export const logout = createBackchannelLogout({
  issuers: [{ issuer: 'https://op.example.com', clientId: 'test-client' }],
  sessionMaxAge: 3600,
  store,
  now: () => (asked.push('clock'), Math.floor(Date.now() / 1000)),
  fetch: async (input, init) => {
    asked.push('fetch')
    if (!provider) throw new Error('there is no provider yet')
    return provider.fetch(input, init)
  },
})

/** What was asked for by the time the module was evaluated. */
export const askedAtConstruction: readonly string[] = [...asked]

export function useProvider(op: TestIssuer): void {
  provider = op
}
