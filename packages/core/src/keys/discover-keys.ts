import type { JWTVerifyGetKey } from 'jose'
import { fetchRules, readOptions, requireOption, show } from '../util/options.js'
import { discoveryPath, isAllowed, type KeyLocation } from './discovery.js'
import { createRemoteKeys } from './remote-keys.js'

/** Options of {@link discoverKeys}. */
export interface DiscoverKeysOptions {
  /** The `fetch` to use. @default globalThis.fetch */
  fetch?: typeof fetch | undefined
  /** Allow plain `http:` to other machines. @default false */
  allowInsecureRequests?: boolean | undefined
}

/**
 * Finds the keys of an issuer by discovery at `<issuer>/.well-known/openid-configuration`. Use this function with {@link
 * verifyLogoutToken}. `createBackchannelLogout` does not need it.
 *
 * Call this function once per issuer and keep the result, because the result caches the keys. A token causes a fetch if the
 * keys are older than 10 minutes, if its `kid` is unknown, or if its signature is wrong. If the provider is down, the last
 * keys are used for up to 24 hours. The number of fetches is limited. The returned function rejects if it has no matching key.
 *
 * @throws {TypeError} if the issuer is not an `https:` URL (or `http:` to this machine), or if an option is wrong.
 * @see {@link https://openid.net/specs/openid-connect-discovery-1_0.html OpenID Connect Discovery 1.0, 4}
 * @example
 * ```ts
 * import { discoverKeys, verifyLogoutToken } from '@bcl/core'
 *
 * const issuer = 'https://op.example.com'
 * const issuers = [{ issuer, clientId: 'my-client', keys: discoverKeys(issuer) }]
 *
 * export const verify = (logoutToken: string) => verifyLogoutToken(logoutToken, issuers)
 * ```
 */
export function discoverKeys(issuer: string, options: DiscoverKeysOptions = {}): JWTVerifyGetKey {
  const read = readOptions(options, fetchRules)
  requireAddress({ issuer }, '', read.allowInsecureRequests)
  const { getKey, renew } = createRemoteKeys({ issuer }, read)
  // `verifyLogoutToken` calls `renew` after a bad signature.
  return Object.assign(getKey, { renew })
}

/**
 * Refuses an issuer or a URL from which keys cannot be fetched.
 *
 * @param path The start of the option's name in the error, for example `issuers[0].`. It can be empty.
 */
export function requireAddress(
  { issuer, keys }: KeyLocation,
  path: string,
  allowInsecureRequests: boolean | undefined,
): void {
  const url = String(keys ?? issuer)
  const isDocument = url.includes(discoveryPath)
  if (isAllowed(url, allowInsecureRequests) && (keys || !(isDocument || /[?#]/.test(url)))) return
  requireOption(
    false,
    path + (keys ? 'keys' : 'issuer'),
    `must be https without password${keys ? '' : ', query or fragment'}, got ${show(url)}. ${
      isDocument ? `Remove ${discoveryPath}.` : 'For plain http set allowInsecureRequests. Without discovery, set keys.'
    }`,
  )
}
