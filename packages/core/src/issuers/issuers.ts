import { requireAddress } from '../keys/discover-keys.js'
import { asLogoutError } from '../errors.js'
import type { IssuerSource } from './issuer-source.js'
import { withoutClaims } from '../util/without-claims.js'
import { requireOption } from '../util/options.js'
import { createRemoteKeys, keySetName, type RemoteKeys, type RemoteKeysOptions } from '../keys/remote-keys.js'
import { monotonicNow } from '../util/clock.js'
import { LruMap } from '../util/lru-map.js'
import { singleFlight, type Flight } from '../util/single-flight.js'
import { createTokenBucket, type TokenBucket } from '../util/token-bucket.js'
import { withTimeout } from '../util/with-timeout.js'
import { localKeys, type LocalKeys } from '../keys/key-source.js'
import { needsNoKeys, register, type Registration, type TrustedIssuer } from './trusted-issuer.js'

/** The answer of an issuer function: the registrations at an issuer, or `undefined` for none. */
export type ResolvedIssuer = TrustedIssuer | readonly TrustedIssuer[] | undefined

/** Seconds for which an answer is fresh (RP-11). */
const freshFor = 60
/** The largest number of cached answers. Answers without a registration have a cache of the same size (RP-11). */
const maxAnswers = 1000
/** The time-out of one call of the issuer function, in seconds. */
const answerTime = 1.5
/** The largest number of calls that run at the same time for tokens of issuers that are not in the cache. */
const maxUnknownCalls = 7
/** The largest number of calls that run at the same time for tokens of issuers that are in the cache. */
const maxKnownCalls = 3
/**
 * The number of calls that may fail in a burst, and the seconds until one more call may fail. The number must not be below
 * `maxUnknownCalls`.
 */
const maxFailures = 10
const failureRefill = 1
/** The largest number of tokens that wait for a call. */
const maxWaiting = 1000
/** The largest number of key sets that have verified a signature. Listed issuers do not count. */
const maxProven = 1000
/** The largest number of key sets that have not verified a signature. */
const maxUnproven = 100

export interface IssuersOptions extends RemoteKeysOptions {
  issuers: readonly TrustedIssuer[] | ((iss: string) => ResolvedIssuer | Promise<ResolvedIssuer>)
}

/** The cause of a call. Anybody can send tokens, so calls for tokens are limited. A session never waits for a token. */
type Caller = 'token' | 'session'

/** The trusted issuers and their key sets. */
export interface Issuers extends IssuerSource {
  /** Does the same as `find`, for the issuer of a session. */
  findForSession: IssuerSource['find']
  /** Fetches the keys of all listed issuers. */
  warm(): Promise<void>
}

/** A cached answer of the issuer function. */
type Answer = readonly [
  registrations: readonly Registration[],
  answeredAt: number,
  /** The permits for more calls of the function while the answer is fresh. Tokens and sessions have separate permits. */
  takeCall: Readonly<Record<Caller, TokenBucket>>,
]

const isRemote = (registration: Registration): boolean =>
  registration.keys ? registration.keys instanceof URL : !needsNoKeys(registration)

/** The key sets of one receiver. Issuers that never verified a signature cannot push out the other issuers (RP-11). */
export type KeySets = readonly [
  proven: Map<string, RemoteKeys>,
  unproven: Map<string, RemoteKeys>,
  budgets: Map<string, TokenBucket>,
]

/** @param listed The number of issuers in the configuration. */
export const createKeySets = (listed = 0): KeySets => [
  new LruMap(maxProven + listed),
  new LruMap(maxUnproven),
  new LruMap(maxProven + listed),
]

type Limit = <T>(work: () => Promise<T>) => Promise<T>

const unlimited: Limit = (work) => work()

/**
 * Limits the number of calls in progress, and the number of calls that fail. The newest waiting call runs first, because the
 * oldest calls are about to time out.
 */
function createCallLimit(maxCalls: number): Limit {
  const running = singleFlight<Flight<unknown>>(answerTime)
  const waiting: ((turn?: Promise<never>) => void)[] = []
  const takeCall = createTokenBucket(maxFailures, failureRefill)
  const refuse = async (): Promise<never> => {
    throw new Error('too many calls')
  }
  return async <T>(work: () => Promise<T>) => {
    const until = monotonicNow() + answerTime
    try {
      while (running.size() >= maxCalls || !takeCall()) {
        await new Promise<void>((resolve) => {
          waiting.push(resolve)
          if (waiting.length > maxWaiting) waiting.shift()!(refuse())
        })
        if (monotonicNow() > until) await refuse()
      }
      const answer = (await running.run(work, {}).result) as T
      takeCall(-1)
      return answer
    } finally {
      waiting.pop()?.()
    }
  }
}

/**
 * @param sets Key sets that several receivers share. Without this parameter, keys are fetched in the background at first use.
 */
