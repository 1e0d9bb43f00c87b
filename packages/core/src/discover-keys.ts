import type { JWTVerifyGetKey } from 'jose'
import { requireOption } from './options.js'
import { createRemoteKeys, isAllowed } from './remote-keys.js'

/** How {@link discoverKeys} asks the provider. */
export interface DiscoverKeysOptions {
  /** The `fetch` to use. @default globalThis.fetch */
  fetch?: typeof fetch | undefined
  /** Allow `http:` to other machines than this one. @default false */
  allowInsecureRequests?: boolean | undefined
}

/**
 * Finds the keys of an issuer at `<issuer>/.well-known/openid-configuration`. Make one per issuer and keep it.
 * It caches the keys. After 10 minutes it fetches them again at the next token. While the provider is down, the last
 * keys count for 24 hours. It finds a new key at the first token that names it, and limits how often it asks.
 *
 * `createBackchannelLogout` does this by itself; this function is for use with {@link verifyLogoutToken}.
 *
 * @throws {TypeError} when the issuer is not an `https:` URL (or `http:` to this machine).
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
  requireDiscoverable(issuer, 'issuer', options.allowInsecureRequests)
  const { getKey, renew } = createRemoteKeys({ issuer }, options)
  // `verifyLogoutToken` finds `renew` there.
  return Object.assign(getKey, { renew })
}

/** An address that keys come from must be one that may be asked. */
export const requireDiscoverable = (url: string, name: string, allowInsecureRequests: boolean | undefined): void =>
  requireOption(isAllowed(url, allowInsecureRequests), name, 'https, or http to loopback')
