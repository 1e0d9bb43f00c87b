import { isObject } from '@bcl/core/kit'
import { isAlgorithm } from '../inspect/jws-algorithm.js'
import { textOf } from '../inspect/format-value.js'
import { isLoopback } from '../network/address.js'
import { readAnswer } from '../network/read-answer.js'
import { reasonOf } from '../network/reason-of.js'
import { good, problem, warning, type DoctorFinding } from './finding.js'

type Json = Record<string, unknown>

const timeout = 10_000
const discoveryPath = '/.well-known/openid-configuration'

/** Fetches a JSON object. If the fetch fails, or the answer is too large, returns the reason as text. */
export async function fetchJson(url: string): Promise<Json | string> {
  try {
    const headers = { accept: 'application/json' }
    const response = await fetch(url, { redirect: 'manual', headers, signal: AbortSignal.timeout(timeout) })
    const location = response.headers.get('location')
    if (location !== null) return `the answer redirects to ${location}`
    if (response.status !== 200) return `the answer has the status ${response.status}`
    return parseObject(await readAnswer(response)) ?? 'the answer is not a JSON object'
  } catch (error) {
    return reasonOf(error)
  }
}

function parseObject(text: string): Json | undefined {
  try {
    const json: unknown = JSON.parse(text)
    return isObject(json) ? json : undefined
  } catch {
    return undefined
  }
}

const differOnlyBySlash = (one: string, other: string): boolean => one.replace(/\/$/, '') === other.replace(/\/$/, '')

/** Checks the form of the issuer. Returns a problem, or `undefined` if there is none. */
function checkAddress(issuer: string): DoctorFinding | undefined {
  const { protocol, search } = new URL(issuer)
  if (issuer.endsWith(discoveryPath)) {
    const remedy = `Configure the issuer: "${issuer.slice(0, -discoveryPath.length)}".`
    return problem('This is the address of the discovery document, not the issuer.', remedy)
  }
  if (search !== '') {
    const remedy = 'An issuer never has a query string. Look up the issuer in the documentation of the provider.'
    return problem('The issuer has a query string.', remedy)
  }
  if (protocol !== 'https:' && !isLoopback(issuer)) {
    const remedy = 'Serve the provider over https. Plain http is only for this machine.'
    return problem('The issuer does not use https.', remedy)
  }
  return undefined
}

function checkIssuer(issuer: string, announced: unknown): DoctorFinding {
  if (announced === issuer) return good('The discovery document names the same issuer.')
  if (typeof announced !== 'string') {
    const remedy = 'Check that the address is the issuer of an OpenID Provider.'
    return problem('The discovery document names no issuer.', remedy)
  }
  const slash = differOnlyBySlash(announced, issuer) ? 'They differ by a slash at the end. ' : ''
  return problem(
    `The discovery document names the issuer "${announced}", not "${issuer}".`,
    `${slash}Configure the issuer as "${announced}".`,
  )
}

function checkSupport(metadata: Json): DoctorFinding[] {
  const checkFlag = (name: string, remedy: string): DoctorFinding =>
    metadata[name] === true
      ? good(`The provider announces ${name}.`)
      : warning(`The provider does not announce ${name}.`, remedy)
  return [
    checkFlag(
      'backchannel_logout_supported',
      'Perhaps the provider sends no logouts. See its documentation, and the settings of its realm, tenant or edition.',
    ),
    checkFlag(
      'backchannel_logout_session_supported',
      'The Logout Tokens may have no sid. A token without sid ends all sessions of its user.',
    ),
  ]
}

/** Returns the type of the keys that fit an algorithm. */
function keyTypeFor(alg: string): { kty: string; crv?: RegExp } {
  if (/^[RP]S/.test(alg)) return { kty: 'RSA' }
  if (alg.startsWith('ES')) return { kty: 'EC', crv: new RegExp(`^P-${alg === 'ES512' ? 521 : alg.slice(2)}$`) }
  return alg.startsWith('Ed') ? { kty: 'OKP', crv: /^Ed/ } : { kty: 'AKP' }
}

function fitsAlgorithm({ kty, crv, alg: ofKey }: Json, alg: string): boolean {
  const type = keyTypeFor(alg)
  return kty === type.kty && (type.crv?.test(textOf(crv)) ?? true) && (ofKey === undefined || ofKey === alg)
}

/** The result of the check of the keys. */
interface KeyCheck {
  finding: DoctorFinding
  /** An algorithm for which the provider has a key. */
  usable?: string | undefined
}

