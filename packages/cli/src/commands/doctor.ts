import { checkEndpoint } from '../doctor/check-endpoint.js'
import { checkProvider } from '../doctor/check-provider.js'
import { checkRedis } from '../doctor/check-redis.js'
import { checkTransmitter } from '../doctor/check-transmitter.js'
import type { DoctorFinding } from '../doctor/finding.js'
import { CommandError } from '../terminal/command-error.js'
import type { Channel, Output } from '../terminal/output.js'

export interface DoctorCommandOptions {
  redis?: string
  /** @default 'RS256' */
  alg?: string
  json?: boolean
  /** The issuer of a transmitter of security events. */
  ssf?: string
  ssfAudience?: string
  ssfStream?: string
  ssfClient?: string
}

interface DoctorArguments extends DoctorCommandOptions {
  issuer: string
  clientId: string
  /** The address of the endpoint. */
  url: string
}

/** Returns the client metadata to register at the provider, with the names of OpenID Connect Dynamic Client Registration. */
const registrationFor = (clientId: string, url: string, alg: string): object => ({
  client_id: clientId,
  backchannel_logout_uri: url,
  backchannel_logout_session_required: true,
  id_token_signed_response_alg: alg,
})

const escapeLineEnd = (character: string): string => (character === '\r' ? '\\r' : '\\n')

const signs = { good: ['green', '✓'], warning: ['yellow', '!'], problem: ['red', '✗'] } as const

function formatFinding({ level, what, remedy }: DoctorFinding, { style }: Channel): string {
  const [color, sign] = signs[level]
  // A provider can put line ends into its texts. Without this escape, it could add lines that look like findings.
  const [text, ...rest] = [what, remedy ?? []].flat().map((line) => line.replaceAll(/[\r\n]/g, escapeLineEnd))
  return [`${style(color, sign)} ${text}`, ...rest].join('\n  ')
}

/**
 * Checks the transmitter, if the user gave one. The secret comes from an environment variable, so that it is not in the
 * history of the shell.
 */
async function checkSecurityEvents(options: DoctorCommandOptions): Promise<DoctorFinding[]> {
  const { ssf, ssfAudience: audience, ssfStream: streamId, ssfClient: clientId } = options
  if (ssf === undefined) return []
  const clientSecret = process.env['SSF_CLIENT_SECRET']
  const isComplete = streamId !== undefined && clientId !== undefined && clientSecret !== undefined
  if (!isComplete && (streamId ?? clientId) !== undefined) {
    const remedy = 'Set --ssf-stream, --ssf-client and the environment variable SSF_CLIENT_SECRET, or none of them.'
    throw new CommandError('The settings for the stream are incomplete.', remedy)
  }
  const client = isComplete ? { clientId, clientSecret, streamId } : undefined
  return checkTransmitter({ issuer: ssf, alg: 'RS256', audience, client })
}

/**
 * Checks the provider, the endpoint, Redis and the transmitter of security events. Returns the exit code. The exit code is 1 if
 * there is a problem.
 */
export async function doctor(
  { issuer, clientId, url, redis, alg = 'RS256', json, ...ssf }: DoctorArguments,
  { out }: Output,
): Promise<number> {
  const provider = await checkProvider(issuer, alg)
  const findings = [
    ...provider.findings,
    ...(await checkEndpoint(url, provider.hasKeys)),
    ...(redis === undefined ? [] : [await checkRedis(redis)]),
    ...(await checkSecurityEvents(ssf)),
  ]
  const registration = registrationFor(clientId, url, provider.alg)
  if (json) {
    out.write(JSON.stringify({ findings, registration }, undefined, 2))
  } else {
    for (const finding of findings) out.write(formatFinding(finding, out))
    out.write(`\nRegister at the provider:\n${JSON.stringify(registration, undefined, 2)}`)
  }
  return findings.some(({ level }) => level === 'problem') ? 1 : 0
}
