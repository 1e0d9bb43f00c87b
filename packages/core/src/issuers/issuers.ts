import { requireAddress } from '../keys/discover-keys.js'
import { asLogoutError } from '../errors.js'
import { trust, type IssuerSource } from './issuer-source.js'
import { withoutClaims } from '../util/without-claims.js'
import { requireOption } from '../util/options.js'
import {
  createRemoteKeys,
  keySetName,
  type KeyBudget,
  type RemoteKeys,
  type RemoteKeysOptions,
} from '../keys/remote-keys.js'
import { monotonicNow } from '../util/clock.js'
import { LruMap } from '../util/lru-map.js'
import { singleFlight, type Flight } from '../util/single-flight.js'
import { createTokenBucket } from '../util/token-bucket.js'
import { withTimeout } from '../util/with-timeout.js'
import { localKeys, needsNoKeys, register, type Registration, type TrustedIssuer } from './trusted-issuer.js'

/** What an issuer function answers: the registrations at the issuer it was asked for, or `undefined` for none. */
export type ResolvedIssuer = TrustedIssuer | readonly TrustedIssuer[] | undefined

/** Seconds for which an answer is fresh, and the most answers that are kept, good and "none" apart (RP-11). */
const freshFor = 60
const maxAnswers = 1000
/** The time-out of one call of the issuer function, in seconds. */
const answerTime = 1.5
/** The most calls that tokens cause at once, and the most tokens that wait for their turn. */
const maxCalls = 10
const maxWaiting = 1000
/** The most key sets of issuers that have proven themselves, and of issuers that have not. */
const maxProven = 1000
const maxUnproven = 100

export interface IssuersOptions extends RemoteKeysOptions {
  issuers: readonly TrustedIssuer[] | ((iss: string) => ResolvedIssuer | Promise<ResolvedIssuer>)
}

/** Who asks. Calls that tokens cause are limited; anybody can send tokens. A session never waits behind a token. */
type Asker = 'token' | 'session'

/** Trusted issuers, with a key set each. */
export interface Issuers extends IssuerSource {
  /** As `find`, for a session. */
  findForSession: IssuerSource['find']
  /** Fetches the keys of all listed issuers. */
  warm(): Promise<void>
}

interface Answer {
  found: readonly Registration[]
  at: number
  /** Permits to ask again although an answer is fresh: one bucket for tokens, one for sessions. */
  again: Record<Asker, () => boolean>
}

const isRemote = (registration: Registration): boolean =>
  registration.keys ? registration.keys instanceof URL : !needsNoKeys(registration)

/** The key sets of one receiver. Issuers that never verified a signature cannot push out the others (RP-11). */
export interface KeySets {
  proven: Map<string, RemoteKeys>
  unproven: Map<string, RemoteKeys>
  budgets: Map<string, KeyBudget>
}

/** @param listed How many issuers are in the configuration. */
export const createKeySets = (listed = 0): KeySets => ({
  proven: new LruMap(maxProven + listed),
  unproven: new LruMap(maxUnproven),
  budgets: new LruMap(maxProven + listed),
})

/** Lets a limited number of calls run at once. The newest waits least, because the oldest are about to be given up. */
function createGate(): <T>(work: () => Promise<T>) => Promise<T> {
  // A runtime can end a call together with its request. So a call counts until its time is over.
  const running = new Set<{ until: number }>()
  const waiting: { resolve: () => void; reject: (error: Error) => void }[] = []
  const isFull = (): boolean => {
    for (const call of running) if (monotonicNow() > call.until) running.delete(call)
    return running.size >= maxCalls
  }
  return async (work) => {
    const until = monotonicNow() + answerTime
    while (isFull())
      await new Promise<void>((resolve, reject) => {
        waiting.push({ resolve, reject })
        if (waiting.length > maxWaiting) waiting.shift()!.reject(tooMany())
      })
    if (monotonicNow() > until) throw tooMany()
    const call = { until: monotonicNow() + answerTime }
    running.add(call)
    try {
      return await work()
    } finally {
      running.delete(call)
      waiting.pop()?.resolve()
    }
  }
}

const tooMany = (): Error => new Error('too many tokens name issuers that are not cached')

/** Tells apart where the keys of registrations come from. */
const keysId = ({ keys }: Registration): unknown => (typeof keys === 'function' ? keys : JSON.stringify(keys))

