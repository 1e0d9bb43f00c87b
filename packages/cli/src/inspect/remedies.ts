import { BACKCHANNEL_LOGOUT_EVENT, type BackchannelLogoutError, type TrustedIssuer } from '@bcl/core'
import { formatValue } from './format-value.js'
import { isAlgorithm } from './jws-algorithm.js'

/** A fault of a Logout Token. */
export interface Finding {
  /** The fault, in one sentence. */
  problem: string
  /** The action that solves the problem. */
  remedy: string
  /** Settings of `TrustedIssuer` with which `@bcl/core` accepts the token despite this fault. */
  settings?: Partial<TrustedIssuer>
}

/**
 * A finding, and the changes to the token that repair the fault. The next check gets the repaired token, and can find
 * the next fault.
 */
export interface Repair extends Finding {
  header?: Record<string, unknown>
  claims?: Record<string, unknown>
}

/** The token under inspection, and the settings with which it is checked. */
export interface InspectedToken {
  header: Record<string, unknown>
  claims: Record<string, unknown>
  trusted: TrustedIssuer
  /** NumericDate, in seconds. */
  now: number
}

/** Seconds. The clocks of servers rarely differ by more than this. */
const plausibleSkew = 300
/** Times below this number are in seconds. Times above this number are in milliseconds. */
const smallestMilliseconds = 1e11
/** Seconds. `@bcl/core` refuses a token without `exp` that is older than this: 120 s plus the tolerance of 60 s. */
const maxAgeWithoutExp = 180
/** `@bcl/core` refuses a longer `kid`. */
const maxKidLength = 1024

const describeClaim = (claim: string, value: unknown, wanted?: string): string => {
  if (value === undefined) return `There is no "${claim}".`
  return `"${claim}" is ${formatValue(value)}${wanted === undefined ? '' : `, not ${formatValue(wanted)}`}.`
}

/** The repair for each claim that `@bcl/core` can name in an error. */
const repairsByClaim: Record<string, (token: InspectedToken) => Repair> = {
  iss: ({ claims: { iss }, trusted: { issuer } }) => {
    const differsBySlash = typeof iss === 'string' && iss.replace(/\/$/, '') === issuer.replace(/\/$/, '')
    const slash = differsBySlash ? 'They differ by a slash at the end. ' : ''
    return {
      problem: describeClaim('iss', iss, typeof iss === 'string' ? issuer : undefined),
      remedy: `${slash}Configure the issuer exactly as the provider writes it in its tokens and in its discovery document.`,
      ...(differsBySlash && { settings: { issuer: iss } }),
      claims: { iss: issuer },
    }
  },
  aud: ({ claims: { aud }, trusted: { clientId } }) => {
    const claims = { aud: clientId }
    const audiences: unknown[] = [aud].flat()
    if (!audiences.every((audience) => typeof audience === 'string' && audience !== '')) {
      const remedy = '"aud" must be a client_id or a list of client_ids, as text.'
      return { problem: describeClaim('aud', aud), remedy, claims }
    }
    const others = (audiences as string[]).filter((audience) => audience !== clientId)
    if (others.length === audiences.length) {
      const remedy = 'The token is for another client. Compare the client_id.'
      return { problem: describeClaim('aud', aud, clientId), remedy, claims }
    }
    return {
      problem: `"aud" also names other audiences: ${others.map(formatValue).join(', ')}.`,
      remedy: 'List the audiences that you trust.',
      settings: { trustedAudiences: others },
      claims,
    }
  },
  azp: ({ claims: { azp }, trusted: { clientId } }) => ({
    problem: `"azp" is ${formatValue(azp)}, not ${formatValue(clientId)}.`,
    remedy: 'The token was made for another client. Compare the client_id.',
    claims: { azp: undefined },
  }),
  exp: ({ claims: { exp, iat }, now }) => {
    const claims = { exp: now + 120 }
    if (exp !== undefined) {
      return { problem: `"exp" is ${formatValue(exp)}.`, remedy: '"exp" must be a number of seconds.', claims }
    }
    const problem = 'There is no "exp".'
    const rule =
      'Older providers send no "exp". With requireExp: false, a token is accepted for two minutes after its "iat", plus clockTolerance.'
    const age = Math.floor(now - Number(iat))
    if (age < maxAgeWithoutExp) return { problem, remedy: rule, settings: { requireExp: false }, claims }
    return { problem, remedy: `${rule} This token is ${age} s old, so the setting does not help.`, claims }
  },
  iat: ({ claims: { iat }, now }) => {
    const ahead = typeof iat === 'number' ? Math.ceil(iat - now) : Number.NaN
    if (!(ahead > 0) || ahead > smallestMilliseconds) {
      const isMilliseconds = ahead > smallestMilliseconds && Number.isFinite(ahead)
      const remedy = `"iat" must be a number of seconds.${isMilliseconds ? ' This number is in milliseconds.' : ''}`
      return { problem: describeClaim('iat', iat), remedy, claims: { iat: now } }
    }
    return {
      problem: `"iat" is ${ahead} s in the future.`,
      remedy: 'Set the clocks of the provider and of this machine.',
      ...(ahead <= plausibleSkew && { settings: { clockTolerance: ahead } }),
      claims: { iat: now },
    }
  },
  nbf: ({ claims: { nbf } }) => ({
    problem: `"nbf" is ${formatValue(nbf)}, which is in the future or not a number.`,
    remedy: 'Set the clocks of the provider and of this machine.',
    claims: { nbf: undefined },
  }),
  jti: ({ claims: { jti } }) => ({
    problem: describeClaim('jti', jti),
    remedy: 'Each token needs its own "jti", as text. Only the provider can correct this.',
    claims: { jti: 'none' },
  }),
  events: ({ claims: { events, event } }) => ({
    problem: event === undefined ? describeClaim('events', events) : 'There is a claim "event" instead of "events".',
    remedy:
      event === undefined
        ? `"events" must be an object with "${BACKCHANNEL_LOGOUT_EVENT}": {}. Is this an ID Token?`
        : 'WSO2 Identity Server 5.9 and 5.10 send "event". Update the server.',
    claims: { events: { [BACKCHANNEL_LOGOUT_EVENT]: {} } },
  }),
  nonce: () => ({
    problem: 'There is a "nonce".',
    remedy: 'A Logout Token must have no "nonce". Is this an ID Token?',
    claims: { nonce: undefined },
  }),
  sub: ({ claims: { sub, sid } }) => ({
    problem: sub === undefined && sid === undefined ? 'There is neither "sub" nor "sid".' : describeClaim('sub', sub),
    remedy: 'The provider must name the user in "sub" or the session in "sid", as text.',
    claims: { sub: 'none' },
  }),
  sid: ({ claims: { sid } }) => ({
    problem: describeClaim('sid', sid),
    remedy: '"sid" must be text. To get a "sid", register the client with backchannel_logout_session_required: true.',
    claims: { sid: undefined, sub: 'none' },
  }),
}

