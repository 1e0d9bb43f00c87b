import { isAllowed, requireAddress, requireOption } from '@bcl/core/kit'

const wellKnown = '/.well-known/ssf-configuration'

/**
 * Returns the possible addresses of a transmitter's metadata (SE-4). The standard inserts the well-known part between the host
 * and the path. Keycloak appends it to the issuer.
 *
 * @param metadata The address in the options.
 * @param path The start of the option's name in an error.
 * @throws {TypeError} if requests to the address are not allowed.
 * @see {@link https://openid.net/specs/openid-sharedsignals-framework-1_0.html OpenID Shared Signals Framework 1.0, 7.2}
 */
export function metadataUrls(
  issuer: string,
  metadata: URL | undefined,
  path: string,
  allowInsecureRequests: boolean | undefined,
): string[] {
  if (metadata) {
    requireOption(isAllowed(metadata.href, allowInsecureRequests), `${path}metadata`, 'must be https', metadata.href)
    return [metadata.href]
  }
  requireAddress({ issuer }, path, allowInsecureRequests)
  const base = issuer.replace(/\/$/, '')
  const { origin, pathname } = new URL(base)
  return [...new Set([origin + wellKnown + (pathname === '/' ? '' : pathname), base + wellKnown])]
}
