import { BACKCHANNEL_LOGOUT_EVENT, type BackchannelLogoutError, type TrustedIssuer } from '@bcl/core'
import { isAlgorithm } from './jws-algorithm.js'
import { show } from './show.js'

/** Something that is wrong with a token. */
export interface Finding {
  problem: string
  remedy: string
  /** Settings of `TrustedIssuer` that accept it all the same. */
  settings?: Partial<TrustedIssuer>
}

/** A finding, and what to change in header or claims so that the next one comes to light. */
export interface Step extends Finding {
  header?: Record<string, unknown>
  claims?: Record<string, unknown>
}

export interface Look {
  header: Record<string, unknown>
  claims: Record<string, unknown>
  trusted: TrustedIssuer
  now: number
}

/** A claim as it is, or that it is not there. */
const given = (claim: string, value: unknown, wanted?: string): string => {
  if (value === undefined) return `There is no "${claim}".`
  return `"${claim}" is ${show(value)}${wanted === undefined ? '' : `, not ${show(wanted)}`}.`
}
/** Seconds that clocks can reasonably be apart. */
const skew = 300
/** No time in seconds is so large in the next thousands of years, and each in milliseconds is. */
const milliseconds = 1e11
/** The longest `kid` that is looked for. */
const maxKid = 1024

const byClaim: Record<string, (look: Look) => Step> = {
  iss: ({ claims: { iss }, trusted: { issuer } }) => {
    const isSlash = typeof iss === 'string' && iss.replace(/\/$/, '') === issuer.replace(/\/$/, '')
    return {
      problem: given('iss', iss, typeof iss === 'string' ? issuer : undefined),
      remedy: `${isSlash ? 'They differ by a slash at the end, which counts. ' : ''}Configure the issuer exactly as the provider writes it, in its discovery document too.`,
      ...(isSlash && { settings: { issuer: iss } }),
      claims: { iss: issuer },
    }
  },
  aud: ({ claims: { aud }, trusted: { clientId } }) => {
    const claims = { aud: clientId }
    const audiences: unknown[] = [aud].flat()
    if (!audiences.every((audience) => typeof audience === 'string' && audience !== '')) {
      return { problem: given('aud', aud), remedy: 'It must be a client_id, or a list of such, as text.', claims }
    }
    const others = (audiences as string[]).filter((audience) => audience !== clientId)
    if (others.length === audiences.length) {
      const remedy = 'It is for another client: compare the client_id.'
      return { problem: given('aud', aud, clientId), remedy, claims }
    }
    return {
      problem: `"aud" names others too: ${others.map(show).join(', ')}.`,
      remedy: 'Name the audiences that may be there.',
      settings: { trustedAudiences: others },
      claims,
    }
  },
  azp: ({ claims: { azp }, trusted: { clientId } }) => ({
    problem: `"azp" is ${show(azp)}, not ${show(clientId)}.`,
    remedy: 'It was made for another client: compare the client_id.',
    claims: { azp: undefined },
  }),
  exp: ({ claims: { exp }, now }) =>
    exp === undefined
      ? {
          problem: 'There is no "exp".',
          remedy: 'Older providers send none; then the age of "iat" is bounded instead, to two minutes.',
          settings: { requireExp: false },
          claims: { exp: now + 120 },
        }
      : { problem: `"exp" is ${show(exp)}.`, remedy: 'It must be a number of seconds.', claims: { exp: now + 120 } },
  iat: ({ claims: { iat }, now }) => {
    const ahead = typeof iat === 'number' ? Math.ceil(iat - now) : Number.NaN
    if (!(ahead > 0) || ahead > milliseconds) {
      const isMilliseconds = ahead > milliseconds && Number.isFinite(ahead)
      const remedy = `It must be a number of seconds${isMilliseconds ? '; this is one of milliseconds' : ''}.`
      return { problem: given('iat', iat), remedy, claims: { iat: now } }
    }
    return {
      problem: `"iat" is ${ahead} s in the future.`,
      remedy: 'Set the clocks of the provider and of this machine.',
      ...(ahead <= skew && { settings: { clockTolerance: ahead } }),
      claims: { iat: now },
    }
  },
  nbf: ({ claims: { nbf } }) => ({
    problem: `"nbf" is ${show(nbf)}, which is not now or before.`,
    remedy: 'Set the clocks of the provider and of this machine.',
    claims: { nbf: undefined },
  }),
  jti: ({ claims: { jti } }) => ({
    problem: given('jti', jti),
    remedy: 'Each token must have a name of its own, as text. This is for the provider to mend.',
    claims: { jti: 'none' },
  }),
  events: ({ claims: { events, event } }) => ({
    problem: event === undefined ? given('events', events) : 'There is an "event" where "events" should be.',
    remedy:
      event === undefined
        ? `It must be an object with "${BACKCHANNEL_LOGOUT_EVENT}": {}. Is this an ID Token?`
        : 'WSO2 Identity Server 5.9 and 5.10 write it so: update it.',
    claims: { events: { [BACKCHANNEL_LOGOUT_EVENT]: {} } },
  }),
  nonce: () => ({
    problem: 'There is a "nonce".',
    remedy: 'No Logout Token has one. Is this an ID Token?',
    claims: { nonce: undefined },
  }),
  sub: ({ claims: { sub, sid } }) => ({
    problem: sub === undefined && sid === undefined ? 'There is neither "sub" nor "sid".' : `"sub" is ${show(sub)}.`,
    remedy: 'The provider must say whose session it is, as text.',
    claims: { sub: 'none' },
  }),
  sid: ({ claims: { sid } }) => ({
    problem: given('sid', sid),
    remedy: 'It must be text; register the client with backchannel_logout_session_required: true to get one.',
    claims: { sid: undefined, sub: 'none' },
  }),
}

