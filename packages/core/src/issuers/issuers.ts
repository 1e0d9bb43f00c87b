import { requireAddress } from '../keys/discover-keys.js'
import { localKeys, type LocalKeys } from '../keys/key-source.js'
import { createRemoteKeys, keySetName, type RemoteKeys, type RemoteKeysOptions } from '../keys/remote-keys.js'
import { LruMap } from '../util/lru-map.js'
import { chain } from '../util/maybe.js'
import { requireOption } from '../util/options.js'
import { createTokenBucket, type TokenBucket } from '../util/token-bucket.js'
import { createIssuerFunction, type Caller, type IssuerFunction } from './issuer-function.js'
import type { IssuerSource } from './issuer-source.js'
import { needsNoKeys, register, type Registration, type TrustedIssuer } from './trusted-issuer.js'

/** The answer of an issuer function: the registrations at an issuer, or `undefined` for none. */
export type ResolvedIssuer = TrustedIssuer | readonly TrustedIssuer[] | undefined

/**
 * The largest number of cached JWK Sets that have verified a signature, and of those of issuers in use. JWK Sets of listed
 * issuers do not count.
 */
const maxProven = 10_000
/** The largest number of cached JWK Sets that have not verified a signature. */
const maxUnproven = 100

export interface IssuersOptions extends RemoteKeysOptions {
  issuers: readonly TrustedIssuer[] | ((iss: string) => ResolvedIssuer | Promise<ResolvedIssuer>)
}

/** The trusted issuers and their JWK Sets. */
export interface Issuers extends IssuerSource {
  /** Finds the registrations for the issuer of a session. */
  findForSession: IssuerSource['find']
  /** Fetches the keys of all listed issuers. */
  warm(): Promise<void>
}

const isRemote = (registration: Registration): boolean =>
  registration.keys ? registration.keys instanceof URL : !needsNoKeys(registration)

/** The JWK Sets of one receiver. JWK Sets that never verified a signature cannot push out proven JWK Sets (RP-11). */
export type KeySets = readonly [
  proven: Map<string, RemoteKeys>,
  /** The JWK Sets of issuers in use, and of listed issuers. */
  used: Map<string, RemoteKeys>,
  unproven: Map<string, RemoteKeys>,
  budgets: Map<string, TokenBucket>,
]

/** @param listed The number of registrations in the option `issuers`. It is 0 if `issuers` is a function. */
export const createKeySets = (listed = 0): KeySets => [
  new LruMap(maxProven),
  new LruMap(maxProven + listed),
  new LruMap(maxUnproven),
  // Budgets outlive the JWK Sets of the two large lists.
  new LruMap(2 * maxProven + listed),
]

/**
 * @param sets JWK Sets that several receivers share. Without this parameter, the receiver has its own JWK Sets and
 *   fetches them in the background at first use.
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
      const id = typeof keys === 'function' ? keys : JSON.stringify([keys])
      const isSame = (keysAt.get(issuer) ?? id) === id
      requireOption(isSame, `${path}keys`, 'must be the same for one issuer')
      keysAt.set(issuer, id)
    }
    requireOption(clients.size === list.length, 'issuers', 'must not repeat a clientId')
    return registrations
  }

  const isList = Array.isArray(issuers)
  const all = isList ? registerAll(issuers) : []
  const [proven, used, unproven, budgets] = sets ?? createKeySets(all.length)

  const askFunction = async (iss: string): Promise<readonly Registration[]> => {
    const answer = await (issuers as (iss: string) => ResolvedIssuer | Promise<ResolvedIssuer>)(iss)
    const registrations = registerAll([answer ?? []].flat())
    const isOfIssuer = registrations.every(({ issuer, sessionIssuer }) => issuer === iss || sessionIssuer === iss)
    requireOption(isOfIssuer, 'issuers', 'must have this issuer')
    return registrations
  }
  const [findAll, use, isInUse]: IssuerFunction = isList
    ? [() => all, () => {}, () => true]
    : createIssuerFunction(askFunction, onError)

  const remoteKeys = (registration: Registration): RemoteKeys => {
    const name = keySetName(registration)
    const isUsed = (): boolean => isInUse(registration.issuer)
    const onProven = (provenSet: RemoteKeys): void => {
      used.delete(name)
      unproven.delete(name)
      proven.set(name, provenSet)
    }
    const keySet =
      proven.get(name) ??
      used.get(name) ??
      unproven.get(name) ??
      createRemoteKeys(registration, { ...options, budgets, isUsed, onProven: isList ? undefined : onProven })
    if (!proven.has(name)) (isUsed() ? used : unproven).set(name, keySet)
    return keySet
  }

  const warmAll = (): Promise<void>[] => all.filter(isRemote).map((registration) => remoteKeys(registration).warm())

  // On Cloudflare Workers, a fetch ends together with its request. Other requests that share the fetch would wait for ever.
  const canPrefetch = !sets && globalThis.navigator?.userAgent !== 'Cloudflare-Workers'
  const takePrefetch = createTokenBucket(1, 600)
  /** Fetches the keys of all listed issuers in the background, unless they are cached. Does so at most every ten minutes. */
  const prefetch = (): void => {
    if (canPrefetch && takePrefetch()) for (const warmed of warmAll()) warmed.catch(onError)
  }

  const findFor =
    (caller: Caller): IssuerSource['find'] =>
    (iss, isComplete, maxAge) => {
      // The keys must be there when a token arrives, even if no token has used them for a day (T-18).
      if (caller === 'session') prefetch()
      const ofIssuer = (registrations: readonly Registration[]): readonly Registration[] =>
        registrations.filter(
          ({ issuer, sessionIssuer = issuer }) => (caller === 'token' ? issuer : sessionIssuer) === iss,
        )
      return chain(
        findAll(
          iss,
          maxAge === undefined ? caller : 'logout',
          (registrations) => isComplete(ofIssuer(registrations)),
          maxAge,
        ),
        (registrations) => {
          const found = ofIssuer(registrations)
          // If the sessions have another issuer than the tokens, the issuer of the tokens is also in use.
          if (caller === 'session') for (const { issuer, sessionIssuer } of found) if (sessionIssuer) use(issuer)
          return found
        },
      )
    }

  return {
    all,
    find: findFor('token'),
    findForSession: findFor('session'),
    keysOf(registration) {
      // A later token refreshes the keys of its own issuer.
      if (!used.size) prefetch()
      return isRemote(registration) ? remoteKeys(registration) : localKeys(registration.keys as LocalKeys)
    },
    use,
    async warm() {
      await Promise.all(warmAll())
    },
  }
}
