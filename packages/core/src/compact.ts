import { base64url } from 'jose'
import { invalidToken } from './errors.js'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** A JSON object as it was parsed: its members may be anything. */
export type JSONObject = Record<string, unknown>

/** Tells a JSON object from null, arrays and primitive values. */
export function isObject(value: unknown): value is JSONObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Takes away the members that are `undefined`. */
export const defined = <T extends object>(object: T): { [K in keyof T]: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as never

const canonical = /^(?:[\w-]{4})*(?:[\w-]{2}(?<=[AQgw])|[\w-]{3}(?<=[AEIMQUYcgkosw048]))?$/

/**
 * Splits a Compact Serialization into its parts, three of a JWS or five of a JWE, and takes only the canonical
 * spelling of each: no padding, no white space, no spare bits (RP-10a). So one signature has one spelling.
 */
export function splitCompact(token: string): string[] {
  const parts = token.split('.', 6)
  if ((parts.length !== 3 && parts.length !== 5) || !parts.every((part) => canonical.test(part))) {
    throw invalidToken('is not a canonical Compact Serialization')
  }
  return parts
}

/** Decodes a part that holds a JSON object. The text of a failed parse is not kept: it would carry claim values. */
export function decodeObject(part: string): JSONObject {
  let value: unknown
  try {
    value = JSON.parse(utf8.decode(base64url.decode(part)))
  } catch {
    // said below
  }
  if (!isObject(value)) throw invalidToken('has a part that is not a JSON object')
  return value
}
