/** A value under a key, and the NumericDate until which it is there. */
export type Entry = readonly [value: string, expiresAt: number]

/** What the store asks of a client, whichever it is. Every call is one round trip. */
export interface Driver {
  /** Runs a script on one key. */
  run(script: string, key: string, ...args: string[]): Promise<unknown>
  /**
   * The sorted set of each key, whole, in the order of `keys`, and as the client gives it.
   *
   * @param isFresh Whether to ask Redis even where the client has a cache.
   */
  ranges(keys: readonly string[], isFresh: boolean): Promise<readonly unknown[]>
  /** Reads one of them. */
  entriesOf(range: unknown): Entry[]
  remove(key: string, value: string): Promise<unknown>
  publish(channel: string, message: string): Promise<unknown>
  /** Hears a channel on a connection of its own, until what it resolves to is called. Absent where a client cannot. */
  subscribe?(channel: string, listener: (message: string) => void): Promise<() => Promise<unknown>>
}

/** A member of a sorted set with its score. Any other answer is an error: a member that is left out would let a session live. */
export function toEntry(member: unknown, score: unknown): Entry {
  // Number() alone would read null and the empty text as 0, which has expired.
  const expiresAt = Number(String(score) || Number.NaN)
  const isText = typeof member === 'string' || member instanceof Uint8Array
  if (isText && Number.isFinite(expiresAt)) return [String(member), expiresAt]
  throw new Error('Redis did not answer with the members of a sorted set and their scores')
}

/** Reads the reply of `ZRANGE … WITHSCORES`: a flat list in RESP2, a list of pairs in RESP3. */
export function entriesOfReply(reply: unknown): Entry[] {
  const flat = (reply as unknown[]).flat()
  return Array.from({ length: Math.ceil(flat.length / 2) }, (_, index) => toEntry(flat[index * 2], flat[index * 2 + 1]))
}

/** Whether a client, of any kind, has these methods. */
export const hasMethods = (client: unknown, ...names: string[]): boolean =>
  typeof client === 'object' &&
  client !== null &&
  names.every((name) => typeof (client as Record<string, unknown>)[name] === 'function')

/** Seconds that a subscription may take to begin. */
const patience = 5

/**
 * Begins what `end` ends; gives it up when it fails, or takes too long. A client tries for as long as it lives, and until
 * it has begun nobody could tell it to stop.
 */
export function begin(work: () => Promise<unknown>, end: () => Promise<void>): Promise<() => Promise<void>> {
  return new Promise((resolve, reject) => {
    const giveUp = (error: unknown): void => {
      clearTimeout(timer)
      void end()
      reject(error)
    }
    const timer = setTimeout(() => giveUp(new Error(`Redis took over ${patience} s to subscribe`)), patience * 1000)
    work().then(() => {
      clearTimeout(timer)
      resolve(end)
    }, giveUp)
  })
}
