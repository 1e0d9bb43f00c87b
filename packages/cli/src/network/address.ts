/** Tells whether the host of a URL is this machine. */
export const isLoopback = (url: string): boolean =>
  /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(new URL(url).hostname)

/**
 * Tells whether the host of a URL is in a private network. Looks only at the text of the host (RFC 1918, RFC 3927, RFC 4193, RFC
 * 6762).
 */
export const isPrivate = (url: string): boolean =>
  /^(?:10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|169\.254\.|\[f[cd])|\.(?:local|internal|lan)$/.test(
    new URL(url).hostname,
  )
