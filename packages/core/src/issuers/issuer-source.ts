import { claimError } from '../errors.js'
import type { KeySource } from '../keys/remote-keys.js'
import type { Registration } from './trusted-issuer.js'

export type Fits = (registration: Registration) => boolean

/** The issuers that verification may trust. */
export interface Trust {
  /**
   * The registrations at exactly this issuer. An empty list means that the issuer is not trusted.
   *
   * @param fits Whether a registration is one that the caller needs. If a cached answer has none, it is asked for again.
   */
  find(iss: string, fits: Fits): readonly Registration[] | Promise<readonly Registration[]>
  /** All registrations, where they are a list. */
  readonly all: readonly Registration[]
}

/** Trusted issuers and their keys. */
export interface IssuerSource extends Trust {
  keysOf(registration: Registration): KeySource
}

/** Trusts these registrations. */
export const trust = (all: readonly Registration[]): Trust => ({
  all,
  find: (iss) => all.filter(({ issuer }) => issuer === iss),
})

/** The registrations at the issuer that a token names, or an error that names the one it most likely means (RP-11). */
export async function findIssuer(iss: unknown, { find, all }: Trust, fits: Fits): Promise<readonly Registration[]> {
  const name = typeof iss === 'string' ? iss : ''
  const found = name ? await find(name, fits) : []
  if (found.length > 0) return found
  // A trailing slash too many or too few is the commonest fault.
  const nearest = all.find(({ issuer }) => issuer === `${name}/` || name === `${issuer}/`) ?? all[0]
  throw claimError('iss', 'is not trusted', nearest?.issuer)
}
