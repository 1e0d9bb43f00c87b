import type { CryptoKey, JWK, JWTVerifyGetKey } from 'jose'
import { createFetchPermits, type FetchLimits } from './fetch-permits.js'
import { createKeySet, type FindKey } from './key-set.js'
import { codeOf, keysUnavailable } from '../errors.js'
import { isObject } from '../util/objects.js'
import { requireOption } from '../util/options.js'
import { monotonicNow } from '../util/clock.js'
import { LruMap } from '../util/lru-map.js'
import { singleFlight, type Flight } from '../util/single-flight.js'
import { createTokenBucket, requirePermit } from '../util/token-bucket.js'
import { withTimeout } from '../util/with-timeout.js'
import {
  discoveryUrl,
  fetchJson,
  isAllowed,
  isLoopback,
  metadataAt,
  type FetchOptions,
  type KeyLocation,
  type ReadMetadata,
} from './discovery.js'

/** Seconds after which a JWK Set is stale (RP-51). */
const freshFor = 600
/** Seconds for which the last keys are used if the provider does not answer (RP-53). */
const goodFor = 86_400
/** Seconds that a token waits for the refresh of a stale set (RP-51). */
const staleWait = 1
/** Seconds between the starts of two refreshes of a stale set (RP-52). */
const refreshInterval = 31
/** The time-out of a fetch in the background, in seconds (RP-51). */
const fetchTime = 5
/** The default time-out of discovery and keys together within a request, in seconds. */
export const defaultKeysTimeout = 1.5
/**
 * Seconds for which a `kid` causes no other fetch after a fetched JWK Set lacked the `kid`. In this time, tokens with the
 * `kid` get the error for unavailable keys (RP-52g).
 */
const absentFor = 30
/** Seconds for which a `kid` causes no other fetch after a bad signature with the `kid` caused a fetch (RP-52). */
const renewedFor = 15
/**
 * The largest number of `kid` values that `absentFor` and `renewedFor` remember. An attacker can choose these values. Each
 * issuer has its own, and each value can have 1,024 characters.
 */
const maxRemembered = 100

export interface RemoteKeysOptions extends FetchOptions, FetchLimits {
  /** The time-out of discovery and keys together within a request, in seconds. */
  keysTimeout?: number | undefined
  onError?: ((error: unknown) => void) | undefined
  /** Reads the metadata of the issuer. @default OpenID Connect Discovery */
  readMetadata?: ReadMetadata
  /**
   * Called when a key verifies a signature for the first time. Set this option for an issuer that a function found. Until
   * this call, the fetches of the issuer also count against the limit of the process.
   */
  onProven?: ((keySet: RemoteKeys) => void) | undefined
}

/** Identifies a JWK Set by the address of the keys and the issuer. */
export const keySetName = ({ keys, issuer }: KeyLocation): string => `${keys} ${issuer}`

/** Finds the key of a token, and can fetch the keys again after a bad signature. */
export interface KeySource {
  getKey: JWTVerifyGetKey
  /**
   * Fetches the keys again, unless a fetch began after `since` (monotonic seconds). Resolves to the new keys. If this `kid`
   * caused a fetch a short time ago, resolves to `undefined` without a fetch.
   *
   * @throws if the fetch fails, or if the issuer's budget is used up.
   */
  renew?(since: number, kid: unknown): Promise<FindKey | undefined>
  /** Call it when a key of this source has verified a signature. */
  prove?(): void
}

/** The keys of one issuer, for the life of the process. */
export interface RemoteKeys extends Required<KeySource> {
  /** Fetches the keys, unless the cached keys are usable for at least 12 hours more. */
  warm(): Promise<void>
}

/**
 * Keys from a JWK Set URL, or from an issuer's discovery document (RP-50 to RP-54). A key of a fresh set is returned at once.
 * A set older than 10 minutes is stale, and is refreshed first. An unknown `kid` causes a fetch, if the issuer's budget allows
 * it.
 */
