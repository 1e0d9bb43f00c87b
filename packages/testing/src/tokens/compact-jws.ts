import { base64url } from 'jose'

/** Encodes one part of a compact JWS as base64url. Converts an object to JSON first. */
export const encodePart = (part: object | string | Uint8Array): string =>
  base64url.encode(part instanceof Uint8Array || typeof part === 'string' ? part : JSON.stringify(part))

/** Splits a compact JWS into its three parts. */
export function splitToken(token: string): [header: string, payload: string, signature: string] {
  return token.split('.') as [string, string, string]
}

/** Returns the claims of a compact JWS. Verifies nothing. */
export const decodePayload = (token: string): object =>
  JSON.parse(new TextDecoder().decode(base64url.decode(splitToken(token)[1]))) as object

/** Changes the spare bits in the last character of a base64url text. The result decodes to the same bytes. */
export function changeSpareBits(part: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  if (part.length % 4 === 0) throw new Error('a text whose length is a multiple of 4 has no spare bits')
  return part.slice(0, -1) + alphabet[alphabet.indexOf(part.at(-1)!) + 1]
}
