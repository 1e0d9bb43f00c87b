import type { JWTVerifyGetKey } from 'jose'
import { fetchRules, readOptions, requireOption } from '../util/options.js'
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
 * @throws {TypeError} when the issuer is not an `https:` URL (or `http:` to this machine), or an option is wrong.
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
  // `verifyLogoutToken` finds `renew` there.
  return Object.assign(getKey, { renew })
}

/**
 * Refuses an issuer or a URL that keys cannot be fetched from.
 *
 * @param path Where its options are, with a dot at the end.
 */
export function requireAddress(
  { issuer, keys }: { issuer: string; keys?: unknown },
  path: string,
  allowInsecureRequests: boolean | undefined,
): void {
  const url = String(keys ?? issuer)
  const isDocument = url.endsWith('/.well-known/openid-configuration')
  requireOption(
    isAllowed(url, allowInsecureRequests) && (!!keys || !(isDocument || /[?#]/.test(url))),
    path + (keys ? 'keys:' : 'issuer:'),
    keys ? 'must be https' : 'discovery needs an https URL without query or fragment',
    url,
    isDocument
      ? '. Remove /.well-known/openid-configuration.'
      : '. For plain http set allowInsecureRequests; if the provider has no discovery set keys.',
  )
}
