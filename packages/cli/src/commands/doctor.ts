import { checkEndpoint } from '../doctor/check-endpoint.js'
import { checkProvider } from '../doctor/check-provider.js'
import { checkRedis } from '../doctor/check-redis.js'
import type { DoctorFinding } from '../doctor/finding.js'
import type { Channel, Output } from '../terminal/output.js'

export interface DoctorCommandOptions {
  redis?: string
  /** @default 'RS256' */
  alg?: string
  json?: boolean
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

const signs = { good: ['green', '✓'], warning: ['yellow', '!'], problem: ['red', '✗'] } as const

function formatFinding({ level, what, remedy }: DoctorFinding, { style }: Channel): string {
  const [color, sign] = signs[level]
  return `${style(color, sign)} ${what}${remedy === undefined ? '' : `\n  ${remedy}`}`
}

/** Checks the provider, the endpoint and Redis. Returns the exit code. The exit code is 1 if there is a problem. */
export async function doctor(
  { issuer, clientId, url, redis, alg = 'RS256', json }: DoctorArguments,
  { out }: Output,
): Promise<number> {
  const provider = await checkProvider(issuer, alg)
  const findings = [
    ...provider.findings,
    ...(await checkEndpoint(url, provider.hasKeys)),
    ...(redis === undefined ? [] : [await checkRedis(redis)]),
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
