import { BackchannelLogoutError, createBackchannelLogout, MemoryStore } from '@bcl/core'
import { createSecurityEventReceiver, type SecurityEvent, type Transmitter } from '@bcl/ssf'
import { createTestIssuer } from '@bcl/testing'
import { toSentence } from '../terminal/command-error.js'
import { formatValue, textOf } from './format-value.js'
import type { InspectOptions } from './inspect-token.js'
import { isAlgorithm } from './jws-algorithm.js'
import type { TokenParts } from './token-parts.js'

/** A fault of a Security Event Token. */
interface SetFinding {
  problem: string
  remedy: string
  /** Settings of a transmitter with which `@bcl/ssf` accepts the token. */
  settings?: Partial<Transmitter>
}

/** The effect of one event of a Security Event Token, in a receiver without `endsSessions`. */
type SetEffect = Pick<SecurityEvent, 'type' | 'ended' | 'reason'>

export interface SetInspection {
  header: Record<string, unknown>
  claims: Record<string, unknown>
  findings: SetFinding[]
  events: SetEffect[]
  settings: Partial<Transmitter>
  signature: 'good' | 'bad' | 'unchecked'
}

/** Tells whether a token is a Security Event Token and not a Logout Token. */
export const isSecurityEventToken = ({ header, claims = {} }: TokenParts): boolean =>
  /^(?:application\/)?secevent\+jwt$/i.test(textOf(header['typ'])) || 'sub_id' in claims

/** Returns every `iss` in the claims. `bcl inspect` trusts all these issuers, so that no subject has an unknown issuer. */
function issuersIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, member]) =>
    name === 'iss' && textOf(member) ? [textOf(member)] : issuersIn(member),
  )
}

/** The result of a push: the error of the token, or its events. */
interface Receipt {
  error?: unknown
  events: SetEffect[]
}

/** Pushes a token to a receiver in memory. */
async function push(jwt: string, transmitter: Transmitter): Promise<Receipt> {
  const store = new MemoryStore()
  const issuers = (issuer: string) => ({ issuer, clientId: 'client', keys: { keys: [] } })
  const logout = createBackchannelLogout({ issuers, sessionMaxAge: 8 * 86_400, store })
  const receipt: Receipt = { events: [] }
  const receiver = createSecurityEventReceiver({
    logout,
    transmitters: [transmitter],
    timeout: 10,
    onEvent: ({ type, ended = 'nothing', reason }) =>
      void receipt.events.push({ type, ended, ...(reason && { reason }) }),
    onDelivery: ({ error }) => (receipt.error = error),
  })
  await receiver.respond({ method: 'POST', contentType: 'application/secevent+jwt', body: jwt })
  await Promise.all([receiver.close(), logout.close()])
  return receipt
}

const remedyOf = ({ claim }: BackchannelLogoutError): string => {
  if (claim === 'iss') return 'Set issuer to the iss of the token, if you trust this transmitter.'
  if (claim === 'aud') return 'Set audience to the aud of the stream.'
  return 'Only the transmitter can correct this.'
}

/** Decodes a Security Event Token. Finds its faults, and the sessions that its events end. */
export async function inspectSecurityEventToken(
  jwt: string,
  { header, claims = {} }: TokenParts,
  { issuer, clientId, keys }: InspectOptions,
): Promise<SetInspection> {
  const op = await createTestIssuer()
  const aud = [claims['aud']].flat().find((value) => typeof value === 'string' && value !== '')
  const expected = issuer ?? (textOf(claims['iss']) || 'https://transmitter.invalid')
  const transmitter = {
    issuer: expected,
    audience: clientId ?? (textOf(aud) || 'receiver'),
    subjectIssuers: [...new Set([expected, ...issuersIn(claims)])],
  }
  const signed = await op.sign(claims, {
    alg: 'RS256',
    kid: op.key.kid,
    ...('typ' in header && { typ: header['typ'] }),
  })
  const findings: SetFinding[] = []
  let receipt = await push(signed, { ...transmitter, keys: op.jwks })
  const hasRightType = /^(?:application\/)?secevent\+jwt$/i.test(textOf(header['typ']))
  if (receipt.error && !hasRightType) {
    const relaxed = await push(signed, { ...transmitter, keys: op.jwks, requireTyp: false })
    const isAccepted = relaxed.error === undefined
    findings.push({
      problem: `"typ" is ${formatValue(header['typ'])}, not "secevent+jwt".`,
      remedy: isAccepted ? 'A setting of the receiver allows it.' : 'Only the transmitter can correct this.',
      ...(isAccepted && { settings: { requireTyp: false } }),
    })
    receipt = relaxed
  }
  if (receipt.error instanceof BackchannelLogoutError)
    findings.push({ problem: toSentence(receipt.error.message), remedy: remedyOf(receipt.error) })
  const alg = textOf(header['alg'])
  if (alg !== 'RS256') {
    const problem = `"alg" is ${formatValue(header['alg'])}.`
    // `@bcl/ssf` allows no algorithm with a shared secret.
    findings.push(
      isAlgorithm(alg) && !alg.startsWith('HS')
        ? {
            problem,
            remedy: 'Configure the algorithm, if the transmitter really signs with it.',
            settings: { algorithms: [alg] },
          }
        : { problem, remedy: 'Only the transmitter can correct this.' },
    )
  }

  let signature: SetInspection['signature'] = 'unchecked'
  const isReadable = findings.every(({ settings }) => settings !== undefined)
  if (isReadable && (keys ?? issuer) !== undefined) {
    const settings = { algorithms: [alg], requireTyp: false }
    const { error } = await push(jwt, { ...transmitter, ...settings, ...(keys && { keys }) })
    const code = error instanceof BackchannelLogoutError ? error.code : undefined
    if (error === undefined) signature = 'good'
    else if (code === 'ERR_LOGOUT_TOKEN_SIGNATURE') {
      signature = 'bad'
      const remedy = 'The token is forged, or comes from another environment, or the key was withdrawn.'
      findings.push({ problem: 'No key of the transmitter made the signature.', remedy })
    } else {
      const remedy = 'Run "bcl doctor --ssf" to find the cause, or pass the keys with --keys.'
      findings.push({ problem: 'The keys of the transmitter cannot be fetched.', remedy })
    }
  }
  const settings = Object.assign({}, ...findings.map((one) => one.settings)) as Partial<Transmitter>
  return { header, claims, findings, events: receipt.events, settings, signature }
}
