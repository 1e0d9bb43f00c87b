import { createLocalJWKSet, errors, type CryptoKey, type JWK, type JWTVerifyGetKey } from 'jose'
import { readText } from '../util/read-text.js'
import { codeOf, keysUnavailable } from '../errors.js'
import { isObject, type JSONObject } from '../util/objects.js'
import { monotonicNow } from '../util/clock.js'
import { LruMap } from '../util/lru-map.js'
import { runGuarded } from '../util/run-guarded.js'
import { singleFlight, type Flight } from '../util/single-flight.js'
import { pause } from '../util/timers.js'
import { createTokenBucket } from '../util/token-bucket.js'
import { withTimeout } from '../util/with-timeout.js'

/** Seconds after which a key set is stale, and seconds for which the last good keys count (RP-51, RP-53). */
const freshFor = 600
const goodFor = 86_400
/** Seconds that a token waits for the refresh of a stale set, and seconds until such a refresh is tried again. */
const staleWait = 1
const staleRetry = 30
/** The time-out of a fetch in the background, in seconds (RP-51). */
const fetchTime = 5
/** The time-out of discovery and keys together within a request, in seconds. */
const defaultKeysTimeout = 1.5
/** The largest answer that is read from a provider, in bytes. */
const maxBytes = 256 * 1024
/** Seconds for which a missing `kid` is not looked for again, and how many are remembered (RP-52). */
const missedFor = 30
/** Seconds for which a key that was fetched because of a bad signature is not fetched for that reason again. */
const renewedFor = 15
const maxMissed = 1000

/** Fetches for issuers that never proved themselves, in the whole process: 8 at once, then 5 a second (RP-11). */
const strangerPermit = createTokenBucket(8, 0.2)

/** The requests that one issuer may be asked. It outlives the key set (RP-52). */
export interface KeyBudget {
  look(): boolean
  discovery(): boolean
  /** Reserved for the refresh of a stale set: unknown keys cannot use it up. */
  stale(): boolean
}

const createBudget = (): KeyBudget => ({
  look: createTokenBucket(4, 15),
  discovery: createTokenBucket(1, 15),
  stale: createTokenBucket(1, freshFor),
})

/** Where keys are: at an issuer, by discovery, or at a URL. */
export interface KeyLocation {
  issuer: string
  keys?: unknown
}

export interface RemoteKeysOptions {
  fetch?: typeof fetch | undefined
  allowInsecureRequests?: boolean | undefined
  /** The time-out of discovery and keys together within a request, in seconds. */
  keysTimeout?: number | undefined
  onError?: ((error: unknown) => void) | undefined
  /** False for an issuer that a function named: its fetches need permits of the process. @default true */
  isProven?: boolean
  /** Called when a key has verified a signature for the first time. */
  onProven?: (keySet: RemoteKeys) => void
  /** The budgets of all issuers, by {@link keySetName}. They outlive the key sets. */
  budgets?: Map<string, KeyBudget>
}

/** What tells key sets apart: the address of the keys and the issuer. */
export const keySetName = ({ keys, issuer }: KeyLocation): string => `${keys} ${issuer}`

/** Finds the key of a token, and can refresh the key set when a signature does not fit. */
export interface KeySource {
  getKey: JWTVerifyGetKey
  /**
   * Fetches the keys again, unless that happened after `since` (monotonic seconds). Resolves to false if this `kid` was
   * looked at a short time ago: then its key is as it was.
   *
   * @throws when the fetch fails, or when the issuer may not be asked now.
   */
  renew?(since: number, kid: unknown): Promise<boolean>
  /** Reports that a key of this source has verified a signature. */
  prove?(): void
}

/** The keys of one issuer, for the life of the process. */
export interface RemoteKeys extends Required<KeySource> {
  /** Fetches the keys unless good keys are there. */
  warm(): Promise<void>
}

const loopback = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/

/** Whether a host is this machine. */
const isLoopback = (url: string): boolean => URL.canParse(url) && loopback.test(new URL(url).hostname)

