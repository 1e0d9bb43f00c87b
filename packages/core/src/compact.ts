import { invalidToken } from './errors.js'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** A JSON object as it was parsed: its members may be anything. */
export type JSONObject = Record<string, unknown>

/** Tells a JSON object from null, arrays and primitive values. */
export function isObject(value: unknown): value is JSONObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Takes away the members that are `undefined`. */
export function defined<T extends object>(object: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const rest: Record<string, unknown> = {}
  for (const name of Object.keys(object) as (keyof T & string)[])
    if (object[name] !== undefined) rest[name] = object[name]
  return rest as never
}

const alphabet = /^[\w-]*$/
/** How a part may end, by its length past whole groups of four: with no bits to spare (RP-10a). */
const endings: readonly RegExp[] = [/^/, /(?!)/, /[AQgw]$/, /[AEIMQUYcgkosw048]$/]

/**
 * Splits a Compact Serialization into its parts, three of a JWS or five of a JWE, and takes only the canonical
 * spelling of each: no padding, no white space, no spare bits. So one signature has one spelling.
 */
export function splitCompact(token: string): string[] {
  const parts = token.split('.', 6)
  const isCanonical = parts.every((part) => alphabet.test(part) && endings[part.length % 4]!.test(part))
  if ((parts.length !== 3 && parts.length !== 5) || !isCanonical) {
    throw invalidToken('is not a canonical Compact Serialization')
  }
  return parts
}

/** Decodes a part that holds a JSON object. The text of a failed parse is not kept: it would carry claim values. */
export function decodeObject(part: string): JSONObject {
  let value: unknown
  try {
    const binary = atob(part.replaceAll('-', '+').replaceAll('_', '/'))
    const isAscii = !/[\x80-\xff]/.test(binary)
    value = JSON.parse(isAscii ? binary : utf8.decode(Uint8Array.from(binary, (char) => char.charCodeAt(0))))
  } catch {
    // said below
  }
  if (!isObject(value)) throw invalidToken('has a part that is not a JSON object')
  return value
}
