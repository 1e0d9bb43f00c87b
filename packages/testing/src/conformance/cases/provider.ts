import type { ConformanceCase } from '../case.js'
import { wantAccepted, wantEnded, type Party, type Visit } from '../relying-party/party.js'
import { randomName } from '../../providers/test-provider.js'
import { providerProfiles, type ProviderProfile } from '../../providers/provider-profiles.js'

/**
 * Those that a Relying Party with nothing but an issuer, a client and RS256 takes: `byDefault` is ours, and what they
 * lack otherwise is a requirement (`exp`) or a matter of registration (`alg`, encryption).
 */
const isPlain = ({ header, byDefault }: ProviderProfile): boolean => header.alg === 'RS256' && byDefault === 'accepted'

/** Nothing but its issuer is different from another, and all have the issuer of the provider under test here. */
const isOther = ({ id }: ProviderProfile): boolean => id !== 'wso2-is-suborg'

/** The form of a profile's token, in the words of the provider under test: its issuer, client and key, and this visit. */
function tokenLike({ header, payload }: ProviderProfile, { provider: { op } }: Party, visit: Visit): Promise<string> {
  const now = op.now()
  const said = Object.entries(payload).map(([claim, value]) => {
    if (['iat', 'exp', 'nbf'].includes(claim)) return [claim, now + (value as number)]
    if (claim === 'iss') return [claim, op.issuer]
    if (claim === 'aud') return [claim, Array.isArray(value) ? [op.clientId] : op.clientId]
    if (claim === 'azp') return [claim, op.clientId]
    if (claim === 'jti') return [claim, randomName()]
    if ((claim === 'sub' || claim === 'sid') && typeof value === 'string') return [claim, visit[claim]]
    return [claim, value]
  })
  return op.sign(Object.fromEntries(said) as object, { ...header, kid: op.key.kid })
}

const like = (profile: ProviderProfile): ConformanceCase => {
  const { id, provider, basis, http } = profile
  return {
    id: `provider/${id}`,
    group: 'provider',
    title: `accepts a token in the form of ${provider}`,
    grade: 'interoperability',
    requirement: 'RP-10',
    reference: `${basis === 'documentation' ? 'its documentation' : basis === 'source' ? 'its source' : 'a captured request'}; BCL 2.4 allows all of it`,
    sends: `a good token in the form of ${provider}`,
    wants: '200, and the session ended',
    acts(party) {
      let visit: Visit
      return [
        async () => void (visit = await party.signIn()),
        async () => {
          const headers = {
            'content-type': http.contentType,
            ...(http.userAgent !== undefined && { 'user-agent': http.userAgent }),
          }
          // ZITADEL dates a token a second early, and that second is when this session began: then it may live on.
          const isEarly = profile.payload.iat < 0
          wantAccepted(await party.post(await tokenLike(profile, party, visit), headers))
          if (!isEarly) await wantEnded(visit)
        },
      ]
    },
  }
}

/** What providers send to an application that is registered with the defaults. */
export const providerConformance: readonly ConformanceCase[] = providerProfiles
  .filter(isPlain)
  .filter(isOther)
  .map(like)
