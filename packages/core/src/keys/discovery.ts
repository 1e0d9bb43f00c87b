import type { JSONObject } from '../util/objects.js'
import { readText } from '../util/read-text.js'
import { runGuarded } from '../util/run-guarded.js'

/** The largest answer that is read from a provider, in bytes. */
const maxBytes = 256 * 1024

export interface FetchOptions {
  fetch?: typeof fetch | undefined
  allowInsecureRequests?: boolean | undefined
}

/** The place of the keys: a URL, or the metadata of an issuer. */
export interface KeyLocation {
  issuer: string
  keys?: unknown
}

/** Reads the metadata of an issuer. Resolves to the metadata, and to the URL where it was found. */
export type ReadMetadata = (signal: AbortSignal) => Promise<{ metadata: JSONObject; url: string }>

export const discoveryPath = '/.well-known/openid-configuration'

/** `URL` writes an IPv4-mapped address in hexadecimal. The addresses `0.0.0.0` and `::` also reach this machine. */
const loopback = /^(localhost\.?|(127|0)(\.\d+){3}|\[::(ffff:(7f.*|0:0)|1?)\])$/

/** Tells whether the host of a URL is this machine. */
export const isLoopback = (url: string): boolean => URL.canParse(url) && loopback.test(new URL(url).hostname)

/** Tells whether this server may send requests to a URL: `https:`, or plain `http:` to an allowed host. */
export const isAllowed = (url: string, allowInsecureRequests: boolean | undefined, allowLoopback = true): boolean =>
  /^https:\/\/[^/]/i.test(url) ||
  (/^http:\/\/[^/]/i.test(url) && !!(isLoopback(url) ? allowLoopback : allowInsecureRequests))

/** Fetches a JSON document. Does not follow redirects, and reads at most 256 KiB. */
export async function fetchJson(url: string, signal: AbortSignal, options: FetchOptions): Promise<JSONObject> {
  const { status, body } = await (options.fetch ?? fetch)(url, {
    headers: { accept: 'application/json' },
    redirect: 'manual',
    signal,
  })
  const json = status === 200 && body ? await readText(body, maxBytes) : runGuarded(() => body?.cancel())
  if (!json) throw new Error(`${url}: status ${status} or too large`)
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

/** An issuer whose metadata can be at several URLs, for sibling packages. */
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
