import { good, isLoopback, problem, warning, type DoctorFinding } from './finding.js'
import { reasonOf } from './reach.js'

type Json = Record<string, unknown>

const timeout = 10_000

/** Gets JSON, or says why not. */
async function get(url: string): Promise<Json | string> {
  try {
    const headers = { accept: 'application/json' }
    const response = await fetch(url, { redirect: 'manual', headers, signal: AbortSignal.timeout(timeout) })
    const location = response.headers.get('location')
    if (location !== null) return `it redirects to ${location}`
    if (response.status !== 200) return `it answers ${response.status}`
    const json: unknown = await response.json()
    return typeof json === 'object' && json !== null ? (json as Json) : 'it answers no JSON object'
  } catch (error) {
    return reasonOf(error)
  }
}

const isSlashAway = (one: string, other: string): boolean => one.replace(/\/$/, '') === other.replace(/\/$/, '')

function checkIssuer(issuer: string, found: unknown): DoctorFinding {
  if (found === issuer) return good('The discovery document names the same issuer.')
  if (typeof found !== 'string')
    return problem(
      'The discovery document names no issuer.',
      'Is this an OpenID Provider? See that the address is right.',
    )
  return problem(
    `The discovery document names the issuer "${found}", not "${issuer}".`,
    `${isSlashAway(found, issuer) ? 'They differ by a slash at the end, which counts. ' : ''}Configure the issuer as "${found}".`,
  )
}

function checkSupport(metadata: Json): DoctorFinding[] {
  const missing = (name: string, remedy: string): DoctorFinding[] =>
    metadata[name] === true
      ? [good(`The provider announces ${name}.`)]
      : [warning(`The provider does not announce ${name}.`, remedy)]
  return [
    ...missing(
      'backchannel_logout_supported',
      'It may not send logouts at all: see its documentation, and the settings of the realm, tenant or edition.',
    ),
    ...missing(
      'backchannel_logout_session_supported',
      'Its Logout Tokens may have no sid: then each logout ends all sessions of its user.',
    ),
  ]
}

const kinds: Record<string, string> = { RS: 'RSA', PS: 'RSA', ES: 'EC', Ed: 'OKP', ML: 'AKP' }

function checkKeys(
  jwks: Json | string,
  uri: string,
  algorithms: readonly string[],
  registered: string,
): DoctorFinding[] {
  if (registered.startsWith('HS')) return [good(`${registered} needs no keys of the provider.`)]
  if (typeof jwks === 'string')
    return [
      problem(
        `The keys at ${uri} cannot be had: ${jwks}.`,
        'Without them no logout can be verified: see that this machine reaches it.',
      ),
    ]
  const keys = Array.isArray(jwks['keys']) ? (jwks['keys'] as Json[]).filter((key) => key?.['use'] !== 'enc') : []
  if (keys.length === 0)
    return [
      problem(
        `There is no key to verify by at ${uri}.`,
        'Give the provider a signing key that is asymmetric, such as RS256.',
      ),
    ]
  const fitting = (alg: string): boolean =>
    keys.some(({ kty, alg: own }) => kty === kinds[alg.slice(0, 2)] && (own === undefined || own === alg))
  const usable = algorithms.filter(fitting)
  if (fitting(registered)) return [good(`There is a key for ${registered} at ${uri}.`)]
  const others = usable.length > 0 ? usable : keys.map(({ alg, kty }) => String(alg ?? kty))
  const list = [...new Set(others)].map((alg) => `'${alg}'`).join(', ')
  return [
    problem(
      `There is no key for ${registered} at ${uri}, only for ${list}.`,
      `Configure the algorithm that the client is registered with, algorithms: [${list}], and name it by --alg.`,
    ),
  ]
}

/** Looks at the provider: discovery, issuer, what it announces, keys. */
export async function checkProvider(issuer: string, alg: string): Promise<DoctorFinding[]> {
  const { protocol, search } = new URL(issuer)
  if (search !== '')
    return [problem('The issuer has a query.', 'No issuer has one: see what the provider calls itself.')]
  if (protocol !== 'https:' && !isLoopback(issuer))
    return [problem('The issuer is not https.', 'Serve the provider by https; plain http is for this machine alone.')]
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  const metadata = await get(url)
  if (typeof metadata === 'string') {
    return [
      problem(
        `Discovery at ${url} does not work: ${metadata}.`,
        'See that the issuer is right and that this machine reaches it.',
      ),
    ]
  }
  const algorithms = metadata['id_token_signing_alg_values_supported']
  const uri = String(metadata['jwks_uri'])
  const keys = URL.canParse(uri) ? await get(uri) : 'it is no URL'
  return [
    good(`Discovery at ${url} works.`),
    checkIssuer(issuer, metadata['issuer']),
    ...checkSupport(metadata),
    ...checkKeys(keys, uri, Array.isArray(algorithms) ? (algorithms as string[]) : [], alg),
  ]
}