/** Checks whether the JWK Set has a key for the algorithm of the client. */
export async function checkKeys(issuer: string, metadata: Json, alg: string): Promise<KeyCheck> {
  if (alg.startsWith('HS')) return { finding: good(`${alg} needs no keys of the provider.`), usable: alg }
  const uri = metadata['jwks_uri']
  if (typeof uri !== 'string' || !URL.canParse(uri)) {
    const remedy = 'No logout can be verified without keys. Check that the address is the issuer of an OpenID Provider.'
    return { finding: problem('The discovery document has no valid jwks_uri.', remedy) }
  }
  // The same rule as in `discoverKeys` of `@bcl/core`.
  if (!uri.startsWith('https:') && !(isLoopback(uri) && isLoopback(issuer))) {
    const remedy = `@bcl/core refuses it. Let the provider publish an https address, or configure keys: new URL('${uri}') and allowInsecureRequests: true.`
    return { finding: problem(`The jwks_uri ${uri} does not use https.`, remedy) }
  }
  const jwks = await fetchJson(uri)
  if (typeof jwks === 'string') {
    const remedy = 'No logout can be verified without keys. Check that this machine reaches the address.'
    return { finding: problem(`The keys at ${uri} cannot be fetched: ${jwks}.`, remedy) }
  }
  const members: unknown[] = Array.isArray(jwks['keys']) ? jwks['keys'] : []
  const keys = members.filter(isObject).filter(({ use }) => use !== 'enc')
  if (keys.length === 0) {
    const remedy = 'Give the provider an asymmetric signing key, for example for RS256.'
    return { finding: problem(`The JWK Set at ${uri} has no key that verifies signatures.`, remedy) }
  }
  if (keys.some((key) => fitsAlgorithm(key, alg)))
    return { finding: good(`The JWK Set at ${uri} has a key for ${alg}.`), usable: alg }
  const usable = announcedAlgorithms(metadata).filter((other) => keys.some((key) => fitsAlgorithm(key, other)))
  const others = usable.length > 0 ? usable : keys.map(({ alg: ofKey, crv, kty }) => textOf(ofKey ?? crv ?? kty))
  const list = [...new Set(others)].map((other) => `'${other}'`).join(', ')
  const finding = problem(
    `The JWK Set at ${uri} has no key for ${alg}, only for ${list}.`,
    `If the client is registered with one of these algorithms, configure it, for example algorithms: ['${others[0]}']. Pass the same algorithm to bcl with --alg.`,
  )
  return { finding, usable: others.find(isAlgorithm) }
}

/** Returns the algorithms that the provider announces for ID Tokens. */
function announcedAlgorithms(metadata: Json): string[] {
  const algorithms = metadata['id_token_signing_alg_values_supported']
  return Array.isArray(algorithms) ? algorithms.filter((name) => typeof name === 'string') : []
}

function checkAlgorithm(metadata: Json, alg: string): DoctorFinding[] {
  const announced = announcedAlgorithms(metadata)
  if (announced.length === 0 || announced.includes(alg)) return []
  const what = `The provider does not announce ${alg}. It announces ${announced.join(', ')}.`
  const remedy = 'Find out which algorithm the client is registered with. Configure it, and pass it to bcl with --alg.'
  return [warning(what, remedy)]
}

/** Looks for the discovery document at the addresses of RFC 8414. Some providers use these addresses. */
async function findElsewhere(issuer: string): Promise<Json | undefined> {
  const { origin, pathname } = new URL(issuer)
  const path = pathname.replace(/\/$/, '')
  for (const name of ['openid-configuration', 'oauth-authorization-server']) {
    const metadata = await fetchJson(`${origin}/.well-known/${name}${path}`)
    if (typeof metadata !== 'string' && metadata['issuer'] === issuer) return metadata
  }
  return undefined
}

/** The result of {@link checkProvider}. */
export interface ProviderCheck {
  findings: DoctorFinding[]
  /** True if the provider has a key for the given algorithm. */
  hasKeys: boolean
  /**
   * The algorithm for registering the client: the given algorithm, or another algorithm if the provider has no key for
   * the given algorithm.
   */
  alg: string
}

/** Checks the issuer, discovery, the metadata and the keys of a provider. */
export async function checkProvider(issuer: string, alg: string): Promise<ProviderCheck> {
  const addressProblem = checkAddress(issuer)
  if (addressProblem) return { findings: [addressProblem], hasKeys: false, alg }
  const url = issuer.replace(/\/$/, '') + discoveryPath
  const metadata = await fetchJson(url)
  if (typeof metadata === 'string') {
    const elsewhere = await findElsewhere(issuer)
    const uri = textOf(elsewhere?.['jwks_uri']) || '<the jwks_uri of the provider>'
    const remedy = `Check the issuer, and check that this machine reaches the provider. If the provider has its discovery document elsewhere, configure keys: new URL('${uri}').`
    return { findings: [problem(`Discovery at ${url} does not work: ${metadata}.`, remedy)], hasKeys: false, alg }
  }
  const { finding, usable = alg } = await checkKeys(issuer, metadata, alg)
  const findings = [
    good(`Discovery at ${url} works.`),
    checkIssuer(issuer, metadata['issuer']),
    ...checkSupport(metadata),
    // If the keys have a fault, skips the check of the algorithm. This check would report the same fault again.
    ...(finding.level === 'good' ? checkAlgorithm(metadata, alg) : []),
    finding,
  ]
  return { findings, hasKeys: finding.level === 'good', alg: usable }
}
