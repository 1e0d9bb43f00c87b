import type { JWTVerifyGetKey } from 'jose'
import { requireOption } from './options.js'
import { createRemoteKeys, isSecure } from './remote-keys.js'

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
  requireDiscoverable(issuer, options.allowInsecureRequests)
  return createRemoteKeys({ issuer }, { ...options, now: () => Date.now() / 1000 }).getKey
}

/** Discovery needs a URL that may be asked. */
export function requireDiscoverable(issuer: string, allowInsecureRequests: boolean | undefined): void {
  const allowed = isSecure(issuer) || (allowInsecureRequests === true && /^http:\/\/[^/]/.test(issuer))
  requireOption(allowed, 'issuer', 'an https URL, or http to loopback, or come with "keys"')
}
