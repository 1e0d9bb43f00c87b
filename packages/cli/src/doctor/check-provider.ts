import { good, isLoopback, problem, warning, type DoctorFinding } from './finding.js'
import { reasonOf } from '../network/reach.js'

type Json = Record<string, unknown>

const timeout = 10_000
const wellKnown = '/.well-known/openid-configuration'

/** Gets JSON, or says why not. */
async function get(url: string): Promise<Json | string> {
  try {
    const headers = { accept: 'application/json' }
    const response = await fetch(url, { redirect: 'manual', headers, signal: AbortSignal.timeout(timeout) })
    const location = response.headers.get('location')
    if (location !== null) return `it redirects to ${location}`
    if (response.status !== 200) return `it answers ${response.status}`
    const text = await response.text()
    return parseObject(text) ?? 'it answers no JSON object'
  } catch (error) {
    return reasonOf(error)
  }
}

function parseObject(text: string): Json | undefined {
  try {
    const json: unknown = JSON.parse(text)
    return typeof json === 'object' && json !== null && !Array.isArray(json) ? (json as Json) : undefined
  } catch {
    return undefined
  }
}

const isSlashAway = (one: string, other: string): boolean => one.replace(/\/$/, '') === other.replace(/\/$/, '')

/** What can be said of an issuer before anybody is asked. */
function checkAddress(issuer: string): DoctorFinding | undefined {
  const { protocol, search } = new URL(issuer)
  if (issuer.endsWith(wellKnown)) {
    const remedy = `Configure the issuer without what follows it: "${issuer.slice(0, -wellKnown.length)}".`
    return problem('This is the address of the discovery document, not the issuer.', remedy)
  }
  if (search !== '') return problem('The issuer has a query.', 'No issuer has one: see what the provider calls itself.')
  if (protocol !== 'https:' && !isLoopback(issuer))
    return problem('The issuer is not https.', 'Serve the provider by https; plain http is for this machine alone.')
  return undefined
}

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
  const announced = (name: string, remedy: string): DoctorFinding =>
    metadata[name] === true
      ? good(`The provider announces ${name}.`)
      : warning(`The provider does not announce ${name}.`, remedy)
  return [
    announced(
      'backchannel_logout_supported',
      'It may not send logouts at all: see its documentation, and the settings of the realm, tenant or edition.',
    ),
    announced(
      'backchannel_logout_session_supported',
      'Its Logout Tokens may have no sid: then each logout ends all sessions of its user.',
    ),
  ]
}

/** What a key must be for an algorithm. */
function kindOf(alg: string): { kty: string; crv?: RegExp } {
  if (/^[RP]S/.test(alg)) return { kty: 'RSA' }
  if (alg.startsWith('ES')) return { kty: 'EC', crv: new RegExp(`^P-${alg === 'ES512' ? 521 : alg.slice(2)}$`) }
  return alg.startsWith('Ed') ? { kty: 'OKP', crv: /^Ed/ } : { kty: 'AKP' }
}

function fits({ kty, crv, alg: own }: Json, alg: string): boolean {
  const kind = kindOf(alg)
  return kty === kind.kty && (kind.crv?.test(String(crv)) ?? true) && (own === undefined || own === alg)
}

async function checkKeys(metadata: Json, registered: string): Promise<DoctorFinding> {
  if (registered.startsWith('HS')) return good(`${registered} needs no keys of the provider.`)
  const uri = metadata['jwks_uri']
  if (typeof uri !== 'string' || !URL.canParse(uri)) {
    const remedy = 'Without keys no logout can be verified: is this an OpenID Provider?'
    return problem('The discovery document names no jwks_uri.', remedy)
  }
  const jwks = await get(uri)
  if (typeof jwks === 'string')
    return problem(
      `The keys at ${uri} cannot be had: ${jwks}.`,
      'Without them no logout can be verified: see that this machine reaches it.',
    )
  const keys = Array.isArray(jwks['keys']) ? (jwks['keys'] as Json[]).filter((key) => key?.['use'] !== 'enc') : []
  if (keys.length === 0)
    return problem(
      `There is no key to verify by at ${uri}.`,
      'Give the provider a signing key that is asymmetric, such as RS256.',
    )
  if (keys.some((key) => fits(key, registered))) return good(`There is a key for ${registered} at ${uri}.`)
  const usable = announcedBy(metadata).filter((alg) => keys.some((key) => fits(key, alg)))
  const others = usable.length > 0 ? usable : keys.map(({ alg, crv, kty }) => String(alg ?? crv ?? kty))
  const list = [...new Set(others)].map((alg) => `'${alg}'`).join(', ')
  return problem(
    `There is no key for ${registered} at ${uri}, only for ${list}.`,
    `Configure the algorithm that the client is registered with, algorithms: [${list}], and name it by --alg.`,
  )
}

/** The algorithms that a provider says it signs with. */
function announcedBy(metadata: Json): string[] {
  const algorithms = metadata['id_token_signing_alg_values_supported']
  return Array.isArray(algorithms) ? algorithms.map(String) : []
}

function checkAlgorithm(metadata: Json, registered: string): DoctorFinding[] {
  const announced = announcedBy(metadata)
  if (announced.length === 0 || announced.includes(registered)) return []
  const what = `The provider does not announce ${registered}, but ${announced.join(', ')}.`
  return [warning(what, 'See what algorithm the client is registered with, configure it, and name it by --alg.')]
}

/** Looks at the provider: discovery, issuer, what it announces, keys. */
export async function checkProvider(issuer: string, alg: string): Promise<DoctorFinding[]> {
  const wrong = checkAddress(issuer)
  if (wrong) return [wrong]
  const url = issuer.replace(/\/$/, '') + wellKnown
  const metadata = await get(url)
  if (typeof metadata === 'string') {
    return [
      problem(
        `Discovery at ${url} does not work: ${metadata}.`,
        'See that the issuer is right and that this machine reaches it.',
      ),
    ]
  }
  const keys = await checkKeys(metadata, alg)
  return [
    good(`Discovery at ${url} works.`),
    checkIssuer(issuer, metadata['issuer']),
    ...checkSupport(metadata),
    // Where there is no key either, that says it better.
    ...(keys.level === 'good' ? checkAlgorithm(metadata, alg) : []),
    keys,
  ]
}
