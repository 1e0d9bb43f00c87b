import { base64url } from 'jose'

/** Encodes text, or an object as JSON, as a part of a compact token. */
export const encodePart = (part: object | string | Uint8Array): string =>
  base64url.encode(part instanceof Uint8Array || typeof part === 'string' ? part : JSON.stringify(part))

/** The parts of a compact JWS. */
export function splitToken(token: string): [header: string, payload: string, signature: string] {
  return token.split('.') as [string, string, string]
}

/** The claims of a compact JWS. */
export const decodePayload = (token: string): object =>
  JSON.parse(new TextDecoder().decode(base64url.decode(splitToken(token)[1]))) as object

/** Another spelling of the last character of a base64url text that decodes to the same bytes, where there is one. */
export function respell(part: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  if (part.length % 4 === 0) throw new Error('a part without spare bits has one spelling')
  return part.slice(0, -1) + alphabet[alphabet.indexOf(part.at(-1)!) + 1]
}
