import { reissue, type Claims } from './reissue.ts'
import type { Fault, Tools } from './relying-party.ts'

/**
 * Applications with one fault each. The key completes the sentence "an application that …". `failing` has the ids of all cases
 * that fail because of this fault. `skipped` has the ids of all cases that cannot be decided because of it.
 */
export type Faults = Record<string, { fault: () => Fault; failing: (string | RegExp)[]; skipped?: (string | RegExp)[] }>

export const noStore = { 'cache-control': 'no-store' }

export const withStatus = (response: Response, status: number, body: string | null = null): Response =>
  new Response(body, { status, headers: noStore })

export const omit = (claims: Claims, ...names: string[]): Claims =>
  Object.fromEntries(Object.entries(claims).filter(([name]) => !names.includes(name)))

type Condition = (claims: Claims, tools: Tools) => boolean

/** Removes one check of the receiver. Repairs the claims that this check would refuse, before the receiver reads them. */
export const blindTo = (isWrong: Condition, repair: (claims: Claims, tools: Tools) => Claims) =>
  reissue((claims, tools) => (isWrong(claims, tools) ? repair(claims, tools) : claims))

/** Adds one check to the receiver. If the claims of a token meet the condition, makes the token wrong. */
export const strictWith = (isRefused: Condition) => blindTo(isRefused, (claims) => ({ ...claims, aud: 'nobody' }))

/** Returns a function that tells whether it was called with the same value before. */
export const createRepeatCheck = () => {
  const values = new Set<unknown>()
  return (value: unknown): boolean => values.has(value) || !values.add(value)
}

/** Signs claims with the key of the provider. */
export const resign = async (payload: Claims, { provider: { op } }: Tools): Promise<string> =>
  op.sign(payload, { alg: 'RS256', kid: op.key.kid })

/** Makes a request with a form. */
export const formRequest = (url: string, fields: string | URLSearchParams | Record<string, string>): Request =>
  new Request(url, { method: 'POST', body: new URLSearchParams(fields) })
