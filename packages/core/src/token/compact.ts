import { base64url } from 'jose'
import { invalidToken } from '../errors.js'
import { isObject, type JSONObject } from '../util/objects.js'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** What is left after whole groups of four has no bits to spare (RP-10a). */
const rest = /^(?:.[AQgw]|..[AEIMQUYcgkosw048])?$/

const isCanonical = (part: string): boolean => /^[\w-]*$/.test(part) && rest.test(part.slice(part.length & ~3))

/**
 * Splits a Compact Serialization into its parts, three of a JWS or five of a JWE, and takes only the canonical
 * spelling of each: no padding, no white space, no spare bits. So one signature has one spelling. No more than 16 KiB
 * are looked at (RP-4).
 */
export function splitCompact(token: string, ...lengths: number[]): string[] {
  const parts = typeof token === 'string' && token.length <= 16_384 ? token.split('.', 6) : []
  if (lengths.includes(parts.length) && parts.every(isCanonical)) return parts
  throw invalidToken('is not canonical, or too long')
}

/** Decodes a part that holds a JSON object. The text of a failed parse is not kept: it would carry claim values. */
export function decodeObject(part: string): JSONObject {
  try {
    const value: unknown = JSON.parse(utf8.decode(base64url.decode(part)))
    if (isObject(value)) return value
  } catch {
    // said below
  }
  throw invalidToken('has a part that is no object')
}
