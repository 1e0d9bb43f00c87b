import type { JWTVerifyGetKey } from 'jose'
import { claimError } from './errors.js'
import type { Registration } from './trusted-issuer.js'

/** The issuers that verification may trust, and their keys. */
export interface IssuerSource {
  /** The registrations at exactly this issuer; none where it is not trusted. */
  find(iss: string): readonly Registration[] | Promise<readonly Registration[]>
  /** All registrations, where they are a list. */
  readonly all: readonly Registration[]
  keysOf(registration: Registration): JWTVerifyGetKey
}

/** Whether two issuers differ by a trailing slash at most, the commonest fault. */
const isNear = (one: string, other: string): boolean => one.replace(/\/$/, '') === other.replace(/\/$/, '')

/** The registrations at the issuer that a token names, or an error that names the one it most likely means (RP-11). */
export async function findIssuer(iss: unknown, { find, all }: IssuerSource): Promise<readonly Registration[]> {
  const name = String(iss)
  const found = typeof iss === 'string' ? await find(name) : []
  if (found.length > 0) return found
  throw claimError('iss', 'is not a trusted issuer', (all.find(({ issuer }) => isNear(issuer, name)) ?? all[0])?.issuer)
}
