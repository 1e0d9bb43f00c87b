import { BACKCHANNEL_LOGOUT_EVENT } from '@bcl/core'
import type { TestKey } from '@bcl/testing'
import type { Tools } from './relying-party.ts'

export type Claims = Record<string, any>

const bytesOf = (part: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(part.replaceAll('-', '+').replaceAll('_', '/')), (character) => character.charCodeAt(0))

/** Decodes one part of a token. Returns `{}` if the part is not base64url of JSON in UTF-8. */
export function decode(part = ''): Claims {
  try {
    return Object(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytesOf(part)))) as Claims
  } catch {
    return {}
  }
}

/** Tells whether the signature of a token was made with the given key and algorithm. */
export async function isSignedBy(
  { publicKey }: Pick<TestKey, 'publicKey'>,
  algorithm: { name: string; hash?: string },
  token: string,
): Promise<boolean> {
  const [header, payload, signature = ''] = token.split('.')
  try {
    const signed = new TextEncoder().encode(`${header}.${payload}`)
    return await crypto.subtle.verify(algorithm, publicKey, bytesOf(signature), signed)
  } catch {
    return false
  }
}

/** Tells whether the form and the header of an RS256 token are right. Does not check the signature. */
export function isPlain(token: string): boolean {
  const [header] = token.split('.')
  const { alg, crit, b64 } = decode(header)
  const isCanonical = /^(?:[\w-]+\.){2}[\w-]{341}[AQgw]$/.test(token)
  return isCanonical && alg === 'RS256' && crit === undefined && b64 === undefined
}

/** Returns the claims of a token that the provider signed, or `undefined` for any other token. */
export async function claimsOf(token: string, { provider }: Tools): Promise<Claims | undefined> {
  const isGood = isPlain(token) && (await isSignedBy(provider.op.key, { name: 'RSASSA-PKCS1-v1_5' }, token))
  return isGood ? decode(token.split('.')[1]) : undefined
}

/** Changes the claims of a valid token and signs it again. So the receiver still makes all other checks. */
export const reissue =
  (change: (claims: Claims, tools: Tools) => Claims) =>
  async (token: string, tools: Tools): Promise<string> => {
    const claims = await claimsOf(token, tools)
    if (!claims) return token
    const changed = change(claims, tools)
    return changed === claims ? token : tools.provider.op.sign(changed, decode(token.split('.')[0]))
  }

export const event = BACKCHANNEL_LOGOUT_EVENT
