import type { Issuers } from '../issuers/issuers.js'
import type { Registration } from '../issuers/trusted-issuer.js'
import { chain } from '../util/maybe.js'
import { isText, mustBeText, requireOption } from '../util/options.js'

const mustBePast = 'must be seconds, not milliseconds, and not in the future'

/** The members of a session, or of a user to end, that are checked against the issuers. */
export interface Dated {
  iss: string
  clientId?: string | undefined
  iat: number
  sid?: unknown
}

/** Checks the types of the members. `name` is for messages. Messages never contain `sub` or `sid`. */
export function checkMembers({ iss, clientId, iat, sid }: Dated, name: string, dateName = 'iat'): void {
  requireOption(isText(iss), `${name}.iss`, mustBeText, iss)
  requireOption(Number.isFinite(iat), `${name}.${dateName}`, mustBePast, iat)
  requireOption(clientId === undefined || isText(clientId), `${name}.clientId`, mustBeText, clientId)
  requireOption(typeof (sid ?? '') === 'string', `${name}.sid`, 'must be a string')
}

/**
 * Finds the registrations of a session's issuer and client. Returns a promise only if a function finds the issuers (RP-37). With
 * `maxAge` 0, a cached answer is not enough.
 */
export function createFindRegistrations(issuers: Issuers, now: () => number) {
  return (
    { iss, clientId: wanted, iat }: Dated,
    name: string,
    dateName = 'iat',
    maxAge?: number,
  ): readonly Registration[] | Promise<readonly Registration[]> => {
    const isWanted = ({ clientId }: Registration): boolean => (wanted ?? clientId) === clientId
    const choose = (atIssuer: readonly Registration[]): readonly Registration[] => {
      requireOption(!!atIssuer[0], `${name}.iss`, 'is not trusted', iss)
      const chosen = atIssuer.filter(isWanted)
      requireOption(!!chosen[0], `${name}.clientId`, 'is not trusted', wanted)
      const isPast = chosen.some(({ clockTolerance }) => Math.floor(iat) <= now() + clockTolerance)
      requireOption(isPast, `${name}.${dateName}`, mustBePast, iat)
      return chosen
    }
    return chain(
      issuers.findForSession(iss, (known) => known.some(isWanted), maxAge),
      choose,
    )
  }
}
