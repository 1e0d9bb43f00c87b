import { createStreamClient, StreamRequestError, type StreamClient } from '@bcl/ssf'
import { textOf } from '../inspect/format-value.js'
import { isLoopback } from '../network/address.js'
import { reasonOf } from '../network/reason-of.js'
import { checkKeys, fetchJson } from './check-provider.js'
import { good, problem, warning, type DoctorFinding } from './finding.js'

/** The transmitter of security events that `bcl doctor` checks. */
export interface TransmitterToCheck {
  issuer: string
  /** The algorithm of the tokens. */
  alg: string
  /** The `audience` in the settings of the receiver. */
  audience?: string | undefined
  /** The client that manages the stream. Without this member, only the metadata and the keys are checked. */
  client?: { clientId: string; clientSecret: string; streamId: string } | undefined
}

/** Returns the URLs at which a receiver looks for the metadata. */
function addressesOf(issuer: string): string[] {
  const { origin, pathname } = new URL(issuer)
  const path = pathname.replace(/\/$/, '')
  const name = '/.well-known/ssf-configuration'
  return [...new Set([origin + name + path, origin + path + name])]
}

async function findMetadata(issuer: string) {
  const reasons: string[] = []
  for (const url of addressesOf(issuer)) {
    const metadata = await fetchJson(url)
    if (typeof metadata !== 'string') return { url, metadata }
    reasons.push(`${url}: ${metadata}`)
  }
  return reasons.join('; ')
}

function checkIssuer(issuer: string, announced: unknown): DoctorFinding {
  if (announced === issuer) return good('The metadata of the transmitter names the same issuer.')
  return problem(
    `The metadata of the transmitter names the issuer "${textOf(announced)}", not "${issuer}".`,
    'Configure the issuer as the metadata names it. A slash at the end counts.',
  )
}

function checkAudience(aud: unknown, audience: string | undefined): DoctorFinding {
  const audiences = [aud].flat().map(textOf)
  if (aud === undefined)
    return warning('The stream names no audience.', 'Look at the aud of a token: bcl inspect shows it.')
  if (audience === undefined) return good(`The audience of the stream is "${audiences.join('", "')}".`)
  if (audiences.includes(audience)) return good(`The audience of the stream is "${audience}".`)
  return problem(
    `The audience of the stream is "${audiences.join('", "')}", not "${audience}".`,
    `Configure audience: '${audiences[0]}'. Otherwise your receiver refuses every token.`,
  )
}

function checkStatus({ status, reason }: { status: string; reason?: string | undefined }): DoctorFinding {
  if (status === 'enabled') return good('The stream is enabled.')
  const why = reason === undefined ? '' : ` (${reason})`
  return problem(`The stream is ${status}${why}, so no event is sent.`, 'Enable it: setStatus of createStreamClient.')
}

const describeError = (error: unknown): string =>
  error instanceof StreamRequestError && error.status >= 300 ? `the status ${error.status}` : reasonOf(error)

/** Reads the stream and its status, and requests a verification event. */
async function checkStream(client: StreamClient, streamId: string, audience?: string): Promise<DoctorFinding[]> {
  const attempt = async (
    what: string,
    remedy: string,
    check: () => Promise<DoctorFinding[]>,
  ): Promise<DoctorFinding[]> =>
    check().catch((error: unknown) => [problem(`${what}: ${describeError(error)}.`, remedy)])
  const findings = await attempt(
    'The stream cannot be read',
    'Check the id of the stream, the client, and whether the client may have the scopes ssf.read and ssf.manage.',
    async () => {
      const { aud } = await client.getStream(streamId)
      return [checkAudience(aud, audience), checkStatus(await client.getStatus(streamId))]
    },
  )
  if (findings.some(({ level }) => level === 'problem')) return findings
  const verified = await attempt(
    'The transmitter sends no verification event',
    'Some transmitters allow one request a minute. Wait, and try again.',
    async () => {
      await client.verifyStream(streamId, 'bcl-doctor')
      return [
        good('The transmitter sends a verification event with the state "bcl-doctor". Look for it at your receiver.'),
      ]
    },
  )
  return [...findings, ...verified]
}

/** Checks the metadata, the keys and the stream of a transmitter. Requests one verification event. */
export async function checkTransmitter({
  issuer,
  alg,
  audience,
  client,
}: TransmitterToCheck): Promise<DoctorFinding[]> {
  if (!issuer.startsWith('https:') && !isLoopback(issuer))
    return [problem('The issuer of the transmitter does not use https.', 'Plain http is only for this machine.')]
  const found = await findMetadata(issuer)
  if (typeof found === 'string') {
    const remedy = 'Check the issuer. If the metadata is elsewhere, configure its address as metadata.'
    return [problem(`The metadata of the transmitter cannot be fetched: ${found}.`, remedy)]
  }
  const { finding } = await checkKeys(issuer, found.metadata, alg)
  const findings = [
    good(`The metadata of the transmitter is at ${found.url}.`),
    checkIssuer(issuer, found.metadata['issuer']),
    finding,
  ]
  if (client === undefined || findings.some(({ level }) => level === 'problem')) return findings
  const { clientId, clientSecret, streamId } = client
  const streams = createStreamClient({ transmitter: issuer, clientCredentials: { clientId, clientSecret } })
  return [...findings, ...(await checkStream(streams, streamId, audience))]
}
