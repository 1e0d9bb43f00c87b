import { providerProfiles, type ProviderProfile } from '../../providers/provider-profiles.js'
import { randomId } from '../../random-id.js'
import type { ConformanceCase } from '../case.js'
import { expectAccepted, expectEnded } from '../relying-party/expectations.js'
import type { Party, Visit } from '../relying-party/party.js'

/**
 * Tells whether a profile becomes a case. The profile must be signed with RS256 and accepted by default. The
 * application under test is configured only with an issuer, a client and RS256. So it rightly refuses a token that
 * needs another algorithm, encryption or a setting such as `requireExp: false`.
 *
 * No case sends the other profiles. The tests of provider-profiles.ts verify them with their settings.
 */
const isSent = ({ header, byDefault }: ProviderProfile): boolean => header.alg === 'RS256' && byDefault === 'accepted'

/**
 * Tells whether a case would be a duplicate. The profiles `wso2-is-suborg` and `wso2-is-default` differ only in the
 * issuer, and each case replaces the issuer.
 */
const isDuplicate = ({ id }: ProviderProfile): boolean => id === 'wso2-is-suborg'

/**
 * Signs a token in the form of a profile. The issuer, the client and the key come from the test provider. The sub and
 * the sid come from a visit.
 */
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
    reference: `BCL 2.4 allows this form. ${provider} sends it, according to ${bases[basis]}`,
    sends: `a valid token in the form of ${provider}`,
    wants: '200',
    wantsOfSession: 'the session has ended',
    ...(typeof payload['sid'] !== 'string' && { namesOnlyTheUser: true }),
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
          // ZITADEL dates a token one second early. A session that began in this second rightly stays alive.
          const isDatedEarly = payload.iat < 0
          if (!isDatedEarly) await expectEnded(visit)
        },
      ]
    },
  }
}

/** The tokens that providers send to a client with default settings. */
export const providerConformance: readonly ConformanceCase[] = providerProfiles
  .filter((profile) => isSent(profile) && !isDuplicate(profile))
  .map(toCase)