/** @param sets Key sets that several receivers share. Without them, keys are fetched in the background at first use. */
export function createIssuers(options: IssuersOptions, sets?: KeySets): Issuers {
  const { issuers, onError } = options

  /** Checks what was configured, or answered: each client of an issuer once, and one key set per issuer. */
  const registerAll = (list: readonly TrustedIssuer[]): Registration[] => {
    const registrations = list.map(register)
    const names = new Set<string>()
    const keysAt = new Map<string, unknown>()
    for (const [index, registration] of registrations.entries()) {
      const { issuer, clientId } = registration
      if (isRemote(registration)) requireAddress(registration, `issuers[${index}].`, options.allowInsecureRequests)
      names.add(JSON.stringify([issuer, clientId]))
      if (needsNoKeys(registration)) continue
      const id = keysId(registration)
      requireOption(
        (keysAt.has(issuer) ? keysAt.get(issuer) : id) === id,
        `issuers[${index}].keys`,
        'must be the same for all clients of an issuer',
      )
      keysAt.set(issuer, id)
    }
    requireOption(names.size === list.length, 'issuers', 'must not repeat a clientId')
    return registrations
  }

  const isList = Array.isArray(issuers)
  const listed = trust(isList ? registerAll(issuers) : [])
  const { all } = listed
  const { proven, unproven, budgets } = sets ?? createKeySets(all.length)

  const answers = new LruMap<Answer>(maxAnswers)
  const nones = new LruMap<Answer>(maxAnswers)
  const known = (iss: string): Answer | undefined => answers.get(iss) ?? nones.get(iss)
  const gate = createGate()
  const calls = {
    token: singleFlight<Flight<readonly Registration[]>>(answerTime),
    session: singleFlight<Flight<readonly Registration[]>>(answerTime),
  }

  const ask = async (iss: string, asker: Asker): Promise<readonly Registration[]> => {
    try {
      const call = async (): Promise<ResolvedIssuer> => (issuers as (iss: string) => ResolvedIssuer)(iss)
      const answer = await withTimeout(answerTime, () => (asker === 'token' ? gate(call) : call()))
      const found = registerAll([answer ?? []].flat())
      requireOption(
        found.every(({ issuer, sessionIssuer }) => issuer === iss || sessionIssuer === iss),
        'issuers',
        'must be of the issuer asked for',
      )
      const again = known(iss)?.again ?? { token: createTokenBucket(4, 15), session: createTokenBucket(4, 15) }
      answers.delete(iss)
      nones.delete(iss)
      ;(found[0] ? answers : nones).set(iss, { found, at: monotonicNow(), again })
      return found
    } catch (error) {
      throw asLogoutError('the issuer function', withoutClaims(error, [iss]))
    }
  }

  const findFor =
    (asker: Asker): IssuerSource['find'] =>
    (iss, fits) => {
      const isOf = ({ issuer, sessionIssuer = issuer }: Registration): boolean =>
        (asker === 'token' ? issuer : sessionIssuer) === iss
      if (isList) return all.filter(isOf)
      const askNow = async (): Promise<readonly Registration[]> =>
        (await calls[asker].run(() => ask(iss, asker), iss).result).filter(isOf)
      const answer = known(iss)
      if (!answer) return askNow()
      const found = answer.found.filter(isOf)
      const age = monotonicNow() - answer.at
      const isFit = found.some(fits)
      // A client or a tenant may have been added since, and most providers send a logout once.
      if (age < freshFor) return isFit || !answer.again[asker]() ? found : askNow()
      if (age >= 2 * freshFor || !isFit) return askNow()
      askNow().catch((error: unknown) => onError?.(error))
      return found
    }

  const remoteKeys = (registration: Registration): RemoteKeys => {
    const name = keySetName(registration)
    const keySet = proven.get(name) ?? unproven.get(name)
    if (keySet) return keySet
    const prove = (set: RemoteKeys): void => {
      unproven.delete(name)
      proven.set(name, set)
    }
    const made = createRemoteKeys(registration, { ...options, budgets, isProven: isList, onProven: prove })
    ;(isList ? proven : unproven).set(name, made)
    return made
  }

  const warmAll = (): Promise<void>[] => all.filter(isRemote).map((registration) => remoteKeys(registration).warm())

  // Workers end a fetch together with the request that began it. Nothing would settle it for the others.
  let hasBegun = !!sets || globalThis.navigator?.userAgent === 'Cloudflare-Workers'
  /** Fetches the keys of all listed issuers in the background at the first check of a session or of a signature. */
  const begin = (): void => {
    if (hasBegun) return
    hasBegun = true
    for (const fetched of warmAll()) fetched.catch((error: unknown) => onError?.(error))
  }

  return {
    all,
    find: findFor('token'),
    findForSession(iss, fits) {
      begin()
      return findFor('session')(iss, fits)
    },
    keysOf(registration) {
      begin()
      const { keys } = registration
      return keys && !(keys instanceof URL) ? localKeys(keys) : remoteKeys(registration)
    },
    async warm() {
      await Promise.all(warmAll())
    },
  }
}
