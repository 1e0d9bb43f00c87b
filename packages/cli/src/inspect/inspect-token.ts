import { BackchannelLogoutError, discoverKeys, verifyLogoutToken, type TrustedIssuer } from '@bcl/core'
import { createTestIssuer, type TestIssuer } from '@bcl/testing'
import { compactDecrypt, importJWK, type JWK } from 'jose'
import { isLoopback } from '../network/address.js'
import { formatValue, textOf } from './format-value.js'
import { isAlgorithm } from './jws-algorithm.js'
import {
  isKid,
  repairAlgorithm,
  repairFor,
  repairHeader,
  type Finding,
  type InspectedToken,
  type Repair,
} from './remedies.js'
import { isCanonical, readToken } from './token-parts.js'

/** Options of {@link inspectLogoutToken}. */
export interface InspectOptions {
  /** The expected issuer. @default the `iss` of the token */
  issuer?: string | undefined
  /** The expected client. @default the first audience of the token */
  clientId?: string | undefined
  /**
   * The keys that check the signature. If only `issuer` is given, its keys are fetched by discovery. @default the signature is
   * not checked
   */
  keys?: TrustedIssuer['keys']
  /** The private key that decrypts the token. @default an encrypted token is not decrypted */
  decryptionKey?: JWK | undefined
  /** Returns the current time as a NumericDate, in seconds. @default the system clock */
  now?: () => number
}

/** The result of {@link inspectLogoutToken}. */
export interface Inspection {
  header: Record<string, unknown>
  /** Not set if the token is encrypted. */
  claims?: Record<string, unknown>
  findings: Finding[]
  /** The settings of all findings together. If every finding has settings, `@bcl/core` accepts the token with them. */
  settings: Partial<TrustedIssuer>
  /** `unchecked` means that no keys were available, or that `@bcl/core` found a fault before it checked the signature. */
  signature: 'good' | 'bad' | 'unchecked'
}

const maxFindings = 20
/** `@bcl/core` refuses longer tokens. */
const maxTokenLength = 16 * 1024

/** Replaces members of an object. Removes a member whose new value is `undefined`. */
const withChanges = (object: Record<string, unknown>, changes: object = {}): Record<string, unknown> =>
  Object.fromEntries(Object.entries({ ...object, ...changes }).filter(([, value]) => value !== undefined))

let signer: Promise<TestIssuer> | undefined

/**
 * Finds all faults of the header and the claims. `@bcl/core` stops at the first fault. So this function repairs the
 * fault, and verifies the repaired token, until there is no fault. It signs the repaired token with a new key, because
 * a wrong signature would hide other faults.
 */
async function findFaults(token: InspectedToken): Promise<Finding[]> {
  const issuer = await (signer ??= createTestIssuer())
  const findings: Finding[] = []
  let { header, claims } = token
  const unknownFault = {
    problem: 'No receiver accepts a token of this form.',
    remedy: 'Ask the provider.',
  }
  const apply = (repair: Repair = unknownFault): void => {
    findings.push(repair)
    header = withChanges(header, repair.header)
    claims = withChanges(claims, repair.claims)
  }
  // Repairs these faults first, because the checks below cannot find them. The new signature always has RS256 and a new
  // kid. And jose does not sign a header with crit or b64.
  if (header['alg'] !== 'RS256') apply(repairAlgorithm({ ...token, header }))
  if ('crit' in header || 'b64' in header) apply(repairHeader({ ...token, header }))
  if ('kid' in header && !isKid(header['kid'])) apply(repairHeader({ ...token, header }))
  while (findings.length < maxFindings) {
    const signed = await issuer.sign(claims, withChanges(header, { kid: issuer.key.kid, jwk: undefined }))
    const trusted = { issuer: token.trusted.issuer, clientId: token.trusted.clientId, keys: issuer.jwks }
    try {
      await verifyLogoutToken(signed, [trusted], { now: () => token.now })
      break
    } catch (error) {
      if (!(error instanceof BackchannelLogoutError)) throw error
      const repair = repairFor(error, { ...token, header, claims })
      apply(repair)
      if (!repair) break
    }
  }
  return findings
}

/** The claims that `@bcl/core` checks before the signature. */
const checkedBeforeSignature = new Set(['iss', 'aud', 'azp'])

/** Checks the signature of a token that may have other faults. */
async function checkSignature(
  token: string,
  { header, claims, now }: InspectedToken,
  keys: TrustedIssuer['keys'],
): Promise<Pick<Inspection, 'signature'> & { finding?: Finding }> {
  const audiences = [claims['aud']].flat().filter((audience) => typeof audience === 'string')
  const trusted = {
    issuer: textOf(claims['iss']),
    clientId: audiences[0] ?? '',
    trustedAudiences: audiences,
    algorithms: [textOf(header['alg'])],
    keys,
  }
  try {
    await verifyLogoutToken(token, [trusted], { now: () => now })
    return { signature: 'good' }
  } catch (error) {
    // A TypeError means that the token has no valid alg or no audience, so the settings for the check are invalid.
    if (!(error instanceof BackchannelLogoutError)) return { signature: 'unchecked' }
    const { code, claim = '' } = error
    if (code === 'ERR_LOGOUT_TOKEN_SIGNATURE') {
      const remedy = 'The token is forged, or comes from another environment, or the key was withdrawn.'
      return { signature: 'bad', finding: { problem: 'No key of the issuer made the signature.', remedy } }
    }
    if (code === 'ERR_LOGOUT_KEYS_UNAVAILABLE') {
      const remedy = 'Run "bcl doctor" to find the cause, or pass the keys with --keys.'
      return { signature: 'unchecked', finding: { problem: 'The keys of the issuer cannot be fetched.', remedy } }
    }
    const isCheckedAfter =
      code === 'ERR_LOGOUT_TOKEN_EXPIRED' || (code === 'ERR_LOGOUT_TOKEN_CLAIM' && !checkedBeforeSignature.has(claim))
    return { signature: isCheckedAfter ? 'good' : 'unchecked' }
  }
}