/** Tells whether a token comes from Keycloak. Keycloak adds a claim `typ`, and its issuers contain `/realms/`. */
const isKeycloak = ({ typ, iss }: Record<string, unknown>): boolean =>
  typ === 'Logout' || (typeof iss === 'string' && /\/realms\/[^/]+$/.test(iss))

/** The repair for a token whose alg is not RS256. */
export function repairAlgorithm({ header: { alg }, claims }: InspectedToken): Repair {
  const header = { alg: 'RS256' }
  if (!isAlgorithm(alg)) {
    const isNone = typeof alg !== 'string' || alg.toLowerCase() === 'none'
    const reason = isNone ? 'The token is not signed. No receiver accepts it' : 'This algorithm is unknown'
    return {
      problem: describeClaim('alg', alg),
      remedy: `${reason}. Register an id_token_signed_response_alg such as RS256.`,
      header,
    }
  }
  const needsSecret = alg.startsWith('HS')
  if (needsSecret && isKeycloak(claims)) {
    return {
      problem: `The token is signed with ${alg}, not with RS256.`,
      remedy: `No setting helps. Keycloak signs ${alg} with a key of the realm, not with the client secret. At Keycloak, set the ID token signature algorithm of the client to RS256.`,
      header,
    }
  }
  return {
    problem: `The token is signed with ${alg}, not with RS256.`,
    remedy: `Configure the algorithm that the client is registered with.${needsSecret ? ' Also configure the client secret.' : ''}`,
    settings: { algorithms: [alg], ...(needsSecret && { clientSecret: '...' }) },
    header,
  }
}

/** Tells whether `@bcl/core` accepts a value as `kid`. */
export const isKid = (kid: unknown): boolean => typeof kid === 'string' && kid.length <= maxKidLength

/** The repair for a header that no receiver accepts, or `undefined` if the header has no known fault. */
export function repairHeader({ header }: InspectedToken): Repair | undefined {
  const { typ, crit, b64, kid } = header
  if (crit !== undefined || b64 !== undefined) {
    const remedy = 'A receiver must refuse a critical header parameter that it does not know.'
    return { problem: 'The header has "crit" or "b64".', remedy, header: { crit: undefined, b64: undefined } }
  }
  if (kid !== undefined && !isKid(kid)) {
    const problem = typeof kid === 'string' ? `"kid" is ${kid.length} characters long.` : describeClaim('kid', kid)
    const remedy = `"kid" must be text of at most ${maxKidLength} characters.`
    return { problem, remedy, header: { kid: undefined } }
  }
  if (typ === undefined) return undefined
  return {
    problem: describeClaim('typ', typ),
    remedy: '"typ" must be logout+jwt, JWT or absent. Any other value means another kind of token.',
    header: { typ: undefined },
  }
}

/** The repair for a token that is too old. `claim` is `exp` or `iat`. */
function repairAge({ claims: { iat, exp }, now }: InspectedToken, claim: string | undefined): Repair {
  const age = Math.floor(now - Number(claim === 'exp' ? exp : iat))
  return {
    problem: claim === 'exp' ? `The token expired ${age} s ago.` : `The token is ${age} s old.`,
    remedy: 'Receivers refuse old tokens. If this token is new, the clocks differ. Correct the clocks.',
    ...(age <= plausibleSkew && { settings: { clockTolerance: age + 1 } }),
    claims: { exp: now + 120, iat: now },
  }
}

/** The repair for the fault that an error of `@bcl/core` reports, or `undefined` if there is no known repair. */
export function repairFor({ code, claim }: BackchannelLogoutError, token: InspectedToken): Repair | undefined {
  if (code === 'ERR_LOGOUT_TOKEN_CLAIM') return claim === undefined ? undefined : repairsByClaim[claim]?.(token)
  if (code === 'ERR_LOGOUT_TOKEN_EXPIRED') return repairAge(token, claim)
  if (code === 'ERR_LOGOUT_TOKEN_SIGNATURE') return repairAlgorithm(token)
  return code === 'ERR_LOGOUT_TOKEN_INVALID' ? repairHeader(token) : undefined
}
