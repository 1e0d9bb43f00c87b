import { asLogoutError, BackchannelLogoutError } from '../errors.js'
import type { IssuerSource } from '../issuers/issuer-source.js'
import type { Registration } from '../issuers/trusted-issuer.js'
import type { LogoutEvent, Wish } from '../sessions/end-sessions.js'
import { doneKey, scopesOfLogout, type Scope } from '../sessions/markers.js'
import { expiryFor } from '../sessions/one-rule.js'
import type { CheckedClaims } from '../token/logout-token.js'
import { verify, type Verified } from '../token/verify-logout-token.js'
import { defined } from '../util/objects.js'
import { singleFlight, type Flight } from '../util/single-flight.js'

/** One call of `receive`. If the same token arrives again during the call, both callers share it. */
export interface Receiving extends Flight<LogoutEvent> {
  /** Set when the token has been verified. */
  token?: Verified['token']
}

export interface ReceiveOptions {
  issuers: IssuerSource
  endSessions(wish: Wish): Promise<LogoutEvent>
  replay?: 'acknowledge' | 'reject' | undefined
  /** Seconds after which a call in progress counts as lost. */
  longest: number
  now(): number
}

/**
 * Returns the groups of sessions that a token ends (RP-30). A token with `sid` ends the session of this `sid`. If the token
 * also has `sub`, the subject's sessions with an unknown `sid` end, too. A token without `sid` ends all sessions of `sub`.
 * With the `logoutScope` `'subject'`, a token with both claims also ends all sessions of `sub`.
 */
function scopesOfToken(
  { sub, sid }: CheckedClaims,
  { logoutScope, issuer, sessionIssuer = issuer }: Registration,
): Scope[] {
  return scopesOfLogout(sessionIssuer, sid, sid && logoutScope === 'session' ? 'nosid' : 'sub', sub)
}

/** Makes the function that verifies a Logout Token, and ends the sessions that the token names. */
export function createReceive(options: ReceiveOptions): (logoutToken: string) => Receiving {
  const { issuers, endSessions, replay, longest, now } = options
  const flights = singleFlight<Receiving>(longest)

  const run = async (logoutToken: string, flight: Receiving): Promise<LogoutEvent> => {
    try {
      const { token, registrations } = await verify(logoutToken, issuers, now)
      flight.token = token
      const { iat, exp } = token
      const [{ issuer, sessionIssuer: iss = issuer }] = registrations as [Registration]
      const time = now()
      const logout = await endSessions({
        event: defined({ ...token, source: 'logout-token', iss, aud: undefined, exp: undefined }) as Wish['event'],
        markers: registrations.map((registration) => ({
          clientId: registration.clientId,
          iat: iat + registration.iatSkew,
          scopes: scopesOfToken(token, registration),
        })),
        // The record must exist for as long as the token would be accepted: until `exp`, or until `maxTokenAge` after `iat`.
        done: registrations.map(({ clientId, clockTolerance, maxTokenAge }) => {
          const end = exp ?? iat + maxTokenAge!
          return { key: doneKey(token, clientId), expiresAt: expiryFor(0, time, end + clockTolerance - time) }
        }),
      })
      if (logout.replayed && replay === 'reject')
        throw new BackchannelLogoutError('ERR_LOGOUT_TOKEN_REPLAYED', 'was carried out before')
      return logout
    } catch (error) {
      throw asLogoutError('the logout', error)
    }
  }

  return (logoutToken) => flights.run((flight) => run(logoutToken, flight), logoutToken)
}
