import { createLocalJWKSet, errors, type CryptoKey, type JWK, type JWTVerifyGetKey } from 'jose'
import { readText } from './bytes.js'
import { codeOf, keysUnavailable } from './errors.js'
import { isObject, type JSONObject } from './objects.js'
import { createBucket, createShared, remember, tell, within, type Run } from './time.js'

/** Seconds after which a key set is refreshed beside its use, and until when an unrefreshed one still counts (RP-51, RP-53). */
const freshFor = 600
const goodFor = 86_400
/** Seconds between background refreshes that fail. */
const retryAfter = 60
/** Seconds that a token waits for keys, and that a fetch beside it may take (RP-51). */
const requestTime = 1.5
const fetchTime = 5
/** The largest answer read from a provider. */
const maxBytes = 256 * 1024
/** Seconds for which a key that was looked for in vain is not looked for again, and how many are remembered (RP-52). */
const missedFor = 30
const maxMissed = 1000

/** Discoveries of issuers that a function answered with: all receivers of the process have them from here (RP-11). */
const firstPermit = createBucket(32, 1, () => performance.now() / 1000)

/** Where keys are: at an issuer, by discovery, or at a URL. */
export interface KeyLocation {
  issuer: string
  keys?: unknown
}

export interface RemoteKeysOptions {
  fetch?: typeof fetch | undefined
  allowInsecureRequests?: boolean | undefined
  now: () => number
  onError?: ((error: unknown) => void) | undefined
  /** Whether the first request of all needs a permit of the process. */
  isBudgeted?: boolean
}

/** The keys of one issuer, for the life of the process. */
export interface RemoteKeys {
  getKey: JWTVerifyGetKey
  /** Fetches the keys unless good ones are at hand. */
  warm(): Promise<void>
}

/** What may be asked: `https:`, `http:` to this machine, and to others where that is allowed. */
export const isAllowed = (url: string, allowInsecureRequests: boolean | undefined): boolean =>
  (allowInsecureRequests
    ? /^https?:\/\/[^/]/i
    : /^https:\/\/[^/]|^http:\/\/(?:localhost|127(?:\.\d+){3}|\[::1\])(?::\d+)?(?:\/|$)/i
  ).test(url)

/**
 * Keys from a JWK Set URL, or from an issuer's discovery document (RP-50 to RP-54). A known key answers at once; an
 * unknown one makes the set be fetched again, within a bucket of permits that failures use up too.
 */
