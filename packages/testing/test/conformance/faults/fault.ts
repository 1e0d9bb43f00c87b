import { reissue, type Claims } from './reissue.ts'
import type { Fault, Tools } from './relying-party.ts'

/** Applications with one fault each, and the cases that find it: all of them, and no other. */
export type Faults = Record<string, { fault: () => Fault; found: (string | RegExp)[]; skipped?: string[] }>

export const noStore = { 'cache-control': 'no-store' }

export const status = (response: Response, wanted: number, body: string | null = null): Response =>
  new Response(body, { status: wanted, headers: noStore })

export const without = (claims: Claims, ...names: string[]): Claims =>
  Object.fromEntries(Object.entries(claims).filter(([name]) => !names.includes(name)))

type Look = (claims: Claims, tools: Tools) => boolean

/** Passes over one check: what it would refuse is mended before it is looked at. */
export const blindTo = (isFault: Look, mend: (claims: Claims, tools: Tools) => Claims) =>
  reissue((claims, tools) => (isFault(claims, tools) ? mend(claims, tools) : claims))

/** Has one check too many. */
export const strictWith = (isRefused: Look) => blindTo(isRefused, (claims) => ({ ...claims, aud: 'nobody' }))

/** Says whether a name has come before. */
export const seen = () => {
  const names = new Set<unknown>()
  return (name: unknown): boolean => names.has(name) || !names.add(name)
}

/** Signs anew what somebody has signed, or nobody. */
export const resign = async (payload: Claims, { provider: { op } }: Tools): Promise<string> =>
  op.sign(payload, { alg: 'RS256', kid: op.key.kid })

/** A form, as it is sent to the endpoint. */
export const form = (url: string, fields: string | URLSearchParams | Record<string, string>): Request =>
  new Request(url, { method: 'POST', body: new URLSearchParams(fields) })