export function createRemoteKeys(location: KeyLocation, options: RemoteKeysOptions): RemoteKeys {
  const {
    keysTimeout = defaultKeysTimeout,
    readMetadata = metadataAt(discoveryUrl(location.issuer), location.issuer, options),
  } = options
  let { onProven } = options
  const isDiscovered = !location.keys
  let jwksUri = String(location.keys)
  let keys: FindKey | undefined
  /** The time when the request for the current keys began. */
  let requestedAt = -Infinity
  /** The time when the last discovery of the current URL began. Without discovery, it does not matter. */
  let discoveredAt = Infinity
  /** The last refresh of a stale set. */
  let refreshed: Promise<void> | undefined
  /** The time when the last refresh of a stale set began. */
  let refreshedAt = -Infinity
  const takeDiscovery = createTokenBucket(1, 15)
  const takePermits = createFetchPermits(keySetName(location), options, keysTimeout / 2)
  const backgroundTime = Math.ceil(Math.max(fetchTime, keysTimeout))
  const flights = singleFlight<Flight<void>>(backgroundTime)
  /**
   * For each `kid` that caused a fetch, the time until which it causes no other fetch. The key is `alg` and `kid` after a missing
   * key, and the `kid` alone after a bad signature.
   */
  const noFetchUntil = new LruMap<number>(maxRemembered)

  // The provider may have moved its keys, and the old URL may still answer. So the age of the discovery also counts.
  const age = (): number => monotonicNow() - Math.min(requestedAt, discoveredAt)

  const match = async (args: Parameters<JWTVerifyGetKey>): Promise<CryptoKey | undefined> => {
    try {
      return await keys!(...args)
    } catch (error) {
      // Any other error means that the set has no usable key: there is no key, or the key cannot be imported.
      if (codeOf(error) === 'ERR_JWKS_MULTIPLE_MATCHING_KEYS') throw error
    }
    return undefined
  }

  const discover = async (signal: AbortSignal): Promise<string> => {
    if (!isDiscovered) return jwksUri
    const { metadata, url } = await readMetadata(signal)
    const uri = metadata['jwks_uri'] as string
    // A remote provider must not make this server send a request to itself (RP-54).
    requireOption(isAllowed(uri, options.allowInsecureRequests, isLoopback(url)), 'jwks_uri', 'is not allowed', uri)
    return uri
  }

  const load = async (uri: string, signal: AbortSignal): Promise<void> => {
    const beganAt = monotonicNow()
    const members = ((await fetchJson(uri, signal, options))['keys'] as JWK[]).filter(isObject)
    // If jose cannot import a key, it tries again for each token. So the number of keys is limited (RP-54c).
    requireOption(!!members[0] && !members[100], uri, 'must have 1 to 100 keys')
    // A fetch that started earlier can finish later. It must not overwrite newer keys.
    if (beganAt < requestedAt) return
    // The keys of another URL need their own discovery. Until then, they are stale.
    if (uri !== jwksUri) discoveredAt = beganAt - freshFor
    keys = createKeySet({ keys: members })
    jwksUri = uri
    requestedAt = beganAt
  }

  /**
   * Reads the metadata, and loads the keys from the URL.
   *
   * @param known If the metadata have this URL, the keys are not loaded again, and the promise resolves to false.
   */
  const rediscover = async (signal: AbortSignal, known?: string): Promise<boolean> => {
    const beganAt = monotonicNow()
    const uri = await discover(signal)
    const isNew = uri !== known
    if (isNew) await load(uri, signal)
    // The keys of another URL can have arrived in the meantime.
    if (isDiscovered && uri === jwksUri) discoveredAt = beganAt
    return isNew
  }

  /** Reads the metadata, and loads the keys. */
  const reload = async (signal: AbortSignal, isReserved?: boolean): Promise<void> => {
    await takePermits(!!onProven, !keys, isReserved)
    // The first load takes no permit for discovery. So if a key is missing right after the first load, discovery can
    // run again.
    if (keys) takeDiscovery()
    await rediscover(signal)
  }

  /**
   * Loads the keys again from the same URL. If that fails, is slow or is not enough, reads the metadata. If the provider has moved
   * its keys, the old URL can fail, can hang, or can still have the old keys.
   */
  const reloadUntil = async (signal: AbortSignal, isEnough: () => Promise<unknown>): Promise<void> => {
    const uri = jwksUri
    await takePermits(!!onProven, !keys)
    const loading = load(uri, signal)
    const failure: unknown = await withTimeout(keysTimeout / 2, () => loading).catch((error: unknown) => error)
    if (isDiscovered && (failure || !(await isEnough().catch(() => true)))) {
      try {
        requirePermit(takeDiscovery(), failure)
        if (await rediscover(signal, uri)) return
      } catch (error) {
        await loading
        if (!(await isEnough())) throw error
      }
    }
    await loading
  }

  const runInBackground = (work: (signal: AbortSignal) => Promise<void>): Promise<void> =>
    withTimeout(backgroundTime, () => work(AbortSignal.timeout(backgroundTime * 1000)))

  /** Waits for the fetch in progress, or starts a fetch. Later callers share the fetch. */
  const join = (work: (signal: AbortSignal) => Promise<void>): Promise<void> =>
    flights.run(() => runInBackground(work)).result

  /**
   * Refreshes a stale set, because the provider may have withdrawn a key. Waits only a short time for the refresh (RP-51).
   */
  const refresh = async (): Promise<void> => {
    if (monotonicNow() >= refreshedAt + refreshInterval) {
      // The first refresh of each set needs no permit of the budget, because forged tokens can use up the budget.
      const isReserved = refreshedAt <= requestedAt
      refreshedAt = monotonicNow()
      refreshed = runInBackground((signal) => reload(signal, isReserved))
      refreshed.catch((error: unknown) => options.onError?.(keysUnavailable(error)))
    }
    // All tokens stop waiting at the same moment, so a silent provider delays tokens only once.
    const wait = refreshedAt + staleWait - monotonicNow()
    if (wait > 0) await withTimeout(wait, () => refreshed).catch(() => {})
  }

  const find = async (args: Parameters<JWTVerifyGetKey>): Promise<CryptoKey> => {
    const startedAt = monotonicNow()
    const id = `${args[0].alg} ${args[0].kid}`
    if (age() > goodFor) await join(reload)
    else if (age() >= freshFor) await refresh()
    else await flights.get()?.result.catch(() => {})
    let key = await match(args)
    // The provider may have just published this key. A fetch that began before the token arrived may lack the key.
    while (!key && requestedAt < startedAt) {
      requirePermit(!(monotonicNow() < noFetchUntil.get(id)!))
      await join((signal) => reloadUntil(signal, () => match(args)))
      key = await match(args)
    }
    if (key) return key
    noFetchUntil.set(id, monotonicNow() + absentFor)
    // Throws the error of jose, because the key is missing.
    return keys!(...args)
  }

  const keySet: RemoteKeys = {
    async getKey(...args) {
      let key = age() < freshFor && (await match(args))
      try {
        return key || (await withTimeout(keysTimeout, () => find(args)))
      } catch (error) {
        // Several tokens share a fetch. The fetch can load the key of this token, and then fail or hang in a step for another
        // token. So a failure counts only if the key of this token is still missing.
        key = age() <= goodFor && (await match(args))
        if (key) return key
        throw error
      }
    },
    async renew(since, kid) {
      // The old URL of moved keys may still answer. So the metadata must not be much older than the keys.
      const isRenewed = async () => requestedAt >= since && monotonicNow() < discoveredAt + absentFor
      if (!(await isRenewed()) && !(monotonicNow() < noFetchUntil.get(kid as string)!)) {
        await withTimeout(since + keysTimeout - monotonicNow(), async () => {
          // A fetch that began before `since` may have loaded the old key, and its failure does not count.
          await flights.get()?.result.catch(() => {})
          if (!(await isRenewed())) await join((signal) => reloadUntil(signal, isRenewed))
        }).catch((error: unknown) => {
          // The fetch can also fail after it has loaded the keys.
          if (requestedAt < since) throw error
        })
        noFetchUntil.set(kid as string, monotonicNow() + renewedFor)
      }
      return requestedAt < since ? undefined : keys
    },
    prove() {
      onProven?.(keySet)
      onProven = undefined
    },
    async warm() {
      await withTimeout(backgroundTime, async () => age() < goodFor / 2 || join(reload), keysUnavailable)
    },
  }
  return keySet
}