function encryptedFinding({ alg, enc }: Record<string, unknown>): Finding {
  const problem = `The token is encrypted with ${formatValue(alg)} and ${formatValue(enc)}. Its claims cannot be read here.`
  if (typeof alg !== 'string' || typeof enc !== 'string') {
    return { problem, remedy: 'Both "alg" and "enc" must name an algorithm. Only the provider can correct this.' }
  }
  return {
    problem,
    remedy: 'Configure the decryption keys, or register the client without id_token_encrypted_response_alg.',
    settings: { decryption: { keys: [], alg: [alg], enc: [enc] } },
  }
}

/** Tells whether `@bcl/core` fetches the keys of an issuer by discovery. */
const canBeDiscovered = (iss: string): boolean =>
  URL.canParse(iss) && (iss.startsWith('https:') || (iss.startsWith('http:') && isLoopback(iss)))

const undiscoverableFinding = (iss: string): Finding => ({
  problem: `"iss" is ${formatValue(iss)}, which is not an https URL.`,
  remedy: 'The keys of this issuer cannot be discovered. Configure keys, or let the provider use an https URL.',
})

/** Decrypts a token and inspects the signed token inside. */
async function inspectEncrypted(
  token: string,
  key: JWK,
  header: Record<string, unknown>,
  options: InspectOptions,
): Promise<Inspection | string> {
  let signed: string
  try {
    const { plaintext } = await compactDecrypt(token, await importJWK(key, textOf(header['alg'])))
    signed = new TextDecoder().decode(plaintext)
  } catch (error) {
    const problem = `The key does not decrypt the token (${(error as Error).message}).`
    const remedy = 'Pass another private key with --key. The registration of the client must contain its public key.'
    return { header, findings: [{ problem, remedy }], settings: {}, signature: 'unchecked' }
  }
  const inner = await inspectLogoutToken(signed, { ...options, decryptionKey: undefined })
  if (typeof inner === 'string') return `The encrypted token contains no signed token. ${inner}`
  const { settings } = encryptedFinding(header)
  const finding: Finding = {
    problem: `The token is encrypted with ${formatValue(header['alg'])} and ${formatValue(header['enc'])}.`,
    remedy: 'Configure the decryption keys.',
    ...(settings && { settings }),
  }
  return { ...inner, findings: [finding, ...inner.findings], settings: { ...settings, ...inner.settings } }
}

const tooLongFinding = ({ length }: string): Finding => ({
  problem: `The token has ${length} characters. Receivers refuse more than ${maxTokenLength}.`,
  remedy: 'Find the longest claim, for example a list of groups, and remove it from Logout Tokens.',
})

/**
 * Decodes a Logout Token and finds its faults.
 *
 * @returns the findings, or a sentence that says why the text is not a token.
 * @throws {TypeError} if `keys` is not set and `issuer` is not an `https:` URL (or `http:` to this machine).
 */
export async function inspectLogoutToken(token: string, options: InspectOptions = {}): Promise<Inspection | string> {
  const parts = readToken(token)
  if (typeof parts === 'string') return parts
  const { header, claims, isEncrypted } = parts
  if (isEncrypted && options.decryptionKey) return inspectEncrypted(token, options.decryptionKey, header, options)
  if (isEncrypted || !claims) {
    const finding = encryptedFinding(header)
    return { header, findings: [finding], settings: finding.settings ?? {}, signature: 'unchecked' }
  }
  const now = options.now?.() ?? Date.now() / 1000
  const [audience] = [claims['aud']].flat()
  const trusted: TrustedIssuer = {
    issuer:
      options.issuer ?? (typeof claims['iss'] === 'string' && claims['iss'] ? claims['iss'] : 'https://issuer.invalid'),
    clientId: options.clientId ?? (typeof audience === 'string' && audience ? audience : 'client'),
  }
  if (token.length > maxTokenLength) {
    return { header, claims, findings: [tooLongFinding(token)], settings: {}, signature: 'unchecked' }
  }
  const inspected: InspectedToken = { header, claims, trusted, now }
  const findings = await findFaults(inspected)
  const usesDiscovery = options.keys === undefined
  if (usesDiscovery && typeof claims['iss'] === 'string' && !canBeDiscovered(claims['iss'])) {
    findings.unshift(undiscoverableFinding(claims['iss']))
  }
  const isIntact = isCanonical(token)
  if (!isIntact) {
    findings.unshift({
      problem: 'The token is not canonical base64url. It has padding, white space or spare bits that are not zero.',
      remedy: 'Check that copying the token added nothing. A strict receiver refuses such a token.',
    })
  }
  const keys = options.keys ?? (options.issuer === undefined ? undefined : discoverKeys(options.issuer))
  const { signature, finding } =
    keys === undefined ? { signature: 'unchecked' as const } : await checkSignature(token, inspected, keys)
  // The signature can be wrong because the token was changed, has another issuer or has an unknown alg. Then the findings
  // with this reason come first.
  const hasCause = !isIntact || claims['iss'] !== trusted.issuer || !isAlgorithm(header['alg'])
  if (finding) findings.splice(hasCause ? findings.length : 0, 0, finding)
  const settings = Object.assign({}, ...findings.map((one) => one.settings)) as Partial<TrustedIssuer>
  return { header, claims, findings, settings, signature }
}
