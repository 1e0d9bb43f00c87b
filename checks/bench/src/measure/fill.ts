import { MemoryStore, type LogoutStore } from '@bcl/core'
import { createCheapIssuer } from './tokens.ts'

/** A store that records what core writes. */
export function recordingStore(): { store: LogoutStore; written: [key: string, value: string, expiresAt: number][] } {
  const memory = new MemoryStore()
  const written: [string, string, number][] = []
  return {
    written,
    store: {
      add: (...args) => (written.push(args), memory.add(...args)),
      values: (keys) => memory.values(keys),
      remove: (...args) => memory.remove(...args),
    },
  }
}

/**
 * Copies a text into one flat string, like the text of a request. The engine stores a text that was joined from pieces
 * as a tree.
 */
const flat = (text: string): string => Buffer.from(text, 'latin1').toString('latin1')

/**
 * Writes `count` logouts as `receive` does, but signs only one token. The subjects are `sub-0`, `sub-1` and so on.
 * Returns the number of entries of one logout.
 */
export async function fill(store: LogoutStore, count: number): Promise<number> {
  const { store: recorder, written } = recordingStore()
  const issuer = await createCheapIssuer()
  await issuer.createReceiver(recorder).receive(await issuer.token({ sub: '@sub@', sid: '@sid@', jti: '@jti@' }))
  for (let index = 0; index < count; index += 1) {
    for (const [key, value, expiresAt] of written) {
      await store.add(flat(key.replace(/@(\w+)@/g, `$1-${index}`)), flat(value), expiresAt)
    }
  }
  return written.length
}
