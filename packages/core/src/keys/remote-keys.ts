import { errors, type CryptoKey, type JWK, type JWTVerifyGetKey } from 'jose'
import { createKeySet, type FindKey } from './key-set.js'
import { codeOf, keysUnavailable } from '../errors.js'
import { isObject, type JSONObject } from '../util/objects.js'
import { monotonicNow } from '../util/clock.js'
import { LruMap } from '../util/lru-map.js'
import { singleFlight, type Flight } from '../util/single-flight.js'
import { pause } from '../util/timers.js'
import { createTokenBucket } from '../util/token-bucket.js'
import { withTimeout } from '../util/with-timeout.js'
import { createDiscovery, fetchJson, isAllowed, isLoopback, type FetchOptions, type KeyLocation } from './discovery.js'

/** Seconds after which a key set is stale (RP-51). */
const freshFor = 600
/** Seconds for which the last keys are used if the provider does not answer (RP-53). */
const goodFor = 86_400
/** Seconds that a token waits for the refresh of a stale set (RP-51). */
const staleWait = 1
/** Seconds until the refresh of a stale set is tried again. */
const staleRetry = 30
/** The time-out of a fetch in the background, in seconds (RP-51). */
const fetchTime = 5
/** The default time-out of discovery and keys together within a request, in seconds. */
const defaultKeysTimeout = 1.5
/** If a fetch did not bring the key of a `kid`, tokens with this `kid` fail as an outage for this many seconds (RP-52g). */
const absentFor = 30
/** If a bad signature caused a fetch, its `kid` causes no other fetch for this many seconds (RP-52). */
const renewedFor = 15
/** The largest number of `kid` values that are remembered for these two rules. */
const maxRemembered = 1000

/**
 * Limits the fetches of the whole process for issuers whose keys never verified a signature: 8 at once, then 5 a second
 * (RP-11).
 */
const takeUnprovenFetch = createTokenBucket(8, 0.2)

/** Limits the requests to one issuer. Each function takes a permit. The budget outlives the key set (RP-52). */
export type KeyBudget = readonly [
  takeFetch: () => boolean,
  takeDiscovery: () => boolean,
  /** A permit for the refresh of a stale set. Unknown keys do not use these permits. */
  takeRefresh: () => boolean,
]

const createBudget = (): KeyBudget => [
  createTokenBucket(4, 15),
  createTokenBucket(1, 15),
  createTokenBucket(1, freshFor),
]

export interface RemoteKeysOptions extends FetchOptions {
  /** The time-out of discovery and keys together within a request, in seconds. */
  keysTimeout?: number | undefined
  onError?: ((error: unknown) => void) | undefined
  /** Gets each discovery document, as it was read. */
  onMetadata?: (metadata: JSONObject) => void
  /**
   * False for an issuer that a function found. The fetches of such an issuer also count against the limit of the process.
   * @default true
   */
  isProven?: boolean
  /** Called when a key verifies a signature for the first time. */
  onProven?: (keySet: RemoteKeys) => void
  /** The budgets of all issuers, by {@link keySetName}. They outlive the key sets. */
  budgets?: Map<string, KeyBudget>
}

/** Identifies a key set by the address of the keys and the issuer. */
export const keySetName = ({ keys, issuer }: KeyLocation): string => `${keys} ${issuer}`

/** Finds the key of a token, and can refresh the key set when a signature does not fit. */
export interface KeySource {
  getKey: JWTVerifyGetKey
  /**
   * Fetches the keys again, unless a fetch began after `since` (monotonic seconds). Resolves to false without a fetch if this
   * `kid` caused a fetch a short time ago.
   *
   * @throws if the fetch fails, or if the issuer's budget is used up.
   */
  renew?(since: number, kid: unknown): Promise<boolean>
  /** Call it when a key of this source has verified a signature. */
  prove?(): void
}

/** The keys of one issuer, for the life of the process. */
export interface RemoteKeys extends Required<KeySource> {
  /** Fetches the keys, unless usable keys are there. */
  warm(): Promise<void>
}

function requirePermit(permit: boolean): void {
  if (!permit) throw new Error('too many requests for keys')
}

/**
 * Keys from a JWK Set URL, or from an issuer's discovery document (RP-50 to RP-54). A key of a fresh set is returned at once.
 * A stale set is refreshed first. An unknown `kid` causes a fetch, if the issuer's budget allows it.
 */
