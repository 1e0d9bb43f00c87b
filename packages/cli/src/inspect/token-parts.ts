import { isObject } from '@bcl/core/kit'

/** The content of a token. Nothing is verified. */
export interface TokenParts {
  header: Record<string, unknown>
  /** Not set if the token is encrypted. */
  claims?: Record<string, unknown>
  isEncrypted: boolean
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const decodePart = (part: string): Record<string, unknown> | undefined => {
  try {
    const value = JSON.parse(utf8.decode(Buffer.from(part, 'base64url'))) as unknown
    // `JSON.parse` accepts deeply nested values for which `JSON.stringify` throws. Such a value cannot be shown.
    JSON.stringify(value)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** Decodes a token. If the text cannot be decoded, returns a sentence with the reason. */
export function readToken(token: string): TokenParts | string {
  const parts = token.split('.')
  if (parts.length !== 3 && parts.length !== 5)
    return `A Logout Token has three or five parts with dots between them. This text has ${parts.length}.`
  const header = decodePart(parts[0]!)
  if (!header) return 'The first part of the token is not base64url of a JSON object in UTF-8.'
  if (parts.length === 5) return { header, isEncrypted: true }
  const claims = decodePart(parts[1]!)
  return claims
    ? { header, claims, isEncrypted: false }
    : 'The second part of the token is not base64url of a JSON object in UTF-8.'
}

/** Tells whether each part of a token is canonical base64url (RFC 4648, 3.5). */
export const isCanonical = (token: string): boolean =>
  token.split('.').every((part) => Buffer.from(part, 'base64url').toString('base64url') === part)
