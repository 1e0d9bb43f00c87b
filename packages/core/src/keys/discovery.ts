import type { JSONObject } from '../util/objects.js'
import { readText } from '../util/read-text.js'
import { runGuarded } from '../util/run-guarded.js'

/** The largest answer that is read from a provider, in bytes. */
const maxBytes = 256 * 1024

export interface FetchOptions {
  fetch?: typeof fetch | undefined
  allowInsecureRequests?: boolean | undefined
}

/** The place of an issuer's keys: the URL `keys`, or `jwks_uri` in the metadata of the issuer. */
export interface KeyLocation {
  issuer: string
  keys?: unknown
}

/** Reads the metadata of an issuer. Resolves to the metadata, and to the URL where it was found. */
export type ReadMetadata = (signal: AbortSignal) => Promise<{ metadata: JSONObject; url: string }>

export const discoveryPath = '/.well-known/openid-configuration'

/**
 * Matches the hosts of this machine. The addresses `0.0.0.0` and `::` also reach this machine. For an IPv4 address in an IPv6
 * address, `URL` uses hexadecimal numbers: `[::ffff:127.0.0.1]` becomes `[::ffff:7f00:1]`.
 */
const loopback = /^(localhost\.?|(127|0)(\.\d+){3}|\[::(ffff:(7f.*|0:0)|1?)\])$/

/** Tells whether the host of a URL is this machine. */
export const isLoopback = (url: string): boolean => URL.canParse(url) && loopback.test(new URL(url).hostname)

/**
 * Tells whether the library may send requests to a URL. It may always use `https:`. It may use plain `http:` to this machine if
 * `allowLoopback` is true, and to other machines if `allowInsecureRequests` is true. `fetch` refuses a URL with a user name
 * or a password, so such a URL is not allowed.
 */
export const isAllowed = (url: string, allowInsecureRequests: boolean | undefined, allowLoopback = true): boolean =>
  URL.canParse(url) &&
  /^https?:\/\/[^/?#@]+([/?#]|$)/i.test(url) &&
  (/^https/i.test(url) || !!(isLoopback(url) ? allowLoopback : allowInsecureRequests))

/** Fetches a JSON document. Does not follow redirects, and reads at most 256 KiB. */
export async function fetchJson(url: string, signal: AbortSignal, options: FetchOptions): Promise<JSONObject> {
  const { status, body } = await (options.fetch ?? fetch)(url, {
    headers: { accept: 'application/json' },
    redirect: 'manual',
    signal,
  })
  const json = status === 200 && body ? await readText(body, maxBytes) : runGuarded(() => body?.cancel())
  if (!json) throw new Error(`${url}: answer refused, status ${status}`)
  return JSON.parse(json) as JSONObject
}

/** The URL of OpenID Connect Discovery. */
export const discoveryUrl = (issuer: string): string => issuer.replace(/\/$/, '') + discoveryPath

/** Reads the metadata of an issuer at this URL. */
export const metadataAt =
  (url: string, issuer: string, options: FetchOptions): ReadMetadata =>
  async (signal) => {
    const metadata = await fetchJson(url, signal, options)
    if (metadata['issuer'] === issuer) return { metadata, url }
    throw new Error(`${url}: issuer is not ${issuer}`)
  }

/** An issuer whose metadata can be at several URLs. `@bcl/ssf` sets these URLs for a transmitter. */
export interface MetadataLocation {
  issuer: string
  /** The URLs, in the order in which they are tried. @default the URL of OpenID Connect Discovery */
  metadata?: readonly string[]
}

/** Reads the metadata of an issuer at one of these URLs. Begins with the URL that worked last time. */
export function createDiscovery(
  { issuer, metadata: urls = [discoveryUrl(issuer)] }: MetadataLocation,
  options: FetchOptions,
): ReadMetadata {
  let next = 0
  return async (signal) => {
    let failure: unknown
    for (let tries = 0; tries < urls.length; tries += 1) {
      try {
        return await metadataAt(urls[next]!, issuer, options)(signal)
      } catch (error) {
        failure ??= error
        next = (next + 1) % urls.length
      }
    }
    throw failure
  }
}