export function createRemoteKeys(location: KeyLocation, options: RemoteKeysOptions): RemoteKeys {
  const { keysTimeout = defaultKeysTimeout, budgets = new Map<string, KeyBudget>() } = options
  let { isProven = true } = options
  const name = keySetName(location)
  const isDiscovered = !location.keys
  let jwksUri = String(location.keys)
  let keys: FindKey | undefined
  let loadedAt = -Infinity
  /** The time when the request for the current keys began. */
  let requestedAt = -Infinity
  let nextRefreshAt = 0
  const backgroundTime = Math.max(fetchTime, keysTimeout)
  const flights = singleFlight<Flight<void>>(backgroundTime)
  /** For each `kid`, the time until which it causes no other fetch. */
  const noFetchUntil = new LruMap<number>(maxRemembered)

  const readMetadata = createDiscovery(location, options)
  const discover = async (signal: AbortSignal): Promise<string> => {
    if (!isDiscovered) return jwksUri
    const { metadata, url } = await readMetadata(signal)
    options.onMetadata?.(metadata)
    const uri = metadata['jwks_uri'] as string
    // A remote provider must not make this server call itself (RP-54).
    if (isAllowed(uri, options.allowInsecureRequests, isLoopback(url))) return uri
    throw new Error(`jwks_uri ${uri} is not allowed`)
  }

  const load = async (uri: string, signal: AbortSignal): Promise<void> => {
    const beganAt = monotonicNow()
    const members = (await fetchJson(uri, signal, options))['keys'] as JWK[]
    // A fetch that started earlier can finish later. It must not overwrite newer keys.
    if (beganAt < requestedAt) return
    keys = createKeySet({ keys: members.filter(isObject) })
    jwksUri = uri
    requestedAt = beganAt
    loadedAt = monotonicNow()
  }

  /**
   * Takes the permits for a fetch. An issuer whose keys never verified a signature also needs a permit of the
   * process, and waits for it.
   */
  const pay = async (isRefresh = false): Promise<KeyBudget> => {
    const budget = budgets.get(name) ?? createBudget()
    const [takeFetch, , takeRefresh] = budget
    requirePermit((isRefresh && takeRefresh()) || takeFetch())
    for (let wait = 0.05; !isProven && !takeUnprovenFetch(); wait *= 2) {
      requirePermit(wait <= keysTimeout / 2)
      await pause(wait)
    }
    // The map of budgets is bounded. A budget enters the map only after a paid fetch, so forged tokens cannot push out other
    // budgets.
    budgets.set(name, budget)
    return budget
  }

  /** Waits for the fetch in progress, or starts a fetch. Later callers share the fetch. */
  const join = (work: (signal: AbortSignal) => Promise<void>, kind = ''): Flight<void> =>
    flights.run(() => withTimeout(backgroundTime, () => work(AbortSignal.timeout(backgroundTime * 1000))), kind)

  const age = (): number => monotonicNow() - loadedAt

  const match = async (args: Parameters<JWTVerifyGetKey>): Promise<CryptoKey | undefined> => {
    try {
      return await keys!(...args)
    } catch (error) {
      if (codeOf(error) !== 'ERR_JWKS_NO_MATCHING_KEY') throw error
      return undefined
    }
  }

  const isHeldBack = (id: string): boolean => monotonicNow() < noFetchUntil.get(id)!

  /** Reads the metadata, and loads the keys. */
  const reload = async (signal: AbortSignal, isRefresh?: boolean): Promise<void> => {
    const [, takeDiscovery] = await pay(isRefresh)
    if (isRefresh) takeDiscovery()
    await load(await discover(signal), signal)
  }

  /** Loads the keys again from the same URL. If that does not help, reads the metadata again. */
  const reloadUntil = async (signal: AbortSignal, hasKey: () => Promise<unknown>): Promise<void> => {
    const uri = jwksUri
    const [, takeDiscovery] = await pay()
    const failure: unknown = await load(uri, signal).catch((error: unknown) => error)
    if (isDiscovered && !signal.aborted && (failure || !(await hasKey().catch(() => true)))) {
      requirePermit(takeDiscovery())
      const newUri = await discover(signal)
      if (newUri !== uri) return load(newUri, signal)
    }
    if (failure) throw failure
  }

  /**
   * Refreshes a stale set, because the provider may have withdrawn a key. Waits only a short time for the refresh (RP-51).
   */
  const refresh = async (): Promise<void> => {
    let flight = flights.get('refresh')
    if (!flight && monotonicNow() >= nextRefreshAt) {
      nextRefreshAt = monotonicNow() + staleWait + staleRetry
      flight = join((signal) => reload(signal, true), 'refresh')
      flight.result.catch((error: unknown) => options.onError?.(keysUnavailable(error)))
    }
    // All tokens stop waiting at the same moment, so a silent provider delays tokens only once.
    const wait = nextRefreshAt - staleRetry - monotonicNow()
    if (flight && wait > 0) await withTimeout(wait, () => flight.result).catch(() => {})
  }

  const find = async (args: Parameters<JWTVerifyGetKey>): Promise<CryptoKey> => {
    const startedAt = monotonicNow()
    const id = JSON.stringify([args[0].alg, args[0].kid])
    if (age() > goodFor) await join(reload).result
    else if (age() >= freshFor) await refresh()
    else await flights.get()?.result.catch(() => {})
    let key = await match(args)
    // The provider may have just published this key. A fetch that began before the token arrived may lack the key.
    if (!key && requestedAt < startedAt) {
      requirePermit(!isHeldBack(id))
      // Several tokens share this fetch. Even if the fetch fails for another token, it can bring the key of this token.
      const failure: unknown = await join((signal) => reloadUntil(signal, () => match(args))).result.catch(
        (error: unknown) => error,
      )
      key = await match(args)
      if (!key && failure) throw failure
    }
    if (key) return key
    if (requestedAt >= startedAt) noFetchUntil.set(id, monotonicNow() + absentFor)
    throw new errors.JWKSNoMatchingKey()
  }

  const keySet: RemoteKeys = {
    async getKey(...args) {
      const key = age() < freshFor && (await match(args))
      return key || withTimeout(keysTimeout, () => find(args))
    },
    async renew(since, kid) {
      if (requestedAt >= since) return true
      const id = `${kid}`
      if (isHeldBack(id)) return false
      await withTimeout(since + keysTimeout - monotonicNow(), async () => {
        const refetch = (): Promise<void> => join((signal) => reloadUntil(signal, async () => true)).result
        await refetch()
        // The first call may have joined a fetch in progress, which may have brought the old key.
        if (requestedAt < since) await refetch()
      })
      noFetchUntil.set(id, monotonicNow() + renewedFor)
      return true
    },
    prove() {
      if (isProven) return
      isProven = true
      options.onProven?.(keySet)
    },
    async warm() {
      await withTimeout(backgroundTime, async () => age() <= goodFor || join(reload).result, keysUnavailable)
    },
  }
  return keySet
}