/** Whether an address may be asked: `https:`, or `http:` to this machine, or any `http:` where that is allowed. */
export const isAllowed = (url: string, allowInsecureRequests: boolean | undefined): boolean =>
  /^https:\/\/[^/]/i.test(url) || (/^http:\/\/[^/]/i.test(url) && (allowInsecureRequests || isLoopback(url)))

/**
 * Keys from a JWK Set URL, or from an issuer's discovery document (RP-50 to RP-54). A known key of a fresh set answers
 * at once. A stale set is refreshed first. An unknown key causes a fetch, as far as the issuer's budget allows.
 */
export function createRemoteKeys(location: KeyLocation, options: RemoteKeysOptions): RemoteKeys {
  const { issuer } = location
  const { keysTimeout = defaultKeysTimeout, budgets = new Map<string, KeyBudget>() } = options
  let { isProven = true } = options
  const name = keySetName(location)
  const isDiscovered = !location.keys
  let jwksUri = String(location.keys)
  let keys: ReturnType<typeof createLocalJWKSet> | undefined
  let loadedAt = -Infinity
  /** When the request began that brought the keys. */
  let askedAt = -Infinity
  let refreshAt = 0
  const backgroundTime = Math.max(fetchTime, keysTimeout)
  const flights = singleFlight<Flight<void>>(backgroundTime)
  const missed = new LruMap<number>(maxMissed)

  const get = async (url: string, signal: AbortSignal): Promise<JSONObject> => {
    const { status, body } = await (options.fetch ?? fetch)(url, {
      headers: { accept: 'application/json' },
      redirect: 'manual',
      signal,
    })
    const json = status === 200 && body ? await readText(body, maxBytes) : runGuarded(() => body?.cancel())
    if (!json) throw new Error(`${url} answered ${status}, or too much`)
    return JSON.parse(json) as JSONObject
  }

  const discover = async (signal: AbortSignal): Promise<string> => {
    if (!isDiscovered) return jwksUri
    const found = await get(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, signal)
    if (found['issuer'] !== issuer) throw new Error(`discovery is not of ${issuer}`)
    const uri = found['jwks_uri'] as string
    // A remote provider must not make this server call itself (RP-54).
    if (
      !isAllowed(uri, options.allowInsecureRequests) ||
      (/^http:/i.test(uri) && isLoopback(uri) && !isLoopback(issuer))
    )
      throw new Error(`jwks_uri ${uri} is not allowed`)
    return uri
  }

  const load = async (uri: string, signal: AbortSignal): Promise<void> => {
    const from = monotonicNow()
    const members = (await get(uri, signal))['keys'] as JWK[]
    // A fetch that started earlier can finish later. It must not overwrite newer keys.
    if (from < askedAt) return
    keys = createLocalJWKSet({ keys: members.filter(isObject) })
    jwksUri = uri
    askedAt = from
    loadedAt = monotonicNow()
  }

  const spend = (allow: () => boolean): void => {
    if (!allow()) throw new Error('too many requests for keys')
  }

  /** Pays for a fetch. An issuer that never proved itself also needs a permit of the process, and waits for it. */
  const pay = async (isRefresh = false): Promise<void> => {
    let budget = budgets.get(name)
    const known = budget
    if (known && !(isRefresh && known.stale())) spend(known.look)
    for (let wait = 0.05; !isProven && !strangerPermit(); wait *= 2) {
      if (wait > keysTimeout / 2) spend(() => false)
      await pause(wait)
    }
    budget = known ?? createBudget()
    // Only a fetch that was paid for puts a budget into the bounded map, so forged tokens cannot push others out.
    budgets.set(name, budget)
    if (!known) budget.look()
  }

  type Fetching = (signal: AbortSignal) => Promise<void>
  /** Waits for the fetch that is under way, or starts one that later callers share. */
  const join = (work: Fetching, kind = ''): Flight<void> =>
    flights.run(() => withTimeout(backgroundTime, () => work(AbortSignal.timeout(backgroundTime * 1000))), kind)

  const isGood = (): boolean => monotonicNow() - loadedAt <= goodFor
  const isStale = (): boolean => monotonicNow() - loadedAt >= freshFor

  const match = (args: Parameters<JWTVerifyGetKey>): Promise<CryptoKey | undefined> =>
    keys!(...args).catch((error: unknown) => {
      if (codeOf(error) !== 'ERR_JWKS_NO_MATCHING_KEY') throw error
    }) as Promise<CryptoKey | undefined>

  const isMissed = (id: string): boolean => monotonicNow() < missed.get(id)!

  const reload = async (signal: AbortSignal): Promise<void> => {
    await pay()
    await load(await discover(signal), signal)
  }

  /** Fetches the keys again from the same place, and reads discovery again if that did not help. */
  const look = async (signal: AbortSignal, hasKey: () => Promise<unknown>): Promise<void> => {
    const known = jwksUri
    await pay()
    const failure: unknown = await load(known, signal).catch((error: unknown) => error)
    if (isDiscovered && !signal.aborted && (failure || !(await hasKey().catch(() => true)))) {
      spend(budgets.get(name)!.discovery)
      const uri = await discover(signal)
      if (uri !== known) return load(uri, signal)
    }
    if (failure) throw failure
  }

  /** Refreshes a stale set, and waits a short time for it: the provider may have withdrawn a key (RP-51). */
  const refresh = async (): Promise<void> => {
    let run = flights.get('refresh')
    if (!run && monotonicNow() >= refreshAt) {
      refreshAt = monotonicNow() + staleWait + staleRetry
      run = join(async (signal) => {
        await pay(true)
        budgets.get(name)!.discovery()
        await load(await discover(signal), signal)
      }, 'refresh')
      run.result.catch((error: unknown) => options.onError?.(keysUnavailable(error)))
    }
    // All tokens stop waiting at the same moment, so a silent provider delays them once.
    const left = run ? run.until / 1000 - backgroundTime + staleWait - monotonicNow() : 0
    if (left > 0) await withTimeout(left, () => run!.result).catch(() => {})
  }

  const find = async (args: Parameters<JWTVerifyGetKey>): Promise<CryptoKey> => {
    const cameAt = monotonicNow()
    const wanted = JSON.stringify([args[0].alg, args[0].kid])
    if (!isGood()) await join(reload).result
    else if (isStale()) await refresh()
    else await flights.get()?.result.catch(() => {})
    let key = await match(args)
    // A fetch that began before this token came may have been answered before its key was published.
    if (!key && askedAt < cameAt && !isMissed(wanted)) {
      // A fetch that fails for the token that began it may have brought the key of this one.
      const run = join((signal) => look(signal, () => match(args)))
      const failure: unknown = await run.result.catch((error: unknown) => error)
      key = await match(args)
      if (!key && failure) throw failure
    }
    if (key) return key
    if (askedAt >= cameAt) missed.set(wanted, monotonicNow() + missedFor)
    throw new errors.JWKSNoMatchingKey()
  }

  const keySet: RemoteKeys = {
    async getKey(...args) {
      const key = !isStale() && (await match(args))
      return key || withTimeout(keysTimeout, () => find(args))
    },
    async renew(since, kid) {
      if (askedAt >= since) return true
      const id = `${kid}`
      if (isMissed(id)) return false
      await withTimeout(
        since + keysTimeout - monotonicNow(),
        () => join((signal) => look(signal, async () => true)).result,
      )
      missed.set(id, monotonicNow() + renewedFor)
      return true
    },
    prove() {
      if (isProven) return
      isProven = true
      options.onProven?.(keySet)
    },
    warm: () =>
      withTimeout(backgroundTime, async () => isGood() || join(reload).result).catch((error: unknown) => {
        throw keysUnavailable(error)
      }) as Promise<void>,
  }
  return keySet
}