/** Not signed as most are. */
export function ofAlgorithm({ header: { alg } }: Look): Step {
  if (!isAlgorithm(alg)) {
    const isNone = typeof alg !== 'string' || alg.toLowerCase() === 'none'
    return {
      problem: given('alg', alg),
      remedy: `${isNone ? 'It is not signed, and nothing accepts it' : 'It is not known'}. Register an id_token_signed_response_alg such as RS256.`,
      header: { alg: 'RS256' },
    }
  }
  const isSecret = alg.startsWith('HS')
  return {
    problem: `It is signed with ${alg}, not with RS256.`,
    remedy: `Configure the algorithm that the client is registered with${isSecret ? ', and the client secret' : ''}.`,
    settings: { algorithms: [alg], ...(isSecret && { clientSecret: '...' }) },
    header: { alg: 'RS256' },
  }
}

/** Whether a `kid` is one that keys are looked for by. */
export const isKid = (kid: unknown): boolean => typeof kid === 'string' && kid.length <= maxKid

/** A header that no receiver takes. */
export function ofForm({ header }: Look): Step | undefined {
  const { typ, crit, b64, kid } = header
  if (crit !== undefined || b64 !== undefined) {
    const remedy = 'A receiver must not pass over a critical header parameter that it does not know.'
    return { problem: 'The header has "crit" or "b64".', remedy, header: { crit: undefined, b64: undefined } }
  }
  if (kid !== undefined && !isKid(kid)) {
    const problem = typeof kid === 'string' ? `"kid" is ${kid.length} characters long.` : `"kid" is ${show(kid)}.`
    return { problem, remedy: `It must be text, of ${maxKid} characters at most.`, header: { kid: undefined } }
  }
  if (typ === undefined) return undefined
  return {
    problem: `"typ" is ${show(typ)}.`,
    remedy: 'It must be logout+jwt, JWT or nothing: this is another kind of token.',
    header: { typ: undefined },
  }
}

const ofAge = ({ claims: { iat, exp }, now }: Look, claim: string | undefined): Step => {
  const since = Math.floor(now - Number(claim === 'exp' ? exp : iat))
  return {
    problem: claim === 'exp' ? `It expired ${since} s ago.` : `It is ${since} s old.`,
    remedy: 'Tokens are good for a short time alone: an old one is refused as it must be. Or are the clocks apart?',
    ...(since <= skew && { settings: { clockTolerance: since + 1 } }),
    claims: { exp: now + 120, iat: now },
  }
}

/** What an error of `@bcl/core` means for whoever configures it. */
export function stepFor({ code, claim }: BackchannelLogoutError, look: Look): Step | undefined {
  if (code === 'ERR_LOGOUT_TOKEN_CLAIM') return claim === undefined ? undefined : byClaim[claim]?.(look)
  if (code === 'ERR_LOGOUT_TOKEN_EXPIRED') return ofAge(look, claim)
  if (code === 'ERR_LOGOUT_TOKEN_SIGNATURE') return ofAlgorithm(look)
  return code === 'ERR_LOGOUT_TOKEN_INVALID' ? ofForm(look) : undefined
}
