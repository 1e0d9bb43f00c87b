import { providerProfiles, type ProviderProfile } from '../../providers/provider-profiles.js'
import { randomId } from '../../random-id.js'
import type { ConformanceCase } from '../case.js'
import { expectAccepted, expectEnded } from '../relying-party/expectations.js'
import type { Party, Visit } from '../relying-party/party.js'

/**
 * Only profiles that are signed with RS256 and accepted by default become cases. The application under test is configured
 * with nothing but an issuer, a client and RS256. A token that needs another algorithm, encryption or a setting such as
 * `requireExp: false` would fail there, although the application is right.
 *
 * If you add another kind of profile, no case sends it. The tests of provider-profiles.ts still verify it with its settings.
 */
const isSent = ({ header, byDefault }: ProviderProfile): boolean => header.alg === 'RS256' && byDefault === 'accepted'

/** This profile differs from `wso2-is-default` only in its issuer, which the case replaces. */
const isDuplicate = ({ id }: ProviderProfile): boolean => id === 'wso2-is-suborg'

/** Signs a token in the form of a profile, with the issuer, client and key of the test provider and the names of a visit. */
function signLike({ header, payload }: ProviderProfile, { provider: { op } }: Party, visit: Visit): Promise<string> {
  const now = op.now()
  const claims = Object.entries(payload).map(([claim, value]) => {
    if (['iat', 'exp', 'nbf'].includes(claim)) return [claim, now + (value as number)]
    if (claim === 'iss') return [claim, op.issuer]
    if (claim === 'aud') return [claim, Array.isArray(value) ? [op.clientId] : op.clientId]
    if (claim === 'azp') return [claim, op.clientId]
    if (claim === 'jti') return [claim, randomId()]
    if ((claim === 'sub' || claim === 'sid') && typeof value === 'string') return [claim, visit[claim]]
    return [claim, value]
  })
  return op.sign(Object.fromEntries(claims) as object, { ...header, alg: op.key.alg, kid: op.key.kid })
}

const bases: Record<ProviderProfile['basis'], string> = {
  captured: 'a captured request',
  source: 'the source code of the provider',
  documentation: 'the documentation of the provider',
}

const toCase = (profile: ProviderProfile): ConformanceCase => {
  const { id, provider, basis, http, payload } = profile
  return {
    id: `provider/${id}`,
    group: 'provider',
    title: `accepts a Logout Token in the form of ${provider}`,
    grade: 'interoperability',
    requirement: 'RP-10',
    reference: `The form comes from ${bases[basis]}; BCL 2.4 allows it`,
    sends: `a good token in the form of ${provider}`,
    wants: '200',
    wantsOfSession: 'the session has ended',
    acts(party) {
      let visit: Visit
      return [
        async () => void (visit = await party.signIn()),
        async () => {
          const headers = {
            'content-type': http.contentType,
            ...(http.userAgent !== undefined && { 'user-agent': http.userAgent }),
          }
          expectAccepted(await party.post(await signLike(profile, party, visit), headers))
          // ZITADEL dates a token one second early. The session may have begun in that second and is then newer.
          const isDatedEarly = payload.iat < 0
          if (!isDatedEarly) await expectEnded(visit)
        },
      ]
    },
  }
}

/** What providers send to a client that is registered with the defaults. */
export const providerConformance: readonly ConformanceCase[] = providerProfiles
  .filter((profile) => isSent(profile) && !isDuplicate(profile))
  .map(toCase)
