import type { BackchannelLogout, LogoutStore, SessionClaims } from '@bcl/core'
import { createHash, randomInt } from 'node:crypto'
import { recordingStore } from '../measure/fill.ts'
import { atOnce } from '../measure/measure.ts'
import { createCheapIssuer, type CheapIssuer } from '../measure/tokens.ts'

/**
 * The value of a marker, and the two keys of a logout with `sub` and `sid`. In a key, the `sub` or `sid` of the session
 * stands between `before` and `after`.
 */
export interface Template {
  keys: readonly { before: string; name: 'sub' | 'sid'; after: string }[]
  value: string
}

/** Computes a UUID from a name and a number. PostgreSQL computes the same UUID by `md5(…)::uuid`. */
export const uuid = (name: string, index: number): string =>
  createHash('md5')
    .update(`${name}${index}`)
    .digest('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')

/**
 * Receives one logout, and returns the format of its markers. So the measurement always uses the current format of the
 * library.
 */
async function templateOf(issuer: CheapIssuer): Promise<Template> {
  const { store, written } = recordingStore()
  await issuer.createReceiver(store).receive(await issuer.token({ sub: '@sub@', sid: '@sid@', jti: '@jti@' }))
  const markers = written.filter(([key]) => !key.includes('@jti@'))
  return {
    value: markers[0]![1],
    keys: markers.map(([key]) => {
      const [before, name, after] = key.split('@') as [string, 'sub' | 'sid', string]
      return { before, name, after }
    }),
  }
}

/** Makes the claims of sessions by number. If the number of a session is below `ended`, the store has markers for this session. */
export class Sessions {
  readonly issuer: CheapIssuer
  readonly template: Template
  readonly #iat = Math.floor(Date.now() / 1000) - 60
  ended = 0

  static async create(): Promise<Sessions> {
    const issuer = await createCheapIssuer()
    return new Sessions(issuer, await templateOf(issuer))
  }

  private constructor(issuer: CheapIssuer, template: Template) {
    this.issuer = issuer
    this.template = template
  }

  claims(index: number): SessionClaims {
    return { iss: this.issuer.op.issuer, sub: uuid('sub', index), sid: uuid('sid', index), iat: this.#iat }
  }

  /** Checks random sessions for some seconds. By default, half of them have ended. Returns the checks per second. */
  async checksPerSecond(
    logout: BackchannelLogout,
    seconds: number,
    first = 0,
    among = this.ended * 2,
  ): Promise<number> {
    const startedAt = performance.now()
    let count = 0
    const user = async (): Promise<void> => {
      while (performance.now() - startedAt < seconds * 1000) {
        const index = first + randomInt(among)
        const isLoggedOut = await logout.isLoggedOut(this.claims(index))
        if (isLoggedOut !== index < this.ended) throw new Error(`session ${index} has the wrong answer ${isLoggedOut}`)
        count += 1
      }
    }
    await Promise.all(Array.from({ length: 64 }, user))
    return Math.round((count * 1000) / (performance.now() - startedAt))
  }

  /** Receives Logout Tokens for sessions without markers. Returns the logouts per second. */
  async logoutsPerSecond(logout: BackchannelLogout, count = 20_000): Promise<number> {
    const tokens: string[] = []
    for (let index = this.ended; index < this.ended + count; index += 1) {
      tokens.push(await this.issuer.token({ sub: uuid('sub', index), sid: uuid('sid', index) }))
    }
    const startedAt = performance.now()
    await atOnce(64, tokens, (token) => logout.receive(token))
    this.ended += count
    return Math.round((count * 1000) / (performance.now() - startedAt))
  }
}

/** Counts the reads of a store. */
export function countingReads(store: LogoutStore): { store: LogoutStore; reads(): number } {
  let reads = 0
  return {
    reads: () => reads,
    store: {
      add: (...args) => store.add(...args),
      values: (keys) => ((reads += 1), store.values(keys)),
      remove: (...args) => store.remove(...args),
    },
  }
}
