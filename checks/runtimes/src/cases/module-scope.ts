import { createBackchannelLogout, MemoryStore, type LogoutStore } from '@bcl/core'
import type { TestIssuer } from '@bcl/testing'

/** The issuer of the keys. The first case creates it, because Workers cannot create keys in the scope of a module. */
let provider: TestIssuer | undefined
/** The list of all uses of the store, the clock and the network. */
const asked: string[] = []

const memory = new MemoryStore()
const store: LogoutStore = {
  add: (...args) => (asked.push('store'), memory.add(...args)),
  values: (...args) => (asked.push('store'), memory.values(...args)),
  remove: (...args) => (asked.push('store'), memory.remove(...args)),
}

/**
 * A receiver in the scope of a module. Workers allow no requests, timers and random numbers there. The receiver finds its keys by
 * discovery.
 */
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

/** The uses while the module was evaluated. This list must be empty. */
export const askedAtConstruction: readonly string[] = [...asked]

export function useProvider(op: TestIssuer): void {
  provider = op
}