export function createIssuers(options: IssuersOptions, sets?: KeySets): Issuers {
  const { issuers, onError = () => {} } = options

  /** Checks registrations: each client of an issuer is listed once, and all clients of an issuer have the same keys. */
  const registerAll = (list: readonly TrustedIssuer[]): Registration[] => {
    const registrations = list.map(register)
    const clients = new Set<string>()
    const keysAt = new Map<string, unknown>()
    for (const [index, registration] of registrations.entries()) {
      const { issuer, clientId, keys } = registration
      const path = `issuers[${index}].`
      if (isRemote(registration)) requireAddress(registration, path, options.allowInsecureRequests)
      clients.add(JSON.stringify([issuer, clientId]))
      if (needsNoKeys(registration)) continue
      const id = typeof keys === 'function' ? keys : `${JSON.stringify(keys)}`
      const isSame = (keysAt.get(issuer) ?? id) === id
      requireOption(isSame, `${path}keys`, 'must be the same for one issuer')
      keysAt.set(issuer, id)
    }
    requireOption(clients.size === list.length, 'issuers', 'must not repeat a clientId')
    return registrations
  }

  const isList = Array.isArray(issuers)
  const all = isList ? registerAll(issuers) : []
  const [proven, unproven, budgets] = sets ?? createKeySets(all.length)

  const answers = new LruMap<Answer>(maxAnswers)
  const emptyAnswers = new LruMap<Answer>(maxAnswers)
  const cached = (iss: string): Answer | undefined => answers.get(iss) ?? emptyAnswers.get(iss)
  // Tokens with invented issuers must not delay the tokens of issuers that the function has found before.
  const limitUnknown = createCallLimit(maxUnknownCalls)
  const limitKnown = createCallLimit(maxKnownCalls)
  const calls = singleFlight<Flight<readonly Registration[]>>(answerTime)

  const callFunction = async (iss: string, caller: Caller): Promise<readonly Registration[]> => {
    const call = async (): Promise<readonly Registration[]> => {
      const answer = await (issuers as (iss: string) => ResolvedIssuer | Promise<ResolvedIssuer>)(iss)
      const answered = registerAll([answer ?? []].flat())
      const isOfIssuer = answered.every(({ issuer, sessionIssuer }) => issuer === iss || sessionIssuer === iss)
      requireOption(isOfIssuer, 'issuers', 'must have the requested issuer')
      return answered
    }
    const limit = caller === 'session' ? unlimited : answers.has(iss) ? limitKnown : limitUnknown
    const registrations = await withTimeout(
      answerTime,
      () => limit(call),
      (error) => asLogoutError('the issuer function', withoutClaims(error, [iss])),
    )
    const [, , takeCall = { token: createTokenBucket(4, 15), session: createTokenBucket(4, 15) }] = cached(iss) ?? []
    answers.delete(iss)
    emptyAnswers.delete(iss)
    const cache = registrations[0] ? answers : emptyAnswers
    cache.set(iss, [registrations, monotonicNow(), takeCall])
    return registrations
  }

  const findFor =
    (caller: Caller): IssuerSource['find'] =>
    (iss, isWanted) => {
      const isOfIssuer = ({ issuer, sessionIssuer = issuer }: Registration): boolean =>
        (caller === 'token' ? issuer : sessionIssuer) === iss
      if (isList) return all.filter(isOfIssuer)
      const call = async (): Promise<readonly Registration[]> =>
        (await calls.run(() => callFunction(iss, caller), `${caller} ${iss}`).result).filter(isOfIssuer)
      const answer = cached(iss)
      if (!answer) return call()
      const [answered, answeredAt, takeCall] = answer
      const registrations = answered.filter(isOfIssuer)
      const age = monotonicNow() - answeredAt
      const isComplete = registrations.some(isWanted)
      if (isComplete && age < 2 * freshFor) {
        if (age >= freshFor) call().catch(onError)
        return registrations
      }
      // A client or a tenant may be newer than the answer. Most providers send a logout only once, so the function is called
      // again now.
      return age >= freshFor || takeCall[caller]() ? call() : registrations
    }

  const remoteKeys = (registration: Registration): RemoteKeys => {
    const name = keySetName(registration)
    const keySet = proven.get(name) ?? unproven.get(name)
    if (keySet) return keySet
    const onProven = (provenSet: RemoteKeys): void => {
      unproven.delete(name)
      proven.set(name, provenSet)
    }
    const newSet = createRemoteKeys(registration, { ...options, budgets, isProven: isList, onProven })
    ;(isList ? proven : unproven).set(name, newSet)
    return newSet
  }

  const warmAll = (): Promise<void>[] => all.filter(isRemote).map((registration) => remoteKeys(registration).warm())

  // On Cloudflare Workers, a fetch ends together with its request. Other requests that share the fetch would wait for ever.
  let hasPrefetched = !!sets || globalThis.navigator?.userAgent === 'Cloudflare-Workers'
  /**
   * Fetches the keys of all listed issuers in the background. Runs once, at the first check of a session or of a signature.
   */
  const prefetch = (): void => {
    if (hasPrefetched) return
    hasPrefetched = true
    for (const warmed of warmAll()) warmed.catch(onError)
  }

  const findForSession = findFor('session')
  return {
    all,
    find: findFor('token'),
    findForSession(iss, isWanted) {
      prefetch()
      return findForSession(iss, isWanted)
    },
    keysOf(registration) {
      prefetch()
      return isRemote(registration) ? remoteKeys(registration) : localKeys(registration.keys as LocalKeys)
    },
    async warm() {
      await Promise.all(warmAll())
    },
  }
}
