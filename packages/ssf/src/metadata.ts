const wellKnown = '/.well-known/ssf-configuration'

/**
 * Returns the possible addresses of a transmitter's metadata (SE-4). The standard inserts the well-known part between the host
 * and the path. Keycloak appends it to the issuer.
 *
 * @see {@link https://openid.net/specs/openid-sharedsignals-framework-1_0.html OpenID Shared Signals Framework 1.0, 7.2}
 */
export function metadataUrls(issuer: string): string[] {
  const base = issuer.replace(/\/$/, '')
  const { origin, pathname } = new URL(base)
  return [...new Set([origin + wellKnown + (pathname === '/' ? '' : pathname), base + wellKnown])]
}
