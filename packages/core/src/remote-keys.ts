import { createLocalJWKSet, errors, type CryptoKey, type JWK, type JWTVerifyGetKey } from 'jose'
import { readText } from './bytes.js'
import { isObject, type JSONObject } from './compact.js'
import { codeOf, keysUnavailable } from './errors.js'
import { createBucket, remember, tell, within } from './time.js'

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

/** Where keys are: at an issuer, by discovery, or at a URL. */
export interface KeyLocation {
  issuer?: string
  jwksUri?: string
}

/** Key sets kept, where others choose whose. */
export const maxKeySets = 1000

export interface RemoteKeysOptions {
  fetch?: typeof fetch | undefined
  allowInsecureRequests?: boolean | undefined
  now: () => number
  onError?: ((error: unknown) => void) | undefined
  /** Asked before the first request of all: may this provider be asked? (RP-11) */
  admit?: (() => boolean) | undefined
}

/** The keys of one issuer, for the life of the process. */
export interface RemoteKeys {
  getKey: JWTVerifyGetKey
  /** Fetches the keys unless good ones are at hand. */
  warm(): Promise<void>
}

/** `https:` anywhere, or `http:` to this machine: what may be asked without `allowInsecureRequests`. */
export function isSecure(url: string): boolean {
  if (!URL.canParse(url)) return false
  const { protocol, hostname } = new URL(url)
  return protocol === 'https:' || (protocol === 'http:' && /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(hostname))
}

/**
 * Keys from a JWK Set URL, or from an issuer's discovery document (RP-50 to RP-54). A known key answers at once; an
 * unknown one makes the set be fetched again, within a bucket of permits that failures use up too.
 */
export function createRemoteKeys({ issuer, jwksUri }: KeyLocation, options: RemoteKeysOptions): RemoteKeys {
  const { now } = options
  let keys: JWTVerifyGetKey | undefined
  let loadedAt = 0
  let refreshAt = 0
  let flight: Promise<void> | undefined
  // A time, not the promise alone: a runtime that ends a request ends its fetches too, and nothing would settle them.
  let flightEndsAt = 0
  let loadedFrom = -1
  const permit = createBucket(4, 15, now)
  const discoveryPermit = createBucket(1, 15, now)
  let first = options.admit
  const missed = new Map<string, number>()

  const get = async (url: string, signal: AbortSignal): Promise<JSONObject> => {
    if (!options.allowInsecureRequests && !isSecure(url)) throw new Error(`${url} is not https`)
    const request = options.fetch ?? fetch
    const { status, body } = await request(url, { headers: { accept: 'application/json' }, redirect: 'manual', signal })
    const json = status === 200 && body ? await readText(body, maxBytes) : tell(() => body?.cancel(), [])
    if (typeof json !== 'string') throw new Error(`${url} answered ${status}, or too much`)
    return JSON.parse(json) as JSONObject
  }

  const discover = async (signal: AbortSignal): Promise<string> => {
    if (!issuer) return jwksUri!
    const found = await get(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, signal)
    if (found['issuer'] !== issuer) throw new Error(`discovery names another issuer than ${issuer}`)
    return found['jwks_uri'] as string
  }

  const load = async (uri: string, signal: AbortSignal): Promise<void> => {
    const from = performance.now()
    const members = (await get(uri, signal))['keys'] as unknown[]
    keys = createLocalJWKSet({ keys: members.filter((member): member is JWK => isObject(member)) })
    jwksUri = uri
    loadedFrom = from
    loadedAt = now()
    refreshAt = loadedAt + freshFor
  }

  const loadAll = async (signal: AbortSignal): Promise<void> => load(await discover(signal), signal)

  const fetching = (work: (signal: AbortSignal) => Promise<void>): Promise<void> =>
    within(fetchTime, 'fetching keys', () => work(AbortSignal.timeout(fetchTime * 1000)))

  /** Waits for the fetch that is under way, or for a new one that all who come while it lasts may wait for. */
  const join = (work: (signal: AbortSignal) => Promise<void>): Promise<void> => {
    const underWay = current()
    if (underWay) return underWay
    flightEndsAt = performance.now() + fetchTime * 1000
    const begun = fetching(work).finally(() => {
      if (flight === begun) flight = undefined
    })
    flight = begun
    return begun
  }

  const current = (): Promise<void> | undefined => (performance.now() < flightEndsAt ? flight : undefined)

  const spend = (allow: () => boolean): void => {
    if (!allow()) throw new Error('keys were asked for too often')
  }

  const ensure = async (): Promise<void> => {
    if (isGood()) return
    await join(async (signal) => {
      if (first) spend(first)
      first = undefined
      spend(permit)
      await loadAll(signal)
    })
  }

  const match: (...args: Parameters<JWTVerifyGetKey>) => Promise<CryptoKey | undefined> = async (...args) => {
    try {
      return (await keys!(...args)) as CryptoKey
    } catch (error) {
      if (codeOf(error) !== 'ERR_JWKS_NO_MATCHING_KEY') throw error
      return undefined
    }
  }

  const isPresent = (args: Parameters<JWTVerifyGetKey>): Promise<boolean> =>
    match(...args).then(
      (key) => key !== undefined,
      () => true,
    )

  /** Looks where the keys were, then whether they have moved. */
  const lookFor = async (args: Parameters<JWTVerifyGetKey>, signal: AbortSignal): Promise<void> => {
    const known = jwksUri!
    let failure: unknown
    spend(permit)
    await load(known, signal).catch((error: unknown) => (failure = error))
    if (issuer && (failure || !(await isPresent(args)))) {
      spend(discoveryPermit)
      const uri = await discover(signal)
      if (uri !== known) return load(uri, signal)
    }
    if (failure) throw failure
  }

  const isGood = (): boolean => keys !== undefined && now() - loadedAt <= goodFor

  /** Refreshes a stale set, unless that was tried a short while ago. */
  const refresh = async (): Promise<void> => {
    if (now() < refreshAt) return
    refreshAt = now() + retryAfter
    await fetching(loadAll).catch((error: unknown) => options.onError?.(keysUnavailable(error)))
  }

  const find: JWTVerifyGetKey = async (...args) => {
    const cameAt = performance.now()
    const earlier = current()
    const { alg, kid } = args[0]
    const wanted = JSON.stringify([alg, kid])
    // A fetch that began before this token came may have been answered before its key was published.
    const steps = [ensure, () => earlier?.catch(() => {}), () => join((signal) => lookFor(args, signal))]
    for (const step of steps) {
      await step()
      const key = await match(...args)
      if (key) return key
      if (loadedFrom >= cameAt) {
        remember(missed, wanted, now() + missedFor, maxMissed)
        break
      }
      if (now() < (missed.get(wanted) ?? 0)) break
    }
    throw new errors.JWKSNoMatchingKey()
  }

  return {
    async getKey(...args) {
      if (isGood()) {
        const refreshed = refresh()
        // Without a kid the old key fits too, so what has changed must be known first.
        if (args[0].kid === undefined) await within(requestTime, 'waiting for keys', () => refreshed).catch(() => {})
        const key = await match(...args)
        if (key) return key
      }
      return within(requestTime, 'waiting for keys', () => find(...args))
    },
    warm: () =>
      within(fetchTime, 'waiting for keys', ensure).catch((error: unknown) => {
        throw keysUnavailable(error)
      }),
  }
}
