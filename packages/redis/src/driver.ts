/** A value under a key, and its expiry (NumericDate). */
export type Entry = readonly [value: string, expiresAt: number]

/** The operations that the store needs from a client. Each kind of client has a driver. */
export interface Driver {
  /** Runs a script on one key, in one round trip. */
  runScript(script: string, key: string, ...args: string[]): Promise<unknown>
  /**
   * Reads the whole sorted set of each key. Returns one reply of the client for each key, in the order of `keys`.
   *
   * @param bypassCache Reads from Redis even if the client has a cache.
   */
  ranges(keys: readonly string[], bypassCache: boolean): Promise<readonly unknown[]>
  /** Parses one reply of `ranges`. */
  entriesOf(range: unknown): Entry[]
  remove(key: string, value: string): Promise<unknown>
  publish(channel: string, message: string): Promise<unknown>
  /**
   * Subscribes to a channel on a separate connection. Resolves to a function that ends the subscription. A driver has no
   * `subscribe` if the client cannot subscribe.
   */
  subscribe?(channel: string, listener: (message: string) => void): Promise<() => Promise<unknown>>
}

/**
 * Parses a member of a sorted set and its score. Throws if one of them is wrong. If a wrong member were skipped, an
 * ended session could stay alive.
 */
export function toEntry(member: unknown, score: unknown): Entry {
  // Number() alone would return 0 for null and for a text without characters. The score 0 means "expired".
  const expiresAt = Number(String(score).trim() || Number.NaN)
  const isText = typeof member === 'string' || member instanceof Uint8Array
  if (isText && Number.isFinite(expiresAt)) return [String(member), expiresAt]
  throw new Error('Redis did not answer with the members of a sorted set and their scores')
}

/** Parses the reply of `ZRANGE … WITHSCORES`: a flat list in RESP2, a list of pairs in RESP3. */
export function entriesOfReply(reply: unknown): Entry[] {
  const list = reply as unknown[]
  const flat = list.flat()
  // Uses the larger length. Otherwise the wrong reply `[[]]` would count as an empty sorted set. `toEntry` throws for a missing
  // member.
  return Array.from({ length: Math.ceil(Math.max(flat.length, list.length) / 2) }, (_, index) =>
    toEntry(flat[index * 2], flat[index * 2 + 1]),
  )
}

/**
 * Reads each key with a separate command. The function around `read` is async, so an exception of the client becomes a rejected
 * promise. Otherwise `map` would stop, and nobody would handle the earlier promises.
 */
export const readEach = (keys: readonly string[], read: (key: string) => unknown): Promise<readonly unknown[]> =>
  Promise.all(keys.map(async (key) => read(key)))

/** Tells whether the client is an object that has all these methods. */
export const hasMethods = (client: unknown, ...names: string[]): boolean =>
  typeof client === 'object' &&
  client !== null &&
  names.every((name) => typeof (client as Record<string, unknown>)[name] === 'function')

/** Seconds. */
const subscribeTimeout = 5

/**
 * Starts a subscription. Resolves to `stop`. If the start fails or takes more than 5 seconds, calls `stop` and rejects. Without
 * this call of `stop`, the client would try to subscribe for ever.
 */
export function startSubscription({ start, stop }: Subscription): Promise<() => Promise<void>> {
  return new Promise((resolve, reject) => {
    const giveUp = (error: unknown): void => {
      clearTimeout(timer)
      void stop()
      reject(error)
    }
    const timer = setTimeout(
      () => giveUp(new Error(`Redis did not confirm the subscription within ${subscribeTimeout} s`)),
      subscribeTimeout * 1000,
    )
    start().then(() => {
      clearTimeout(timer)
      resolve(stop)
    }, giveUp)
  })
}

interface Subscription {
  start(): Promise<unknown>
  stop(): Promise<void>
}
