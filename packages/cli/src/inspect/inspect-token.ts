import { BackchannelLogoutError, discoverKeys, verifyLogoutToken, type TrustedIssuer } from '@bcl/core'
import { createTestIssuer, type TestIssuer } from '@bcl/testing'
import { isKid, ofAlgorithm, ofForm, stepFor, type Finding, type Look, type Step } from './remedies.js'
import { show } from './show.js'
import { isCanonical, readToken } from './token-parts.js'

export interface InspectOptions {
  /** The issuer to expect. @default what the token says */
  issuer?: string | undefined
  /** The client to expect. @default the first audience of the token */
  clientId?: string | undefined
  /** Where its keys are; where only the issuer is given, they are discovered. */
  keys?: TrustedIssuer['keys']
  /** Seconds, for tests. */
  now?: () => number
}

export interface Inspection {
  header: Record<string, unknown>
  claims?: Record<string, unknown>
  findings: Finding[]
  /** What to configure for it to be accepted, as far as anything helps. */
  settings: Partial<TrustedIssuer>
  /** `unchecked` where no keys were at hand, or where something is wrong that is looked at before. */
  signature: 'good' | 'bad' | 'unchecked'
}

const maxFindings = 20
/** Characters of a token that are looked at. */
const maxLength = 16 * 1024

const changed = (object: Record<string, unknown>, changes: object = {}): Record<string, unknown> =>
  Object.fromEntries(Object.entries({ ...object, ...changes }).filter(([, value]) => value !== undefined))

let signer: Promise<TestIssuer> | undefined

/**
 * Has the checks of `@bcl/core` look at what a token says, one after the other: it is signed anew with a key made here, and
 * what one check finds is mended for the next.
 */
async function findAll(look: Look): Promise<Finding[]> {
  const issuer = await (signer ??= createTestIssuer())
  const findings: Finding[] = []
  let { header, claims } = look
  const mend = (
    step: Step = { problem: 'It has a form that no receiver takes.', remedy: 'See the provider.' },
  ): void => {
    findings.push(step)
    header = changed(header, step.header)
    claims = changed(claims, step.claims)
  }
  // These never reach a check of claims, and what is signed here must be something that can be signed.
  if (header['alg'] !== 'RS256') mend(ofAlgorithm({ ...look, header }))
  if ('crit' in header || 'b64' in header) mend(ofForm({ ...look, header }))
  if ('kid' in header && !isKid(header['kid'])) mend(ofForm({ ...look, header }))
  while (findings.length < maxFindings) {
    const token = await issuer.sign(claims, changed(header, { kid: issuer.key.kid, jwk: undefined }))
    const trusted = { issuer: look.trusted.issuer, clientId: look.trusted.clientId, keys: issuer.jwks }
    try {
      await verifyLogoutToken(token, [trusted], { now: () => look.now })
      break
    } catch (error) {
      if (!(error instanceof BackchannelLogoutError)) throw error
      const step = stepFor(error, { ...look, header, claims })
      mend(step)
      if (!step) break
    }
  }
  return findings
}

/** What is looked at before the signature; a fault there says nothing of it. */
const before = new Set(['iss', 'aud', 'azp'])

/** Whether the signature is good, whatever else the token says. */
async function checkSignature(
  token: string,
  { header, claims, now }: Look,
  keys: TrustedIssuer['keys'],
): Promise<Pick<Inspection, 'signature'> & { finding?: Finding }> {
  const audiences = [claims['aud']].flat().filter((audience) => typeof audience === 'string')
  const trusted = {
    issuer: String(claims['iss']),
    clientId: audiences[0] ?? '',
    trustedAudiences: audiences,
    algorithms: [String(header['alg'])],
    keys,
  }
  try {
    await verifyLogoutToken(token, [trusted], { now: () => now })
    return { signature: 'good' }
  } catch (error) {
    // A TypeError: with an algorithm or without an audience there is nothing to check it by.
    if (!(error instanceof BackchannelLogoutError)) return { signature: 'unchecked' }
    const { code, claim = '' } = error
    if (code === 'ERR_LOGOUT_TOKEN_SIGNATURE') {
      const remedy = 'It is forged, from another environment, or the key was withdrawn.'
      return { signature: 'bad', finding: { problem: 'The signature is not by a key of the issuer.', remedy } }
    }
    if (code === 'ERR_LOGOUT_KEYS_UNAVAILABLE') {
      const remedy = 'See what "bcl doctor" finds, or give them with --keys.'
      return { signature: 'unchecked', finding: { problem: 'The keys cannot be had.', remedy } }
    }
    const isAfter = code === 'ERR_LOGOUT_TOKEN_EXPIRED' || (code === 'ERR_LOGOUT_TOKEN_CLAIM' && !before.has(claim))
    return { signature: isAfter ? 'good' : 'unchecked' }
  }
}

function ofEncryption({ alg, enc }: Record<string, unknown>): Finding {
  const problem = `It is encrypted, with ${show(alg)} and ${show(enc)}: what it says is not to be seen here.`
  if (typeof alg !== 'string' || typeof enc !== 'string') {
    return { problem, remedy: 'Both "alg" and "enc" must name an algorithm. This is for the provider to mend.' }
  }
  return {
    problem,
    remedy: 'Configure the decryption keys, or register the client without id_token_encrypted_response_alg.',
    settings: { decryption: { keys: [], alg: [alg], enc: [enc] } },
  }
}

const ofLength = ({ length }: string): Finding => ({
  problem: `It is ${length} characters long, and only ${maxLength} are looked at.`,
  remedy: 'See which of its claims is so long: the groups of a user do not belong into a Logout Token.',
})

/** Says what a Logout Token says, what is wrong with it, and which settings would accept it. */
export async function inspectLogoutToken(token: string, options: InspectOptions = {}): Promise<Inspection | string> {
  const parts = readToken(token)
  if (typeof parts === 'string') return parts
  const { header, claims, isEncrypted } = parts
  if (isEncrypted || !claims) {
    const finding = ofEncryption(header)
    return { header, findings: [finding], settings: finding.settings ?? {}, signature: 'unchecked' }
  }
  const now = options.now?.() ?? Date.now() / 1000
  const [audience] = [claims['aud']].flat()
  const trusted: TrustedIssuer = {
    issuer:
      options.issuer ?? (typeof claims['iss'] === 'string' && claims['iss'] ? claims['iss'] : 'https://issuer.invalid'),
    clientId: options.clientId ?? (typeof audience === 'string' && audience ? audience : 'client'),
  }
  if (token.length > maxLength) {
    return { header, claims, findings: [ofLength(token)], settings: {}, signature: 'unchecked' }
  }
  const look: Look = { header, claims, trusted, now }
  const findings = await findAll(look)
  if (!isCanonical(token)) {
    findings.unshift({
      problem: 'It is not spelled as base64url must be: padding, white space or spare bits.',
      remedy: 'See that nothing was added when it was copied; no receiver should take it so.',
    })
  }
  const keys = options.keys ?? (options.issuer === undefined ? undefined : discoverKeys(options.issuer))
  const { signature, finding } =
    keys === undefined ? { signature: 'unchecked' as const } : await checkSignature(token, look, keys)
  if (finding) findings.unshift(finding)
  const settings = Object.assign({}, ...findings.map((one) => one.settings)) as Partial<TrustedIssuer>
  return { header, claims, findings, settings, signature }
}
