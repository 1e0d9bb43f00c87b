/** What is in a token, read without a check. */
export interface TokenParts {
  header: Record<string, unknown>
  /** None where it is encrypted. */
  claims?: Record<string, unknown>
  isEncrypted: boolean
}

const decode = (part: string): Record<string, unknown> | undefined => {
  try {
    const value = JSON.parse(Buffer.from(part, 'base64url').toString()) as unknown
    // What is nested too deep can be read and not written.
    JSON.stringify(value)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

/** Takes a token apart, or says in a sentence why that cannot be done. */
export function readToken(token: string): TokenParts | string {
  const parts = token.split('.')
  if (parts.length !== 3 && parts.length !== 5)
    return `A Logout Token has three parts with dots between them, or five; this has ${parts.length}.`
  const header = decode(parts[0]!)
  if (!header) return 'The first part is not base64url of a JSON object.'
  if (parts.length === 5) return { header, isEncrypted: true }
  const claims = decode(parts[1]!)
  return claims ? { header, claims, isEncrypted: false } : 'The second part is not base64url of a JSON object.'
}

/** Whether each part is spelled in the one way that it may be. */
export const isCanonical = (token: string): boolean =>
  token.split('.').every((part) => Buffer.from(part, 'base64url').toString('base64url') === part)
