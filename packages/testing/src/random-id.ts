import { base64url } from 'jose'

/** Returns 128 random bits as base64url, for example for a sid, a code or a kid. */
export const randomId = (): string => base64url.encode(crypto.getRandomValues(new Uint8Array(16)))