export function createRemoteKeys(location: KeyLocation, options: RemoteKeysOptions): RemoteKeys {
  const { now } = options
  const { issuer } = location
  const isDiscovered = !location.keys
  let jwksUri = String(location.keys)
  let keys: ReturnType<typeof createLocalJWKSet> | undefined
  let loadedAt = 0
  let refreshAt = 0
  let refreshed = Promise.resolve()
  let loadedFrom = -1
  let { isBudgeted } = options
  const flights = createShared<Run<void>>(fetchTime)
  const permit = createBucket(4, 15, now)
  const discoveryPermit = createBucket(1, 15, now)
  const missed = new Map<string, number>()

  const get = async (url: string, signal: AbortSignal): Promise<JSONObject> => {
    if (!isAllowed(url, options.allowInsecureRequests)) throw new Error(`${url} is not https`)
    const { status, body } = await (options.fetch ?? fetch)(url, {
      headers: { accept: 'application/json' },
      redirect: 'manual',
      signal,
    })
    const json = status === 200 && body ? await readText(body, maxBytes) : tell(() => body?.cancel())
    if (!json) throw new Error(`${url} answered ${status}, or too much`)
    return JSON.parse(json) as JSONObject
  }

  const discover = async (signal: AbortSignal): Promise<string> => {
    if (!isDiscovered) return jwksUri
    const found = await get(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, signal)
    if (found['issuer'] !== issuer) throw new Error(`discovery is not of ${issuer}`)
    return found['jwks_uri'] as string
  }

  const load = async (uri: string, signal: AbortSignal): Promise<void> => {
    const from = performance.now()
    const members = (await get(uri, signal))['keys'] as JWK[]
    // What was asked for before what there is may be older.
    if (from < loadedFrom) return
    keys = createLocalJWKSet({ keys: members.filter(isObject) })
    jwksUri = uri
    loadedFrom = from
    loadedAt = now()
    refreshAt = loadedAt + freshFor
  }

  const spend = (allow: () => boolean): void => {
    if (!allow()) throw new Error('too many requests')
  }

  type Fetching = (signal: AbortSignal) => Promise<void>
  const fetching = (work: Fetching): Promise<void> =>
    within(fetchTime, () => work(AbortSignal.timeout(fetchTime * 1000)))

  /** Waits for the fetch that is under way, or for a new one that all who come while it lasts may wait for. */
  const join = (work: Fetching): Promise<void> => flights.join(() => fetching(work)).result

  const reload = async (signal: AbortSignal): Promise<void> => {
    if (isBudgeted) spend(firstPermit)
    isBudgeted = false
    spend(permit)
    await load(await discover(signal), signal)
  }

  const isGood = (): boolean => !!keys && now() - loadedAt <= goodFor

  const match = (args: Parameters<JWTVerifyGetKey>): Promise<CryptoKey | undefined> =>
    keys!(...args).catch((error: unknown) => {
      if (codeOf(error) !== 'ERR_JWKS_NO_MATCHING_KEY') throw error
    }) as Promise<CryptoKey | undefined>

  /** Looks where the keys were, then whether they have moved. */
  const lookFor = async (args: Parameters<JWTVerifyGetKey>, signal: AbortSignal): Promise<void> => {
    const known = jwksUri
    spend(permit)
    const failure: unknown = await load(known, signal).catch((error: unknown) => error)
    if (isDiscovered && !signal.aborted && (failure || !(await match(args).catch(() => true)))) {
      spend(discoveryPermit)
      const uri = await discover(signal)
      if (uri !== known) return load(uri, signal)
    }
    if (failure) throw failure
  }

  /**
   * Refreshes a stale set, unless that was tried a short while ago. Nobody waits for `refreshed` who may ask by himself, for
   * it asks twice, and a runtime may end it with the request that began it.
   */
  const refresh = (): void => {
    if (now() < refreshAt) return
    refreshAt = now() + retryAfter
    refreshed = fetching(reload).catch((error: unknown) => options.onError?.(keysUnavailable(error)))
  }

  const find = async (args: Parameters<JWTVerifyGetKey>): Promise<CryptoKey> => {
    const cameAt = performance.now()
    const wanted = JSON.stringify([args[0].alg, args[0].kid])
    await (isGood() ? flights.get()?.result.catch(() => {}) : join(reload))
    let key = await match(args)
    // A fetch that began before this token came may have been answered before its key was published.
    if (!key && loadedFrom < cameAt && !(now() < missed.get(wanted)!)) {
      // What fails for the token that began it may have brought this one's key.
      const failure: unknown = await join((signal) => lookFor(args, signal)).catch((error: unknown) => error)
      key = await match(args)
      if (!key && failure) throw failure
    }
    if (key) return key
    if (loadedFrom >= cameAt) remember(missed, wanted, now() + missedFor, maxMissed)
    throw new errors.JWKSNoMatchingKey()
  }

  return {
    async getKey(...args) {
      if (isGood()) {
        refresh()
        // Without a kid the old key fits too, so what has changed must be known first.
        if (args[0].kid === undefined) await within(1, () => refreshed).catch(() => {})
        const key = await match(args)
        if (key) return key
      }
      return within(requestTime, () => find(args))
    },
    warm: () =>
      within(fetchTime, async () => isGood() || join(reload)).catch((error: unknown) => {
        throw keysUnavailable(error)
      }) as Promise<void>,
  }
}
