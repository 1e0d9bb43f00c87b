import type { JWTVerifyGetKey } from 'jose'
import { requireOption } from './options.js'
import { createRemoteKeys, isAllowed } from './remote-keys.js'
import { systemNow } from './time.js'

/** How {@link discoverKeys} asks the provider. */
export interface DiscoverKeysOptions {
  /** The `fetch` to use. @default globalThis.fetch */
  fetch?: typeof fetch | undefined
  /** Allow `http:` to other machines than this one. @default false */
  allowInsecureRequests?: boolean | undefined
}

/**
 * The keys of an issuer, found at `<issuer>/.well-known/openid-configuration`. Make one per issuer and keep it: it
 * remembers keys (refreshed in the background after 10 minutes, used for up to 24 hours while the provider is down),
 * finds a new key at the first token that names it, and bounds what forged tokens can make it ask.
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
  return createRemoteKeys({ issuer }, { ...options, now: systemNow }).getKey
}

/** An address that keys come from must be one that may be asked. */
export const requireDiscoverable = (url: string, name: string, allowInsecureRequests: boolean | undefined): void =>
  requireOption(isAllowed(url, allowInsecureRequests), name, 'https, or http to loopback')
