import {
  constants,
  createHmac,
  createPublicKey,
  publicDecrypt,
  verify,
  type JsonWebKey,
  type KeyObject,
} from 'node:crypto'
import type { TestProvider } from '@bcl/testing'

export type Json = Record<string, any>

/** A Logout Token as a receiver sees it. A part that cannot be read is `undefined`. */
export interface ReceivedToken {
  text: string
  parts: string[]
  header: Json | undefined
  claims: Json | undefined
  signature: Buffer
  /** Whether one of the keys verifies the RS256 signature of the first two parts. */
  isSignedBy(keys: readonly Json[]): boolean
  /** Whether the signature is an HMAC under the given secret. */
  isHmac(secret: string): boolean
  /** Whether the signature is by one of the keys, with RSA-PSS. */
  isPssBy(keys: readonly Json[]): boolean
  /** Tells whether one of the keys made the signature, even if the signature belongs to another token. */
  isMadeBy(keys: readonly Json[]): boolean
}

function decode(part: string | undefined): Json | undefined {
  try {
    const value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(part ?? '', 'base64url')))
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined
  } catch {
    return undefined
  }
}

const importKey = (jwk: Json): KeyObject => createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' })

const attempt = (check: () => unknown): boolean => {
  try {
    return Boolean(check())
  } catch {
    return false
  }
}

export function readToken(text: string): ReceivedToken {
  const parts = text.split('.')
  // `Buffer` ignores padding, white space and spare bits, and reads + and / too.
  const signature = Buffer.from(parts[2] ?? '', 'base64url').subarray(0, 256)
  const signed = Buffer.from(parts.slice(0, 2).join('.'))
  const byOneOf = (keys: readonly Json[], check: (key: KeyObject) => unknown): boolean =>
    keys.some((jwk) => jwk['kty'] === 'RSA' && attempt(() => check(importKey(jwk))))
  return {
    text,
    parts,
    header: decode(parts[0]),
    claims: decode(parts[1]),
    signature,
    isSignedBy: (keys) => byOneOf(keys, (key) => verify('sha256', signed, key, signature)),
    isHmac: (secret) => createHmac('sha256', secret).update(signed).digest().equals(signature),
    isPssBy: (keys) =>
      byOneOf(keys, (key) =>
        verify('sha256', signed, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }, signature),
      ),
    isMadeBy: (keys) =>
      byOneOf(keys, (key) => publicDecrypt({ key, padding: constants.RSA_PKCS1_PADDING }, signature).length > 0),
  }
}

/** The facts that a receiver knows. */
export interface Knowledge {
  provider: TestProvider
  /** The published keys. */
  keys: readonly Json[]
  /** The public key of the provider as PEM. */
  pem: string
  /** NumericDate, in seconds. */
  now: number
}

/** Fetches the keys of the provider. */
export async function fetchKnowledge(provider: TestProvider): Promise<Knowledge> {
  const { issuer, key } = provider.op
  const { keys } = (await (await provider.handle(new Request(`${issuer}/jwks`))).json()) as { keys: Json[] }
  const pem = String(importKey(key.publicJwk).export({ type: 'spki', format: 'pem' }))
  return { provider, keys, pem, now: provider.op.now() }
}
