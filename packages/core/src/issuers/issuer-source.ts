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
   * @param isComplete Returns true if the registrations contain all that the caller needs. If it returns false for a cached
   *   answer of the issuer function, the function is called again.
   * @param maxAge Set it for a logout for all clients. If the cached answer is older than these seconds, the issuer function is
   *   called. If the call fails, the cached answer is used. With 0, the call has no limit. A token must have been verified first.
   */
  find(
    iss: string,
    isComplete: (registrations: readonly Registration[]) => boolean,
    maxAge?: number,
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
  use(iss: string): void
}

/**
 * Finds the registrations at the issuer that a token names. If there are none, the error names a configured issuer (RP-11):
 * the issuer that differs only by a trailing slash, or the first issuer of the list.
 */
export async function findIssuer(
  iss: unknown,
  { find, all }: Trust,
  isComplete: (registrations: readonly Registration[]) => boolean,
): Promise<readonly Registration[]> {
  const name = isText(iss) ? iss : ''
  const registrations = name ? await find(name, isComplete) : []
  if (registrations[0]) return registrations
  // The most common mistake is a trailing slash.
  const nearest = all.find(({ issuer }) => issuer === `${name}/` || name === `${issuer}/`) ?? all[0]
  throw claimError('iss', 'is not trusted', nearest?.issuer)
}
