import type { JSONWebKeySet, JWTVerifyGetKey } from 'jose'
import { withTimeout } from '../util/with-timeout.js'
import type { JSONObject } from '../util/objects.js'
import { createDiscovery, type MetadataLocation } from './discovery.js'
import { createKeySet } from './key-set.js'
import { createRemoteKeys, type KeySource, type RemoteKeysOptions } from './remote-keys.js'

const localKeySets = new WeakMap<object, JWTVerifyGetKey>()

/** The time-out of a key function, in seconds. */
const keyFunctionTime = 2

/** Keys that the application gives: a JWK Set or a function. The function may fetch keys itself. */
export type LocalKeys = JSONWebKeySet | JWTVerifyGetKey

/** Makes a source of keys from a function, or from a JWK Set that is parsed once. */
export function localKeys(keys: LocalKeys): KeySource {
  if (typeof keys === 'function')
    return { ...(keys as Partial<KeySource>), getKey: (...args) => withTimeout(keyFunctionTime, () => keys(...args)) }
  const getKey = localKeySets.get(keys) ?? createKeySet(keys)
  localKeySets.set(keys, getKey)
  return { getKey }
}

export interface KeySourceOptions extends RemoteKeysOptions {
  /** Gets each discovery document after it was read. */
  onMetadata?: (metadata: JSONObject) => void
}

/**
 * Creates the source of an issuer's keys: a JWK Set, a function, a URL, or the `jwks_uri` in the metadata of the
 * issuer. Call this function once per issuer, because the source caches the keys.
 */
export function createKeySource(
  location: MetadataLocation & { keys?: URL | LocalKeys | undefined },
  options: KeySourceOptions,
): KeySource & { warm?(): Promise<void> } {
  if (location.keys && !(location.keys instanceof URL)) return localKeys(location.keys)
  const discover = createDiscovery(location, options)
  return createRemoteKeys(location, {
    ...options,
    async readMetadata(signal) {
      const found = await discover(signal)
      options.onMetadata?.(found.metadata)
      return found
    },
  })
}
