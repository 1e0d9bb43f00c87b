import { claimError } from '../errors.js'
import { isText } from '../util/options.js'
import type { KeySource } from '../keys/remote-keys.js'
import type { Registration } from './trusted-issuer.js'

/** The issuers that verification may trust. */
export interface Trust {
  /**
   * Finds the registrations at this issuer. The issuer must match exactly. An empty list means that the issuer is not
   * trusted.
   *
   * @param isWanted Returns true for a registration that the caller needs. If a cached answer of the issuer function has no
   *   such registration, the function is called again.
   */
  find(
    iss: string,
    isWanted: (registration: Registration) => boolean,
  ): readonly Registration[] | Promise<readonly Registration[]>
  /** All registrations of the list. Empty if a function finds the issuers. */
  readonly all: readonly Registration[]
}

/** Trusted issuers and their keys. */
export interface IssuerSource extends Trust {
  keysOf(registration: Registration): KeySource
  /**
   * Call this function when a token of this issuer is valid. Then forged tokens cannot push the answer for this issuer out of
   * the cache.
   */
  prove(iss: string): void
}

/** Trusts these registrations only. */
export const trust = (all: readonly Registration[]): Trust => ({
  all,
  find: (iss) => all.filter(({ issuer }) => issuer === iss),
})

/**
 * Finds the registrations at the issuer that a token names. If there are none, the error names a configured issuer (RP-11):
 * the issuer that differs only by a trailing slash, or the first issuer of the list.
 */
export async function findIssuer(
  iss: unknown,
  { find, all }: Trust,
  isWanted: (registration: Registration) => boolean,
): Promise<readonly Registration[]> {
  const name = isText(iss) ? iss : ''
  const registrations = name ? await find(name, isWanted) : []
  if (registrations[0]) return registrations
  // The most common mistake is a trailing slash.
  const nearest = all.find(({ issuer }) => issuer === `${name}/` || name === `${issuer}/`) ?? all[0]
  throw claimError('iss', 'is not trusted', nearest?.issuer)
}
